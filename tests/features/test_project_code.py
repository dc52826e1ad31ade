"""Running a project's Python by path: no project sees another's modules, and references are resolved or explained."""

import sys

import polars as pl
import pytest

from assay.errors import ConfigError, DataError
from assay.features.project_code import blamed, load_module, resolve


def test_two_projects_keep_their_own_neighbours(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "words.py").write_text(f"WORD = '{name}'\n")
        (tmp_path / name / "rules.py").write_text("from words import WORD\n")
    before = list(sys.path)
    assert load_module(tmp_path / "one" / "rules.py").WORD == "one"
    assert load_module(tmp_path / "two" / "rules.py").WORD == "two"
    assert "words" not in sys.modules
    assert sys.path == before


def test_an_edited_file_is_read_again(tmp_path):
    path = tmp_path / "rules.py"
    path.write_text("def answer():\n    return 1\n")
    assert resolve("rules:answer", tmp_path)() == 1
    path.write_text("def answer():\n    return 2_000\n")
    assert resolve("rules:answer", tmp_path)() == 2_000


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("rules", "'module:function'"),
        (":answer", "'module:function'"),
        ("rules:other", "no function 'other'. It has: answer"),
        ("nowhere:answer", "no such file"),
        ("rules:NUMBER", "no function 'NUMBER'"),
    ],
)
def test_a_reference_to_nothing_is_explained(tmp_path, reference, said):
    (tmp_path / "rules.py").write_text("NUMBER = 1\ndef answer():\n    return 1\n")
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        resolve(reference, tmp_path)


def test_what_fails_in_the_projects_code_is_named_with_file_and_line(tmp_path):
    (tmp_path / "rules.py").write_text(
        "def high(rows):\n    return low(rows)\n\n\ndef low(rows):\n    return rows.clear(1, 2, 3)\n"
    )
    with (
        pytest.raises(DataError, match=r"^rules:high fails: TypeError: .* \(rules\.py, line 6\)$"),
        blamed("rules:high fails"),
    ):
        resolve("rules:high", tmp_path)(pl.DataFrame())


def test_a_query_plan_stays_out_of_the_message():
    with pytest.raises(DataError) as told, blamed("view 'x' fails"):
        pl.LazyFrame({"amount": [1]}).select(pl.col("amont")).collect()
    assert str(told.value).startswith("view 'x' fails: unable to find column \"amont\"")
    assert 'Did you mean "amount"?' in str(told.value)
    assert "\n" not in str(told.value)
    assert "FAILED HERE" not in str(told.value)


@pytest.mark.parametrize("error", [ConfigError("wrong key"), OSError("disk full"), MemoryError()])
def test_what_is_not_the_code_s_fault_passes_through(error):
    with pytest.raises(type(error)) as told, blamed("view 'x' fails"):
        raise error
    assert told.value is error
