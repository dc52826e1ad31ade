"""What a verb raises becomes an exit code and a message, never a traceback."""

import json

import pytest
import typer

from assay.cli.shell import verb


def test_a_refusal_of_the_system_is_told_on_stderr_and_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    @verb
    def write(*, as_json: bool) -> int:
        raise OSError(30, "Read-only file system", "/shop/.assay/run.lock")

    with pytest.raises(typer.Exit) as ended:
        write(as_json=True)
    printed = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert "Read-only file system: '/shop/.assay/run.lock'" in printed.err
    assert json.loads(printed.out)["error"] == "SystemRefused"
