"""B1: the point-in-time join, 1 M labels on 10 M feature rows of 100 k entities, and 100 k on 1 M.

Contenders run alternately, each in a process of its own, so that peak memory is theirs alone. All read from disk what
they would keep there: bare Polars one sorted Parquet file, Assay its offline table, the peers an unsorted Parquet file
(pandas, Feast) or the sorted one (DuckDB). Peers are run by the interpreter given with --peers, where it has them:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install polars pandas pyarrow duckdb 'feast[duckdb]'
    python benchmarks/b01_point_in_time.py --peers /tmp/peers/bin/python
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

SIZES = {"quick": (100_000, 1_000_000, 100_000), "full": (1_000_000, 10_000_000, 100_000)}
VALUES = tuple(f"driver_value{number}" for number in range(5))
OURS, LIMITS, PEERS = (
    "assay",
    ("polars streaming", "polars eager", "polars sorted"),
    ("duckdb", "pandas", "feast duckdb"),
)
YEAR_US = 365 * 86_400_000_000
EPOCH_US = 1_600_000_000_000_000  # September 2020
PAUSE = timedelta(days=400)


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
    values = FeatureView(name="values", entities=[driver], ttl=PAUSE, schema=fields, source=source)
    store.apply([driver, values])
    labels = pd.read_parquet(folder / "labels.parquet")
    started = time.perf_counter()
    joined = store.get_historical_features(labels, [f"values:{name}" for name in VALUES]).to_df()
    frame = pl.from_pandas(joined)
    run_feast_duckdb.seconds = time.perf_counter() - started  # type: ignore[attr-defined]
    return frame


NEEDS: dict[str, tuple[str, ...]] = {  # imported before the clock starts
    OURS: ("polars", "deltalake", "assay.features.offline", "assay.stores.tables"),
    "polars streaming": ("polars",),
    "polars eager": ("polars",),
    "polars sorted": ("polars",),
    "duckdb": ("duckdb", "polars", "pyarrow"),
    "pandas": ("pandas", "polars", "pyarrow"),
    "feast duckdb": ("feast", "pandas", "polars"),
}
RUNS: dict[str, Callable[[Path], Any]] = {
    OURS: run_assay,
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
    seconds = getattr(RUNS[name], "seconds", time.perf_counter() - started)
    peak_mb = peak_rss_mb()
    answer = frame.select("label_id", *VALUES).sort("label_id").with_columns(pl.col(VALUES).fill_nan(None))
    digest = hashlib.sha256(b"".join(answer[name].fill_null(9e9).to_numpy().tobytes() for name in VALUES)).hexdigest()
    nulls = answer[VALUES[0]].null_count()
    return {"seconds": seconds, "peak_mb": peak_mb, "digest": digest, "rows": answer.height, "nulls": nulls}


def peak_rss_mb() -> float:
    """Largest resident size of this process; `ru_maxrss` would count the parent that it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, folder: Path, python: str) -> dict[str, Any] | None:
    """Run a contender in its own process; None where its library is missing or it fails."""
    done = subprocess.run(
        [python, __file__, "--one", name, "--folder", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]
    last_line = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    print(f"  {name}: left out ({last_line})", file=sys.stderr)
    return None


def contest(folder: Path, repeats: int, peers: str | None) -> list[dict[str, Any]]:
    """Measure every contender `repeats` times, one after the other in turn, and check that all answer alike."""
    contenders = dict.fromkeys((OURS, *LIMITS), sys.executable)
    contenders |= dict.fromkeys(PEERS, peers) if peers else {}
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(repeats):
        for name, python in list(contenders.items()):
            one = measure(name, folder, python) if number == 0 or name in found else None
            if one is not None:
                found.setdefault(name, []).append(one)
    answer = found[OURS][0]["digest"]
    for name, runs in found.items():
        same = all(run["digest"] == answer for run in runs)
        if not same and name != "feast duckdb":
            sys.exit(f"{name} gives another answer than {OURS}: {runs[0]} against {found[OURS][0]}")
    return [
        {
            "name": name,
            "seconds": round(statistics.median(run["seconds"] for run in runs), 3),
            "peak_mb": round(statistics.median(run["peak_mb"] for run in runs)),
            "rows": runs[0]["rows"],
            "nulls": runs[0]["nulls"],
        }
        for name, runs in found.items()
    ]


def goals(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bounds of the design: against the better limit, against Feast, and in memory."""
    by_name = {one["name"]: one for one in results}
    ours = by_name[OURS]
    limit = min(by_name[name]["seconds"] for name in (*LIMITS, "duckdb") if name in by_name)
    listed = [
        ("time as a multiple of the better limit", round(ours["seconds"] / limit, 2), 1.25, "<="),
        ("peak memory in MB", ours["peak_mb"], 1_000, "<="),
    ]
    if "feast duckdb" in by_name:
        listed.append(
            ("times faster than Feast", round(by_name["feast duckdb"]["seconds"] / ours["seconds"], 1), 15, ">=")
        )
    return [
        {"text": text, "value": value, "bound": bound, "met": value <= bound if sign == "<=" else value >= bound}
        for text, value, bound, sign in listed
    ]


def versions() -> dict[str, str]:
    """What was measured, on what."""
    import polars as pl

    now = datetime.now(timezone.utc)  # noqa: UP017 (peers may run an older Python)
    return {
        "python": platform.python_version(),
        "polars": pl.__version__,
        "machine": platform.machine(),
        "day": f"{now:%F}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 k labels on 1 M rows only, under 50 s")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", help="interpreter that has the peers' libraries")
    parser.add_argument("--one", choices=tuple(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(run_one(given.one, given.folder)))
        return
    sizes = ["quick"] if given.quick else ["quick", "full"]
    results: list[dict[str, Any]] = []
    judged: list[dict[str, Any]] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="b01-") as folder:
            make_data(Path(folder), *SIZES[size])
            found = contest(Path(folder), given.repeats, given.peers)
        label = f"{SIZES[size][0]:,} x {SIZES[size][1]:,}"
        results += [{**one, "name": f"{one['name']}, {label}"} for one in found]
        judged += [{**one, "text": f"{one['text']}, {label}"} for one in goals(found)]
    document = {"id": "B1", "sizes": {size: SIZES[size] for size in sizes}, "results": results, "goals": judged}
    show(document | {"versions": versions()}, as_json=given.json)


def show(document: dict[str, Any], *, as_json: bool) -> None:
    """Print the document, or a line for each fact."""
    if as_json:
        print(json.dumps(document))
        return
    print(f"B1 point-in-time join   {document['versions']}")
    for one in document["results"]:
        print(f"  {one['name']:<42} {one['seconds']:>8.3f} s  {one['peak_mb']:>7,} MB  {one['nulls']:>7,} unmatched")
    for goal in document["goals"]:
        print(f"  {'met ' if goal['met'] else 'MISS'} {goal['text']}: {goal['value']} (bound {goal['bound']})")


if __name__ == "__main__":
    main()
