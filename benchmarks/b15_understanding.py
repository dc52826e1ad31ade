"""B15: a data report of 1 M rows and 50 columns: numbers, whole numbers, categories, flags, times, text, with gaps.

Each run is a process of its own, so that peak memory is its alone, and covers all from reading the Parquet file to the
page and the JSON on disk. The peer, ydata-profiling, is run by the interpreter given with --peer-python, in its own
"minimal" mode, which leaves correlations and interactions out:

    python -m venv /tmp/profiling && /tmp/profiling/bin/pip install ydata-profiling pyarrow setuptools
    python benchmarks/b15_understanding.py --peer-python /tmp/profiling/bin/python
"""

from __future__ import annotations

import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from b01_point_in_time import peak_rss_mb
from harness import Goal, Report, Result, in_process, options, show, versions

HERE = Path(__file__).parent
SIZES = {"quick": (50_000, 50), "full": (1_000_000, 50)}
ROUNDS = {"quick": 3, "full": 3}
PEER_ROUNDS = 1
OURS, PEER = "assay", "ydata-profiling, minimal"
MOST_SECONDS, MOST_MB = 20, 2_000
NOTES = (
    "each run is a process of its own; seconds from reading the file to page and JSON on disk, imports not counted",
    "assay reads the label and a protected column too, and compares all columns; the peer's minimal mode compares none",
)
CONTENDER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import b15_understanding as b15
print(json.dumps(b15.run_one(sys.argv[2], b15.Path(sys.argv[3]))))
"""
MAKER = """
import sys
sys.path.insert(0, sys.argv[1])
import b15_understanding as b15
b15.make_data(b15.Path(sys.argv[2]), *map(int, sys.argv[3:]))
print("{}")
"""


def make_data(folder: Path, n_rows: int, n_columns: int) -> None:
    """Write a file whose columns take turns in what they hold."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(15)
    colours = np.array(["red", "green", "blue", "black", "white", "grey"])
    towns = np.array([f"town {number}" for number in range(400)])
    drawn: list[Callable[[], Any]] = [
        lambda: rng.normal(50, 12, n_rows),
        lambda: rng.lognormal(3, 1, n_rows),
        lambda: rng.poisson(4, n_rows),
        lambda: rng.choice(colours, n_rows, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04]),
        lambda: rng.choice(towns, n_rows),
        lambda: rng.random(n_rows) < 0.3,
        lambda: pl.Series(1_600_000_000 + rng.integers(0, 10**8, n_rows)).cast(pl.Int64) * 1_000_000,
        lambda: rng.integers(0, 10**9, n_rows),
    ]
    columns: dict[str, Any] = {"row_id": [f"R{number:08}" for number in range(n_rows)]}
    for number in range(n_columns - 3):
        series = pl.Series(f"column_{number:02}", drawn[number % len(drawn)]())
        if number % len(drawn) == 6:
            series = series.cast(pl.Datetime("us", "UTC"))
        if number % 5 == 0:
            series = pl.select(pl.when(pl.Series(rng.random(n_rows) > 0.1)).then(series)).to_series()
        columns[series.name] = series
    columns["group"] = rng.choice(np.array(["a", "b", "c"]), n_rows)
    columns["label"] = (columns["column_01"].to_numpy() + rng.normal(0, 20, n_rows) > 30).astype(int)
    pl.DataFrame(columns).write_parquet(folder / "rows.parquet")


def run_assay(folder: Path) -> None:
    """What `assay assess` does for one source."""
    import json

    import numpy as np
    import polars as pl

    from assay.config.settings import Source
    from assay.data.understanding import data_report, understand
    from assay.ledger.evidence import plain

    source = Source(key=("row_id",), time="column_06", protected=("group",))
    frame = pl.scan_parquet(folder / "rows.parquet")
    found = understand("rows", frame, source, label="label", rng=np.random.default_rng(0))
    (folder / "report.json").write_text(json.dumps(plain(found.to_json())))
    (folder / "report.html").write_text(data_report(found, title="benchmark"))


def run_peer(folder: Path) -> None:
    """The peer's quickest report."""
    import pandas as pd
    from ydata_profiling import ProfileReport

    report = ProfileReport(pd.read_parquet(folder / "rows.parquet"), minimal=True, progress_bar=False)
    report.to_file(folder / "peer.html", silent=True)


RUNS: dict[str, Callable[[Path], None]] = {OURS: run_assay, PEER: run_peer}
NEEDS = {
    OURS: ("numpy", "polars", "assay.data.understanding", "scipy.special", "scipy.cluster.hierarchy"),
    PEER: ("pandas", "pyarrow", "ydata_profiling"),
}


def run_one(name: str, folder: Path) -> dict[str, Any]:
    """Make one report in this process."""
    for needed in NEEDS[name]:
        importlib.import_module(needed)
    started = time.perf_counter()
    RUNS[name](folder)
    return {"seconds": time.perf_counter() - started, "peak_mb": peak_rss_mb()}


def contest(folder: Path, label: str, rounds: int, peer_python: str | None) -> list[Result]:
    """Let ours report `rounds` times, and the peer once, for it takes minutes."""
    found: dict[str, list[dict[str, Any]]] = {}
    turns = [(OURS, sys.executable)] * rounds + ([(PEER, peer_python)] * PEER_ROUNDS if peer_python else [])
    for name, python in turns:
        print(f"{name}, {label}", file=sys.stderr)
        try:
            found.setdefault(name, []).append(in_process(CONTENDER, HERE, name, folder, python=python))
        except subprocess.CalledProcessError:
            print(f"{name} failed and is left out", file=sys.stderr)
    return [_result(f"{name}, {label}", name, runs) for name, runs in found.items() if runs]


def _result(title: str, name: str, runs: list[dict[str, Any]]) -> Result:
    seconds = [run["seconds"] for run in runs]
    peak = max(run["peak_mb"] for run in runs)
    role = "assay" if name == OURS else "peer"
    return Result(title, role, statistics.median(seconds), min(seconds), max(seconds), len(runs), peak)


def goals(results: list[Result], label: str) -> list[Goal]:
    """The bounds of the specification."""
    ours = next(one for one in results if one.role == "assay")
    peer = [one.seconds for one in results if one.role == "peer"]
    bounds = [
        Goal(f"seconds, {label}", ours.seconds, MOST_SECONDS, "lower"),
        Goal(f"peak MB, {label}", ours.peak_mb, MOST_MB, "lower"),
    ]
    return bounds + ([Goal(f"times as fast as the peer, {label}", peer[0] / ours.seconds, 1, "higher")] if peer else [])


def main() -> None:
    """Run the sizes that were asked for and print what was found."""
    given = options(__doc__ or "")
    sizes = {"quick": SIZES["quick"]} if given.quick else SIZES
    results: list[Result] = []
    judged: list[Goal] = []
    for size, (n_rows, n_columns) in sizes.items():
        label = f"{n_rows:,} x {n_columns}"
        with tempfile.TemporaryDirectory(prefix="b15-") as folder:
            in_process(MAKER, HERE, folder, n_rows, n_columns)
            found = contest(Path(folder), label, ROUNDS[size], given.peer_python)
        results += found
        judged += goals(found, label)
    shown = {size: "rows, columns: {:,}, {:,}".format(*counts) for size, counts in sizes.items()}
    show(Report("B15", shown, results, judged, versions("polars", "numpy", "scipy"), NOTES), as_json=given.as_json)


if __name__ == "__main__":
    main()
