"""The how-to on streaming, executed: every command of the page runs, and what the page shows is what comes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.projects import make_churn

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "go-streaming.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_on_streaming_does_what_it_says(tmp_path):
    folder = make_churn(tmp_path / "demo", n_customers=2_000)
    blocks, said = BLOCK.findall(PAGE.read_text()), ""
    assert [kind for kind, _ in blocks].count("sh") >= 4
    for kind, text in blocks:
        if kind == "sh":
            said = _run(text, folder)
        else:
            for line in text.splitlines():
                assert line in said, f"the page shows {line!r}; the command says:\n{said}"


def _run(commands: str, folder: Path) -> str:
    script = f'set -e\nassay() {{ "{sys.executable}" -m assay "$@"; }}\n{commands}'
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
