"""A project's code travels as text and gives the same view where it arrives, or says why not."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import ConfigError
from assay.features.definitions import load_definitions
from assay.features.shipped_code import MOST_BYTES, ShippedView, pack, unpack

DEFINITIONS = """
from assay.features.definitions import feature_view
from constants import FACTOR

@feature_view(entity="team", source="games", features={"team_points": "Points"})
def points(games):
    return games.with_columns(team_points=FACTOR)
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "constants.py").write_text("FACTOR = 3\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "__init__.py").touch()
    return tmp_path / "definitions.py"


def shipped(project):
    (view,) = load_definitions(project).views
    return ShippedView(pack(project), view.name, view.digest)


def test_a_view_arrives_with_its_neighbours_and_leaves_no_file(project, monkeypatch, tmp_path):
    view = shipped(project)
    assert [name for name, _ in view.code.files] == ["constants.py", "definitions.py", "package/__init__.py"]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there"))
    (tmp_path / "there").mkdir()
    project.unlink()
    arrived = unpack(view)
    assert (arrived.name, arrived.digest) == (view.name, view.digest)
    assert not list((tmp_path / "there").iterdir())
    assert "constants" not in sys.modules


def test_a_view_that_is_another_one_here_is_refused(project):
    with pytest.raises(ConfigError, match="not on this worker what it is on the driver"):
        unpack(replace(shipped(project), digest="0" * 64))
    with pytest.raises(ConfigError, match="view 'form'"):
        unpack(replace(shipped(project), name="form"))


def test_code_that_is_too_large_is_refused(project):
    Path(project.parent, "large.py").write_text("#" * (MOST_BYTES + 1))
    with pytest.raises(ConfigError, match="4 MB of Python, and at most 4 MB"):
        pack(project)
