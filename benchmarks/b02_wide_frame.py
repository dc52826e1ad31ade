"""B2: a wide training frame, 17 k rows × 1,000 features from 40 views, and 17 k × 100 from 4.

Another store needed 30 minutes and 50 GB for this size (feast 3003). Each contestant runs in a process of its own, so
that peak memory is its own. All read from disk what they would keep there: Assay its offline tables, bare Polars one
sorted Parquet file a view, Feast one Parquet file a view. Feast runs at the smaller size only, by the interpreter given
with --peer-python:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install 'feast[duckdb]' polars
    python benchmarks/b02_wide_frame.py --peer-python /tmp/peers/bin/python
"""

from __future__ import annotations

import hashlib
import importlib
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
N_LABELS, N_ENTITIES, ROWS_AN_ENTITY = 17_000, 1_000, 24
FEATURES_A_VIEW = 25
SIZES = {"quick": (100,), "full": (100, 1_000)}
FEAST_UP_TO = 100
ROUNDS = 3
YEAR_US, EPOCH_US = 365 * 86_400_000_000, 1_600_000_000_000_000
LONGER_THAN_THE_DATA = timedelta(days=800)
OURS, LIMIT, PEER = "assay", "polars", "feast duckdb"
RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import b02_wide_frame as b02
print(json.dumps(b02.run_one(sys.argv[2], b02.Path(sys.argv[3]), int(sys.argv[4]))))
"""
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
import b02_wide_frame as b02
b02.make_data(b02.Path(sys.argv[2]), int(sys.argv[3]))
print("{}")
"""


def names_of(view: int) -> tuple[str, ...]:
    """Feature names of a view."""
    return tuple(f"driver_v{view}x{number}" for number in range(FEATURES_A_VIEW))


def all_names(n_features: int) -> list[str]:
    """Every feature, in the order of the frame."""
    return [name for view in range(n_features // FEATURES_A_VIEW) for name in names_of(view)]


def definitions(n_features: int) -> Any:
    """As many views as the features need, each over a source of its own."""
    import polars as pl

    from assay.features.definitions import Definitions, feature_view

    def declared(number: int) -> Any:
        def view(rows: Any) -> Any:
            return rows

        view.__name__ = f"view{number}"
        return feature_view(
            entity="driver", source=f"rows{number}", features=dict.fromkeys(names_of(number), "A drawn number")
        )(view)

    views = tuple(declared(number) for number in range(n_features // FEATURES_A_VIEW))
    return Definitions(views=views, request_views=(), module=pl)


def make_data(folder: Path, n_features: int) -> None:
    """Write labels and one file a view, and build Assay's tables of them."""
    import numpy as np
    import polars as pl

    from assay.features.materialize import build
    from assay.stores.online import open_online
    from assay.stores.tables import open_tables

    rng = np.random.default_rng(2)

    def drawn(n: int) -> dict[str, Any]:
        moments = pl.Series(EPOCH_US + rng.integers(0, YEAR_US, n)).cast(pl.Datetime("us", "UTC"))
        return {"driver": rng.integers(0, N_ENTITIES, n), "moment": moments}

    labels = pl.DataFrame({"label_id": np.arange(N_LABELS), **drawn(N_LABELS)})
    labels.rename({"moment": "event_timestamp"}).write_parquet(folder / "labels.parquet")
    tables, online = open_tables(folder / "tables"), open_online(folder / "online.db")
    for number, view in enumerate(definitions(n_features).views):
        n = N_ENTITIES * ROWS_AN_ENTITY
        rows = pl.DataFrame({**drawn(n), **{name: rng.standard_normal(n) for name in names_of(number)}})
        rows = (
            rows.rename({"moment": "known_at"}).unique(["driver", "known_at"], keep="last").sort("driver", "known_at")
        )
        rows.write_parquet(folder / f"rows{number}.parquet")
        build(view, {f"rows{number}": rows.lazy()}, tables=tables, online=online)


def run_assay(folder: Path, n_features: int) -> Any:
    """What `project.features.history` does."""
    import polars as pl

    from assay.config.settings import Target
    from assay.features.frame import training_frame
    from assay.features.offline import stored
    from assay.stores.tables import open_tables

    tables = open_tables(folder / "tables")
    target = Target(
        source="labels", label="label", key="label_id", time="event_timestamp", entities={"driver": "driver"}
    )
    frame, _ = training_frame(
        pl.read_parquet(folder / "labels.parquet"),
        target=target,
        definitions=definitions(n_features),
        rows_of=lambda view: stored(view, tables),
    )
    return frame


def run_polars(folder: Path, n_features: int) -> Any:
    """The limit: the as-of joins and nothing else, labels sorted once and left in that order."""
    import polars as pl

    frame = pl.read_parquet(folder / "labels.parquet").sort("event_timestamp")
    for number in range(n_features // FEATURES_A_VIEW):
        rows = pl.read_parquet(folder / f"rows{number}.parquet")
        frame = frame.join_asof(
            rows,
            left_on="event_timestamp",
            right_on="known_at",
            by="driver",
            allow_exact_matches=False,
            check_sortedness=False,
        ).drop("known_at")
    return frame


def run_feast_duckdb(folder: Path, n_features: int) -> Any:
    """Feast with its DuckDB offline store."""
    import pandas as pd
    import polars as pl
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.repo_config import RepoConfig
    from feast.types import Float64

    config = RepoConfig(
        project="b02",
        provider="local",
        registry=str(folder / "feast_registry.db"),
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(folder / "feast_online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=f"view{number}",
            entities=[driver],
            ttl=LONGER_THAN_THE_DATA,
            schema=[Field(name=name, dtype=Float64) for name in names_of(number)],
            source=FileSource(path=str(folder / f"rows{number}.parquet"), timestamp_field="known_at"),
        )
        for number in range(n_features // FEATURES_A_VIEW)
    ]
    store.apply([driver, *views])
    labels = pd.read_parquet(folder / "labels.parquet")
    wanted = [f"{view.name}:{field.name}" for view in views for field in view.schema if field.name != "driver"]
    started = time.perf_counter()
    frame = pl.from_pandas(store.get_historical_features(labels, wanted).to_df())
    run_feast_duckdb.seconds = time.perf_counter() - started  # type: ignore[attr-defined]
    return frame


NEEDS: dict[str, tuple[str, ...]] = {  # imported before the clock starts
    OURS: ("polars", "deltalake", "assay.features.frame", "assay.features.offline", "assay.stores.tables"),
    LIMIT: ("polars",),
    PEER: ("feast", "pandas", "polars"),
}
RUNS: dict[str, Callable[[Path, int], Any]] = {OURS: run_assay, LIMIT: run_polars, PEER: run_feast_duckdb}


def run_one(name: str, folder: Path, n_features: int) -> dict[str, Any]:
    """Make the frame once in this process; the answer's digest is taken after the clock has stopped."""
    for needed in NEEDS[name]:
        importlib.import_module(needed)
    import polars as pl

    started = time.perf_counter()
    frame = RUNS[name](folder, n_features)
    seconds = getattr(RUNS[name], "seconds", time.perf_counter() - started)
    peak_mb = peak_rss_mb()
    answer = frame.select("label_id", *all_names(n_features)).sort("label_id").fill_nan(None).fill_null(9e9)
    digest = hashlib.sha256(b"".join(answer[one].cast(pl.Float64).to_numpy().tobytes() for one in answer.columns))
    return {"seconds": seconds, "peak_mb": peak_mb, "digest": digest.hexdigest(), "rows": frame.height}


def peak_rss_mb() -> float:
    """Largest resident size of this process alone; the kernel's other account includes the parent it came from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_megabytes()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def contest(folder: Path, n_features: int, peer_python: str | None) -> list[Result]:
    """Let every contestant run in turns, each time in a new process, and check that all answer alike."""
    contestants = dict.fromkeys((OURS, LIMIT), sys.executable)
    if peer_python is not None and n_features <= FEAST_UP_TO:
        contestants[PEER] = peer_python
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(ROUNDS):
        for name, python in contestants.items():
            print(f"round {number + 1} of {ROUNDS}: {name}, {n_features} features", file=sys.stderr)
            try:
                found.setdefault(name, []).append(in_process(RUN, HERE, name, folder, n_features, python=python))
            except subprocess.CalledProcessError:
                print(f"{name} failed and is left out", file=sys.stderr)
    answers = {name: {run["digest"] for run in runs} for name, runs in found.items()}
    if len(set().union(*answers.values())) != 1:
        sys.exit(f"the contestants give different answers: {answers}")
    return [_result(f"{name}, 17 k × {n_features}", name, runs) for name, runs in found.items() if runs]


def _result(title: str, name: str, runs: list[dict[str, Any]]) -> Result:
    seconds = [run["seconds"] for run in runs]
    role = "assay" if name == OURS else "limit" if name == LIMIT else "peer"
    peak = statistics.median(run["peak_mb"] for run in runs)
    return Result(title, role, statistics.median(seconds), min(seconds), max(seconds), len(runs), peak)  # type: ignore[arg-type]


def main() -> None:
    """Run the sizes that were asked for."""
    given = options(__doc__ or "")
    results: list[Result] = []
    judged: list[Goal] = []
    for n_features in SIZES["quick" if given.quick else "full"]:
        with tempfile.TemporaryDirectory(prefix="b02-") as folder:
            in_process(MAKE, HERE, folder, n_features)
            found = contest(Path(folder), n_features, given.peer_python)
        results += found
        ours = next(one for one in found if one.role == "assay")
        label = f"17 k × {n_features}"
        judged += [
            Goal(f"seconds, {label}", ours.seconds, 4, "lower"),
            Goal(f"peak MB, {label}", ours.peak_mb, 2_000, "lower"),
        ]
    sizes = {"labels": N_LABELS, "features": list(SIZES["quick" if given.quick else "full"]), "a view": FEATURES_A_VIEW}
    notes = ("each run is a process of its own; assay returns the labels in their own order",)
    show(Report("B2", sizes, results, judged, versions("polars", "deltalake"), notes), as_json=given.as_json)


if __name__ == "__main__":
    main()
