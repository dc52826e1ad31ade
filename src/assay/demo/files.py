"""Writes the simulated business as source files beside a ready project; what is there already is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import polars as pl

from assay.demo.simulate import Business, simulate
from assay.errors import UsageError

MARK = "simulation.json"


def prepare(folder: Path, *, n_customers: int, seed: int) -> Business:
    """Make the project folder with its sources, or recognise the one that an earlier demo made.

    Raises:
        UsageError: The folder holds something else.
    """
    wanted = {"customers": n_customers, "seed": seed}
    mark = folder / MARK
    if mark.is_file() and json.loads(mark.read_text()) != wanted:
        raise UsageError(f"{folder} holds a demo with {mark.read_text()}. Choose another folder, or remove this one.")
    if folder.is_dir() and any(folder.iterdir()) and not mark.is_file():
        raise UsageError(f"{folder} is not empty and is no demo. Choose another folder: assay demo NEW-FOLDER")
    business = simulate(n_customers, seed)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(wanted))
    _copy_project(folder)
    _write(business, folder / "data")
    return business


def _copy_project(folder: Path) -> None:
    with as_file(files("assay.demo") / "project") as project:
        for source in sorted(project.iterdir()):
            if source.is_file() and not (folder / source.name).exists():
                shutil.copyfile(source, folder / source.name)


def _write(business: Business, data: Path) -> None:
    writers: dict[str, tuple[pl.DataFrame, Callable[[pl.DataFrame, Path], object]]] = {
        "customers.csv": (business.customers, lambda frame, path: frame.write_csv(path)),
        "purchases.parquet": (business.purchases, lambda frame, path: frame.write_parquet(path)),
        "tickets.jsonl": (business.tickets, lambda frame, path: frame.write_ndjson(path)),
        "prices.csv": (business.prices, lambda frame, path: frame.write_csv(path)),
        "offers.csv": (business.offers, lambda frame, path: frame.write_csv(path)),
        "months.parquet": (business.months, lambda frame, path: frame.write_parquet(path)),
    }
    for name, (frame, write) in writers.items():
        if (data / name).exists():
            continue
        unfinished = data / f"{name}.part"
        write(frame, unfinished)
        unfinished.replace(data / name)
