"""B1: the point-in-time join, 1 M labels on 10 M feature rows of 100 k entities, and 100 k on 1 M.

Contenders run alternately, each in a process of its own, so that peak memory is theirs alone. All read from disk what
they would keep there: bare Polars one sorted Parquet file, Assay its offline table, the peers an unsorted Parquet file
(pandas, Feast) or the sorted one (DuckDB). Peers are run by the interpreter given with --peer-python:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install polars pandas pyarrow duckdb 'feast[duckdb]'
    python benchmarks/b01_point_in_time.py --peer-python /tmp/peers/bin/python
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness import Goal, Report, Result, in_process, options, peak_megabytes, show, versions

HERE = Path(__file__).parent
SIZES = {"quick": (100_000, 1_000_000, 100_000), "full": (1_000_000, 10_000_000, 100_000)}
VALUES = tuple(f"driver_value{number}" for number in range(5))
OURS, LIMITS, PEERS = (
    "assay",
    ("polars streaming", "polars eager", "polars sorted"),
    ("duckdb", "pandas", "feast duckdb"),
)
ENGINES = ("assay on ray", "assay on spark")
YEAR_US = 365 * 86_400_000_000
EPOCH_US = 1_600_000_000_000_000  # September 2020
LONGER_THAN_THE_DATA = timedelta(days=400)
ROUNDS = {"quick": 5, "full": 3}
ENGINE_ROUNDS = 1  # an engine is started for each, which takes longer than the join
RANGES = 8
INCLUSIVE = ("feast duckdb",)  # also takes a row known at the label's very moment: a rare difference, allowed
NOTES = (
    "each run is a process of its own; seconds and memory from the start of reading to the joined frame",
    "assay returns the labels in their own order; the limits leave them as the join does",
    "ray and spark are started before the clock; on one machine they show what sending the work costs",
)
CONTENDER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import b01_point_in_time as b01
print(json.dumps(b01.run_one(sys.argv[2], b01.Path(sys.argv[3]))))
"""
MAKER = """
import sys
sys.path.insert(0, sys.argv[1])
import b01_point_in_time as b01
b01.make_data(b01.Path(sys.argv[2]), *map(int, sys.argv[3:]))
print("{}")
"""


def make_data(folder: Path, n_labels: int, n_rows: int, n_entities: int) -> None:
    """Write labels, rows unsorted and sorted, and build Assay's offline table of them."""
    import numpy as np
    import polars as pl

    from assay.features.materialize import build
    from assay.stores.online import open_online
    from assay.stores.tables import open_tables

    rng = np.random.default_rng(1)
    instant = pl.Datetime("us", "UTC")

    def drawn(n: int) -> dict[str, Any]:
        moments = pl.Series(EPOCH_US + rng.integers(0, YEAR_US, n)).cast(instant)
        return {"driver": rng.integers(0, n_entities, n), "moment": moments}

    labels = pl.DataFrame({"label_id": np.arange(n_labels), **drawn(n_labels)})
    labels.rename({"moment": "event_timestamp"}).write_parquet(folder / "labels.parquet")
    rows = pl.DataFrame({**drawn(n_rows), **{name: rng.standard_normal(n_rows) for name in VALUES}})
    rows = rows.rename({"moment": "known_at"}).unique(["driver", "known_at"], keep="last")
    rows.write_parquet(folder / "rows.parquet")
    rows.sort("driver", "known_at").write_parquet(folder / "sorted.parquet")
    del rows, labels
    tables, online = open_tables(folder / "tables"), open_online(folder / "online.db")
    build(view(), {"rows": pl.scan_parquet(folder / "rows.parquet")}, tables=tables, online=online)


def view() -> Any:
    """The feature view whose rows are joined."""
    from assay.features.definitions import feature_view

    @feature_view(entity="driver", source="rows", features=dict.fromkeys(VALUES, "A drawn number"))
    def driver_values(rows: Any) -> Any:
        return rows

    return driver_values


def run_assay(folder: Path) -> Any:
    """What `project.features.history` does: the stored rows of the view, joined to the labels."""
    import polars as pl

    from assay.features.offline import stored
    from assay.features.point_in_time import join
    from assay.stores.tables import open_tables

    labels = pl.read_parquet(folder / "labels.parquet")
    rows = stored(view(), open_tables(folder / "tables"))
    return join(labels, rows, entity_column="driver", entity="driver", time="event_timestamp")


def run_on_engine(folder: Path, name: str) -> Any:
    """The same join in ranges of entities, on an engine that has been started and has answered once."""
    import polars as pl

    from assay.engines import Task, open_engine
    from assay.features.offline import stored
    from assay.features.partitioned_join import join_on
    from assay.stores.tables import open_tables

    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    engine = open_engine(name)
    engine.run(Task("b01_point_in_time:ready", None), list(range(RANGES)))
    started = time.perf_counter()
    labels = pl.read_parquet(folder / "labels.parquet")
    rows = stored(view(), open_tables(folder / "tables"))
    join = join_on(engine, folder / "exchange", n_ranges=RANGES)
    frame = join(labels, rows, entity_column="driver", entity="driver", time="event_timestamp")
    run_on_engine.seconds = time.perf_counter() - started  # type: ignore[attr-defined]
    return frame


def ready(_shared: None, _piece: int) -> str:
    """Import on a worker what the join needs."""
    import assay.features.partitioned_join

    return assay.features.partitioned_join.__name__


def run_on_ray(folder: Path) -> Any:
    """On Ray."""
    return run_on_engine(folder, "ray")


def run_on_spark(folder: Path) -> Any:
    """On Spark."""
    return run_on_engine(folder, "spark")


def run_polars_streaming(folder: Path) -> Any:
    """The limit: nothing checked, labels left in the order of the join."""
    import polars as pl

    labels = pl.scan_parquet(folder / "labels.parquet").sort("driver", "event_timestamp")
    rows = pl.scan_parquet(folder / "sorted.parquet").set_sorted(["driver", "known_at"])
    return _asof(labels, rows).collect(engine="streaming")


def run_polars_eager(folder: Path) -> Any:
    """The limit as most people write it: both sides in memory, sorted by time."""
    import polars as pl

    labels = pl.read_parquet(folder / "labels.parquet").sort("event_timestamp").lazy()
    return _asof(labels, pl.read_parquet(folder / "rows.parquet").sort("known_at").lazy()).collect()


def run_polars_sorted(folder: Path) -> Any:
    """The limit at its best, if memory is no matter: the sorted file read whole, only the labels sorted."""
    import polars as pl

    labels = pl.read_parquet(folder / "labels.parquet").sort("driver", "event_timestamp").lazy()
    return _asof(labels, pl.read_parquet(folder / "sorted.parquet").lazy()).collect()


def _asof(labels: Any, rows: Any) -> Any:
    return labels.join_asof(
        rows,
        left_on="event_timestamp",
        right_on="known_at",
        by="driver",
        allow_exact_matches=False,
        check_sortedness=False,
    )


def run_duckdb(folder: Path) -> Any:
    """DuckDB's own as-of join over the sorted file."""
    import duckdb
    import polars as pl

    query = (
        f"SELECT l.*, r.* EXCLUDE (driver, known_at) FROM '{folder}/labels.parquet' l "
        f"ASOF LEFT JOIN '{folder}/sorted.parquet' r ON l.driver = r.driver AND l.event_timestamp > r.known_at"
    )
    return pl.from_arrow(duckdb.sql(query).to_arrow_table())


def run_pandas(folder: Path) -> Any:
    """pandas.merge_asof."""
    import pandas as pd
    import polars as pl

    labels = pd.read_parquet(folder / "labels.parquet").sort_values("event_timestamp")
    rows = pd.read_parquet(folder / "rows.parquet").sort_values("known_at")
    merged = pd.merge_asof(
        labels, rows, left_on="event_timestamp", right_on="known_at", by="driver", allow_exact_matches=False
    )
    return pl.from_pandas(merged)


def run_feast_duckdb(folder: Path) -> Any:
    """Feast with its DuckDB offline store; its join takes a row of the very moment, of which there are hardly any."""
    import pandas as pd
    import polars as pl
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.repo_config import RepoConfig
    from feast.types import Float64

    config = RepoConfig(
        project="b01",
        provider="local",
        registry=str(folder / "feast_registry.db"),
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(folder / "feast_online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    source = FileSource(path=str(folder / "rows.parquet"), timestamp_field="known_at")
    fields = [Field(name=name, dtype=Float64) for name in VALUES]
    values = FeatureView(name="values", entities=[driver], ttl=LONGER_THAN_THE_DATA, schema=fields, source=source)
    store.apply([driver, values])
    labels = pd.read_parquet(folder / "labels.parquet")
    started = time.perf_counter()
    joined = store.get_historical_features(labels, [f"values:{name}" for name in VALUES]).to_df()
    frame = pl.from_pandas(joined)
    run_feast_duckdb.seconds = time.perf_counter() - started  # type: ignore[attr-defined]
    return frame


NEEDS: dict[str, tuple[str, ...]] = {  # imported before the clock starts
    OURS: ("polars", "deltalake", "assay.features.offline", "assay.stores.tables"),
    "assay on ray": ("polars", "deltalake", "ray"),
    "assay on spark": ("polars", "deltalake", "pyspark"),
    "polars streaming": ("polars",),
    "polars eager": ("polars",),
    "polars sorted": ("polars",),
    "duckdb": ("duckdb", "polars", "pyarrow"),
    "pandas": ("pandas", "polars", "pyarrow"),
    "feast duckdb": ("feast", "pandas", "polars"),
}
RUNS: dict[str, Callable[[Path], Any]] = {
    OURS: run_assay,
    "assay on ray": run_on_ray,
    "assay on spark": run_on_spark,
    "polars streaming": run_polars_streaming,
    "polars eager": run_polars_eager,
    "polars sorted": run_polars_sorted,
    "duckdb": run_duckdb,
    "pandas": run_pandas,
    "feast duckdb": run_feast_duckdb,
}


def run_one(name: str, folder: Path) -> dict[str, Any]:
    """Join once in this process; the answer's digest is taken after the clock has stopped."""
    for needed in NEEDS[name]:
        importlib.import_module(needed)
    import polars as pl

    started = time.perf_counter()
    frame = RUNS[name](folder)
    taken = time.perf_counter() - started
    seconds = getattr(run_on_engine if name in ENGINES else RUNS[name], "seconds", taken)
    peak_mb = peak_rss_mb()
    answer = frame.select("label_id", *VALUES).sort("label_id").with_columns(pl.col(VALUES).fill_nan(None))
    digest = hashlib.sha256(b"".join(answer[name].fill_null(9e9).to_numpy().tobytes() for name in VALUES)).hexdigest()
    nulls = answer[VALUES[0]].null_count()
    return {"seconds": seconds, "peak_mb": peak_mb, "digest": digest, "rows": answer.height, "nulls": nulls}


def peak_rss_mb() -> float:
    """Largest resident size of this process alone; the kernel's other account includes the parent it came from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_megabytes()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def contest(folder: Path, label: str, rounds: int, peer_python: str | None) -> list[Result]:
    """Let every contender join in turns, each time in a new process, and check that all answer alike."""
    contenders = dict.fromkeys((OURS, *LIMITS), sys.executable)
    contenders |= dict.fromkeys(PEERS, peer_python) if peer_python else {}
    installed = [name for name in ENGINES if importlib.util.find_spec(NEEDS[name][-1])]
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(rounds):
        once = dict.fromkeys(installed, sys.executable) if number < ENGINE_ROUNDS else {}
        for name, python in (contenders | once).items():
            print(f"round {number + 1} of {rounds}: {name}, {label}", file=sys.stderr)
            try:
                found.setdefault(name, []).append(in_process(CONTENDER, HERE, name, folder, python=python))
            except subprocess.CalledProcessError:
                print(f"{name} failed and is left out", file=sys.stderr)
    answers = {name: {run["digest"] for run in runs} for name, runs in found.items() if name not in INCLUSIVE}
    if len(set().union(*answers.values())) != 1:
        sys.exit(f"the contenders give different answers: {answers}")
    return [_result(f"{name}, {label}", name, runs) for name, runs in found.items() if runs]


def _result(title: str, name: str, runs: list[dict[str, Any]]) -> Result:
    seconds = [run["seconds"] for run in runs]
    role = (
        "assay" if name == OURS else "engine" if name in ENGINES else "limit" if name in (*LIMITS, "duckdb") else "peer"
    )
    peak = statistics.median(run["peak_mb"] for run in runs)
    return Result(title, role, statistics.median(seconds), min(seconds), max(seconds), len(runs), peak)


def goals(results: list[Result], label: str) -> list[Goal]:
    """The bounds of the design: against the better limit, in memory, and against Feast."""
    ours = next(one for one in results if one.role == "assay")
    limit = min(one.seconds for one in results if one.role == "limit")
    feast = [one.seconds for one in results if one.name.startswith("feast")]
    return [
        Goal(f"time over the best limit's, {label}", ours.seconds / limit, 1.25, "lower"),
        Goal(f"peak MB, {label}", ours.peak_mb, 1_000, "lower"),
        Goal(f"times as fast as Feast, {label}", feast[0] / ours.seconds if feast else None, 15, "higher"),
    ]


def main() -> None:
    """Run the sizes that were asked for and print what was found."""
    given = options(__doc__ or "")
    sizes = {"quick": SIZES["quick"]} if given.quick else SIZES
    results: list[Result] = []
    judged: list[Goal] = []
    for size, (n_labels, n_rows, n_entities) in sizes.items():
        label = f"{n_labels:,} on {n_rows:,}"
        with tempfile.TemporaryDirectory(prefix="b01-") as folder:
            in_process(MAKER, HERE, folder, n_labels, n_rows, n_entities)
            found = contest(Path(folder), label, ROUNDS[size], given.peer_python)
        results += found
        judged += goals(found, label)
    shown = {size: "labels, rows, entities: {:,}, {:,}, {:,}".format(*counts) for size, counts in sizes.items()}
    show(Report("B1", shown, results, judged, versions("polars", "deltalake"), NOTES), as_json=given.as_json)


if __name__ == "__main__":
    main()
