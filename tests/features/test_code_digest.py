"""The digest of a view's code: blind to how it is written down, alert to what it computes."""

import pytest

from assay.features.code_digest import code_digest
from assay.features.project_code import load_module

BASE = '''
FACTOR = 2

def helper(x):
    return x + FACTOR

def view(games):
    """Words."""
    return helper(games)
'''


def digest_of(text, tmp_path):
    path = tmp_path / "definitions.py"
    path.write_text(text)
    return code_digest(load_module(path).view)


@pytest.mark.parametrize(
    "edit",
    [
        ('"""Words."""', '"""Other words."""'),
        ("return helper(games)", "# why\n    return helper( games )"),
        ("def helper", "def unrelated():\n    return 0\n\ndef helper"),
    ],
)
def test_comments_layout_docstrings_and_strangers_do_not_change_it(edit, tmp_path):
    assert digest_of(BASE.replace(*edit), tmp_path) == digest_of(BASE, tmp_path)


@pytest.mark.parametrize(
    "edit", [("FACTOR = 2", "FACTOR = 3"), ("x + FACTOR", "x - FACTOR"), ("helper(games)", "helper(games) * 2")]
)
def test_the_function_its_helpers_and_its_constants_change_it(edit, tmp_path):
    assert digest_of(BASE.replace(*edit), tmp_path) != digest_of(BASE, tmp_path)


def test_a_function_that_calls_itself_has_a_digest(tmp_path):
    assert digest_of("def view(n):\n    return view(n - 1) if n else 0\n", tmp_path)


def test_code_without_a_source_file_has_a_digest_too():
    space: dict = {}
    exec("def view(games):\n    return games\n", space)
    other: dict = {}
    exec("def view(games):\n    return 5\n", other)
    assert code_digest(space["view"]) != code_digest(other["view"])
