"""What a verb raises becomes an exit code and a message, never a traceback."""

import json

import pytest
import typer

from assay.cli.shell import moment, show_table, verb
from assay.errors import DataError, UsageError
from assay.ledger.evidence import Evidence


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


def test_what_stands_in_data_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "\x1b]0;owned\x07\x1b[2Jpass\x9b1m"

    @verb
    def read() -> int:
        raise DataError(f"no such column {forged}")

    with pytest.raises(typer.Exit):
        read()
    show_table(("event",), [(forged,)])
    found = Evidence("data.expectations", "source:games", "fail", f"games: {forged}", {"examples": [forged]})
    printed = capsys.readouterr()
    for text in (printed.out, printed.err, found.line(), found.full()):
        assert r"\x1b[2Jpass" in text
        assert not set(text) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "now", "", "99999-01-01"])
def test_a_moment_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--as-of"):
        moment(text)
