"""Project templates for `assay init`: a blank one, and the churn project of the demonstration with its data."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from assay.demo.files import prepare
from assay.errors import UsageError

TEMPLATES = ("blank", "churn")
CHURN_CUSTOMERS = 20_000
CHURN_SEED = 7


def create(folder: Path, template: str) -> list[Path]:
    """Write a new project; returns the files.

    Raises:
        UsageError: The template is unknown, or the folder is not empty.
    """
    if template not in TEMPLATES:
        raise UsageError(f"there is no template {template!r}; there are {', '.join(TEMPLATES)}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder. Choose another, or move what is there.")
    if template == "churn":
        prepare(folder, n_customers=CHURN_CUSTOMERS, seed=CHURN_SEED)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        with as_file(files("assay.demo") / "blank") as blank:
            for source in sorted(blank.iterdir()):
                if source.is_file():
                    shutil.copyfile(source, folder / source.name)
    return sorted(path for path in folder.rglob("*") if path.is_file())
