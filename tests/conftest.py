"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def assay_data() -> Path:
    """The folder with the public data sets; tests that need them skip where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ASSAY_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}; set ASSAY_DATA to the folder that holds them")
    return folder
