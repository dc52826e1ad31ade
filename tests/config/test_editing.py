"""Editing a section changes what was asked and nothing else."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.document import plain_values, read_document
from assay.config.editing import edit_section, write_section
from assay.errors import ConfigError

PROJECT = """\
# our project
name: shop   # short

brief:
  # why
  business_objective: Keep customers   # from the board
  success_metric: >
    churn falls
    to 3 %

  # what is done today
  baseline: rules:old
# where rows come from
sources:
  games: {path: "${DATA}/x.csv"}
"""


def test_a_key_is_rewritten_in_its_place_and_every_other_line_stays() -> None:
    edited = edit_section(PROJECT, "brief", {"baseline": "rules:new", "data_gaps": "none known"})
    assert edited == PROJECT.replace("rules:old", "rules:new\n  data_gaps: none known")


def test_a_folded_text_is_replaced_whole() -> None:
    edited = edit_section(PROJECT, "brief", {"success_metric": "churn below 2 %"})
    assert edited == PROJECT.replace(">\n    churn falls\n    to 3 %", "churn below 2 %")


def test_an_unchanged_value_keeps_its_spelling_and_its_comment() -> None:
    assert edit_section(PROJECT, "brief", {"business_objective": "Keep customers"}) == PROJECT


def test_a_missing_section_is_added_at_the_end() -> None:
    assert edit_section("name: x", "brief", {"baseline": "none"}) == "name: x\n\nbrief:\n  baseline: none\n"


@pytest.mark.parametrize(
    "old", ["brief: {baseline: old, data_gaps: few}\n", "brief:\n  {baseline: old, data_gaps: few}\n"]
)
def test_a_section_in_braces_is_rewritten_as_lines(old: str) -> None:
    edited = edit_section(f"a: 1\n{old}b: 2\n", "brief", {"baseline": "new"})
    assert edited == "a: 1\nbrief:\n  baseline: new\n  data_gaps: few\nb: 2\n"


def test_an_empty_section_is_filled() -> None:
    assert edit_section("a: 1\nbrief:\n\n# c\nb: 2\n", "brief", {"x": "y"}) == "a: 1\nbrief:\n  x: y\n\n# c\nb: 2\n"


def test_line_ends_of_the_file_are_kept() -> None:
    edited = edit_section("a: 1\r\nbrief:\r\n  x: 1\r\n", "brief", {"x": "two", "z": "3"})
    assert edited == 'a: 1\r\nbrief:\r\n  x: two\r\n  z: "3"\r\n'


@pytest.mark.parametrize(
    "text", ["no", "1e3", "007", "null", "~", "", "a: b", "# c", "- d", "ünï", "${VAR}", "1:30", "x\ny"]
)
def test_text_is_written_so_that_it_is_read_as_the_same_text(text: str) -> None:
    root, _ = read_document(edit_section("a: 1\n", "brief", {"x": text}), name="f")
    assert plain_values(root)["brief"]["x"] == text


def test_what_cannot_be_edited_safely_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing was changed"):
        edit_section("brief:\n  x: &x old\nother: *x\n", "brief", {"x": "new"})
    with pytest.raises(ConfigError, match="written twice"):
        edit_section("a: 1\na: 2\n", "brief", {"new": "1"})
    with pytest.raises(ConfigError, match="not YAML"):
        edit_section("a: [\n", "brief", {"new": "1"})


def test_a_file_is_replaced_with_its_permissions_and_through_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbfname: x\n")
    real.chmod(0o640)
    project = tmp_path / "project"
    project.mkdir()
    (project / "assay.yaml").symlink_to(real)
    assert write_section(project, "brief", {"a": "b"}) == real
    assert real.read_bytes() == b"\xef\xbb\xbfname: x\n\nbrief:\n  a: b\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert (project / "assay.yaml").is_symlink()
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".new")] == []


def test_a_crash_before_the_rename_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "assay.yaml"
    path.write_text("name: x\n")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ConfigError, match="disk full"):
        write_section(tmp_path, "brief", {"a": "b"})
    assert path.read_text() == "name: x\n"
    assert list(tmp_path.iterdir()) == [path]


WORDS = st.text("abc #:-'\"{}[]\n&*!|>%@`~0123.é", max_size=12)
VALUES = st.dictionaries(
    st.sampled_from(["alpha", "beta", "gamma"]),
    st.one_of(WORDS, st.booleans(), st.integers(-99, 99), st.lists(WORDS, max_size=3), st.none(),
              st.dictionaries(st.sampled_from(["p", "q"]), WORDS, max_size=2)),
    min_size=1,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(before=VALUES, change=VALUES, others=VALUES, flow=st.sampled_from([True, False, None]))
def test_any_change_is_made_exactly_or_refused(
    before: dict[str, Any], change: dict[str, Any], others: dict[str, Any], flow: bool | None
) -> None:
    text = yaml.safe_dump({"first": others, "brief": before, "last": others}, default_flow_style=flow, sort_keys=False)
    old = plain_values(read_document(text, name="f")[0])
    try:
        edited = edit_section(text, "brief", change)
    except ConfigError:
        return
    new = plain_values(read_document(edited, name="f")[0])
    assert new["brief"] == {**old["brief"], **change}
    assert (new["first"], new["last"]) == (old["first"], old["last"])
