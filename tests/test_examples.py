"""The examples in docstrings give what they say, and every table of contents names what is there."""

import doctest
import importlib
from pathlib import Path

import pytest

import assay

SOURCE = Path(assay.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(("assay", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


def modules_with(mark: str) -> list[str]:
    return [module_of(path) for path in FILES if mark in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", modules_with(">>> "))
def test_the_examples_of_a_module_give_what_they_say(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted > 0
    assert done.failed == 0


@pytest.mark.parametrize("name", modules_with("\n__all__ = "))
def test_a_table_of_contents_names_what_is_there_once(name):
    module = importlib.import_module(name)
    assert all(getattr(module, one) is not None for one in module.__all__)
    assert len(module.__all__) == len(set(module.__all__))
