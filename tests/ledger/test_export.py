"""An export is checked by a script that knows nothing of Assay, and that finds every kind of tampering."""

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from assay.ledger.chain import GENESIS
from assay.ledger.evidence import Evidence
from assay.ledger.ledger import open_ledger

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_export.py"
functions: dict[str, Any] = runpy.run_path(str(SCRIPT))
check: Callable[..., str | None] = functions["check"]
N = 6


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, str]:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for number in range(N):
            figures = {"half": number / 2, "tiny": 1.5e-9, "large": 1e22, "é\U0001f600": None, "\ufb33": [True]}
            ledger.record(Evidence("a.b", "s:x", "info", f"summary {number} €", figures))
        assert ledger.export(tmp_path / "out" / "ledger.jsonl") == N
        return tmp_path / "out" / "ledger.jsonl", ledger.head().digest


def run(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip()


def test_the_script_accepts_an_export_without_any_package(exported: tuple[Path, str]):
    path, digest = exported
    assert run(path) == (0, "the chain holds")
    assert run(path, digest) == (0, "the chain holds")
    assert run(path, "f" * 64) == (1, "no record has the digest that you know: the whole chain was rewritten")


def test_an_export_is_one_file_with_one_line_a_record(exported: tuple[Path, str]):
    path, digest = exported
    lines = path.read_text().splitlines()
    assert json.loads(lines[0]) == {"format": "assay-ledger/1", "head": {"sequence": N, "digest": digest}}
    assert [json.loads(line)["id"] for line in lines[1:]] == [f"E-{number:06d}" for number in range(1, N + 1)]
    assert [file.name for file in path.parent.iterdir()] == ["ledger.jsonl"]


def test_an_empty_ledger_exports_and_holds(tmp_path: Path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.export(tmp_path / "empty.jsonl") == 0
    assert run(tmp_path / "empty.jsonl", GENESIS) == (0, "the chain holds")


def test_what_is_no_export_is_said_to_be_none(tmp_path: Path):
    path = tmp_path / "other.jsonl"
    for text in ("", "{}\n", "[1]\n", "not json\n"):
        path.write_text(text)
        assert run(path)[0] == 1


@given(line=st.integers(1, N), at=st.floats(0, 1, exclude_max=True), character=st.characters(codec="ascii"))
def test_the_script_names_a_line_in_which_a_character_changed(line: int, at: float, character: str):
    lines = list(LINES)
    where = int(at * (len(lines[line]) - 1))
    lines[line] = lines[line][:where] + character + lines[line][where + 1 :]
    wrong = check(iter(lines))
    if lines[line] == LINES[line] or same_json(lines[line], LINES[line]):
        assert wrong is None
    else:
        assert wrong is not None
        assert wrong.startswith(f"E-{line:06d}")


def same_json(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@given(line=st.integers(1, N), other=st.integers(1, N))
def test_the_script_finds_removed_doubled_and_exchanged_lines(line: int, other: int):
    removed = [*LINES[:line], *LINES[line + 1 :]]
    doubled = [*LINES[: line + 1], *LINES[line:]]
    exchanged = list(LINES)
    exchanged[line], exchanged[other] = exchanged[other], exchanged[line]
    assert check(iter(removed)) is not None
    assert check(iter(doubled)) is not None
    assert (check(iter(exchanged)) is None) == (line == other)


@given(line=st.integers(1, N))
def test_the_script_finds_a_record_rewritten_with_a_fitting_digest(line: int):
    record = json.loads(LINES[line])
    del record["digest"]
    body = rfc8785.dumps({**record, "summary": "nicer"})
    digest = functions["hashlib"].sha256(body).hexdigest()
    forged = [*LINES]
    forged[line] = json.dumps({**json.loads(body), "digest": digest})
    assert check(iter(forged)) is not None


@example(2.0**-24)  # seventeen digits give it back, and so do sixteen others
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-30, 30).map(lambda power: 10.0**power))
def test_the_script_writes_numbers_as_the_reference_does(value: float):
    assert functions["number"](value).encode() == rfc8785.dumps(value)


def make_lines(folder: Path) -> list[str]:
    with open_ledger(folder / "ledger.db") as ledger:
        for number in range(N):
            ledger.record(Evidence("a.b", "s:x", "info", f"summary {number} €", {"half": number / 2, "tiny": 1.5e-9}))
        ledger.export(folder / "ledger.jsonl")
    return (folder / "ledger.jsonl").read_text().splitlines(keepends=True)


@pytest.fixture(scope="module", autouse=True)
def lines(tmp_path_factory: pytest.TempPathFactory) -> None:
    LINES[:] = make_lines(tmp_path_factory.mktemp("export"))


LINES: list[str] = []
