"""B16: reading 3 of 50 columns from what Assay stores, beside the row formats that data usually comes in.

Assay keeps snapshots as Parquet and features as Delta tables, both by columns. The peers hold the same by rows: CSV
and JSON lines read by Polars, and a SQLite table read by its own query. Every contestant gives the sum of the same
three columns; the answers are compared before anything is timed.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from harness import Contestant, Goal, Options, Report, alternate, options, ratio, show, timed, versions

from assay.data import snapshots
from assay.stores.tables import open_tables

N_COLUMNS = 50
WANTED = ("c03", "c21", "c44")
TABLE = "wide"


def main(asked: Options) -> None:
    """Write the rows in every format, compare the answers, and time each reader."""
    n_rows = 50_000 if asked.quick else 400_000
    with tempfile.TemporaryDirectory() as folder:
        readers = written(rows(n_rows), Path(folder))
        expected = readers["parquet snapshot"]()
        for name, read in readers.items():
            assert np.allclose(read(), expected), f"{name} gives {read()}, not {expected}"
        contestants = [
            Contestant(name, lambda read=read: timed(read), "assay" if name in OURS else "peer")
            for name, read in readers.items()
        ]
        results = alternate(contestants, rounds=5)
        sizes = {name: round(path.stat().st_size / 1e6, 1) for name, path in files(Path(folder)).items()}
    goals = [
        Goal(f"{ours} against {peer}, share of its time", ratio(results, ours, peer), 0.5, "lower")
        for ours in OURS
        for peer in readers
        if peer not in OURS
    ]
    found = {"rows": n_rows, "columns": N_COLUMNS, "read": len(WANTED)}
    notes = [f"{name}: {megabytes} MB on disk" for name, megabytes in sizes.items()]
    report = Report("B16", found, results, goals, versions("polars", "deltalake"), notes)
    show(report, as_json=asked.as_json)


OURS = ("parquet snapshot", "delta table")


def rows(n_rows: int) -> pl.DataFrame:
    """Numbers, whole and not, flags and words, as a business keeps them."""
    rng = np.random.default_rng(16)
    words = np.array(["basic", "plus", "family", "business"])
    kinds: list[Callable[[], np.ndarray]] = [
        lambda: rng.normal(100, 20, n_rows).round(2),
        lambda: rng.integers(0, 10_000, n_rows),
        lambda: words[rng.integers(0, len(words), n_rows)],
        lambda: rng.random(n_rows),
    ]
    columns = {f"c{number:02d}": kinds[number % len(kinds)]() for number in range(N_COLUMNS)}
    columns |= {name: rng.normal(50, 5, n_rows).round(3) for name in WANTED}
    return pl.DataFrame(columns)


def written(frame: pl.DataFrame, folder: Path) -> dict[str, Callable[[], tuple[float, ...]]]:
    """Every format on disk, and a function for each that sums the three columns from there."""
    snapshot = snapshots.take(TABLE, frame.lazy(), folder / "snapshots")
    tables = open_tables(folder / "tables")
    tables.append(TABLE, frame)
    frame.write_csv(folder / "rows.csv")
    frame.write_ndjson(folder / "rows.jsonl")
    with sqlite3.connect(folder / "rows.db") as database:
        database.execute(f"create table {TABLE} ({', '.join(frame.columns)})")
        places = ", ".join("?" * N_COLUMNS)
        database.executemany(f"insert into {TABLE} values ({places})", frame.iter_rows())
    database.close()
    return {
        "parquet snapshot": lambda: summed(pl.scan_parquet(snapshot.path)),
        "delta table": lambda: summed(tables.scan(TABLE)),
        "csv": lambda: summed(pl.scan_csv(folder / "rows.csv")),
        "json lines": lambda: summed(pl.scan_ndjson(folder / "rows.jsonl")),
        "sqlite rows": lambda: asked_of(folder / "rows.db"),
    }


def summed(frame: pl.LazyFrame) -> tuple[float, ...]:
    """The sums of the wanted columns, and of no others."""
    return tuple(float(one) for one in frame.select(pl.col(WANTED).sum()).collect().row(0))


def asked_of(path: Path) -> tuple[float, ...]:
    """The same from SQLite, which reads whole rows to find three of their fields."""
    database = sqlite3.connect(path)
    try:
        found: tuple[float, ...] = database.execute(
            f"select {', '.join(f'sum({name})' for name in WANTED)} from {TABLE}"
        ).fetchone()
    finally:
        database.close()
    return found


def files(folder: Path) -> dict[str, Path]:
    """The files whose sizes are told; the Delta table is a folder of Parquet files like the snapshot."""
    return {
        "parquet": next((folder / "snapshots").glob("*.parquet")),
        "csv": folder / "rows.csv",
        "json lines": folder / "rows.jsonl",
        "sqlite": folder / "rows.db",
    }


if __name__ == "__main__":
    main(options(__doc__ or ""))
