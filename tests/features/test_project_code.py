"""Running a project's Python by path: no project sees another's modules, and references are resolved or explained."""

import sys

import pytest

from assay.errors import ConfigError
from assay.features.project_code import load_module, resolve


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
