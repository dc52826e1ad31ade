"""Fixtures that every room's tests share."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# in CI the same examples each time: a new counterexample is a finding for a person, not a reason to stop a release
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)  # a busy machine must not decide what a test proves
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def assay_data() -> Path:
    """The folder with the public data sets; tests that need them skip where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ASSAY_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}; set ASSAY_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def finished_churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small churn project after its first run; for reading only."""
    from tests import projects

    folder = projects.make_churn(tmp_path_factory.mktemp("finished") / "churn")
    outcome = projects.run_once(folder)
    assert outcome.verdict == "promoted", outcome.reason
    return folder


@pytest.fixture
def churn(finished_churn: Path, tmp_path: Path) -> Path:
    """A copy of the finished churn project, to do anything with."""
    return Path(shutil.copytree(finished_churn, tmp_path / "churn"))


@pytest.fixture
def fresh_churn(finished_churn: Path, tmp_path: Path) -> Path:
    """A copy of the churn project as it was before anything ran on it."""
    return Path(shutil.copytree(finished_churn, tmp_path / "fresh", ignore=shutil.ignore_patterns(".assay")))
