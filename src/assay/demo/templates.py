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
    """Write a new project; returns the files that were written.

    The blank one may come to lie beside data that is there already. What a project keeps in `.assay` is no matter for
    git: where the folder has no `.gitignore`, it gets one that says so.

    Raises:
        UsageError: The template is unknown, or something is in its way.
    """
    if template not in TEMPLATES:
        raise UsageError(f"there is no template {template!r}; there are {', '.join(TEMPLATES)}.")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file. Choose another name for the folder.")
    before = set(folder.rglob("*")) if folder.exists() else set()
    if template == "churn":
        if before:
            raise UsageError(f"{folder} is not an empty folder. Choose another, or move what is there.")
        prepare(folder, n_customers=CHURN_CUSTOMERS, seed=CHURN_SEED)
    else:
        _copy_blank(folder)
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(".assay/\n")
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in before)


def _copy_blank(folder: Path) -> None:
    with as_file(files("assay.demo") / "blank") as blank:
        templates = sorted(source for source in blank.iterdir() if source.is_file())
        there = [source.name for source in templates if (folder / source.name).exists()]
        if there:
            raise UsageError(
                f"{folder} holds {', '.join(there)} already. Choose another folder, or move what is there."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for source in templates:
            shutil.copyfile(source, folder / source.name)
