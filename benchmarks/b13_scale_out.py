"""B13: the point-in-time join of B1 and batch scoring as in B5 on Ray with one and two workers; cost against data size.

A worker is one core. Each run is a process of its own with a Ray of its own, started before the clock. The answers of
all runs are compared. What a view costs as its source grows is measured on the local engine, in partitions, with the
memory that it may hold fixed.
"""

from __future__ import annotations

import hashlib
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import b01_point_in_time as b01
import b04_predict as b04
from harness import Goal, Report, Result, in_process, options, show, versions

HERE = Path(__file__).parent
WORKERS = (1, 2)
SIZES = {
    "quick": {"labels": 200_000, "rows": 2_000_000, "scored": 400_000, "grown": 1_000_000},
    "full": {"labels": 1_000_000, "rows": 10_000_000, "scored": 4_000_000, "grown": 4_000_000},
}
ROUNDS = {"quick": 1, "full": 3}
ENTITIES = 100_000
PIECES = 16
READY_SECONDS = 1.0
GROWTH = (1, 2, 4)
HELD_BYTES = 32_000_000  # the source may be held in memory up to this
NOTES = (
    "a worker is one core; all workers share this machine, its memory and whatever else runs on it",
    "Ray is started, and the workers have imported Polars, before the clock",
)
RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import b13_scale_out as b13
print(json.dumps(getattr(b13, sys.argv[2])(b13.Path(sys.argv[3]), *map(int, sys.argv[4:]))))
"""


def make(folder: Path, n_labels: int, n_rows: int, n_scored: int) -> dict[str, Any]:
    """Write labels and stored rows as B1 has them, a model as B4 has it, and rows to score in pieces."""
    import numpy as np
    import polars as pl

    b01.make_data(folder, n_labels, n_rows, ENTITIES)
    b04.make_bundle(folder)
    rng = np.random.default_rng(13)
    for piece in range(PIECES):
        matrix = rng.normal(size=(n_scored // PIECES, b04.FEATURES))
        pl.DataFrame(matrix, schema=list(b04.NAMES)).write_parquet(folder / f"score-{piece:03d}.parquet")
    return {}


def score(folder: str, piece: int) -> int:
    """Score one piece, Parquet to Parquet, as a worker does."""
    import numpy as np
    import onnxruntime
    import polars as pl

    from assay.models.onnx_graph import INPUT, OUTPUT

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", settings)
    rows = pl.read_parquet(f"{folder}/score-{piece:03d}.parquet")
    scores = session.run([OUTPUT], {INPUT: rows.to_numpy().astype(np.float32)})[0].ravel()
    rows.with_columns(probability=scores).write_parquet(f"{folder}/scored-{piece:03d}.parquet")
    return rows.height


def ready(_shared: None, _piece: int) -> str:
    """Import what the work needs, and stay busy until every worker has been given one of these."""
    import onnxruntime
    import polars as pl

    import assay.features.partitioned_join

    time.sleep(READY_SECONDS)
    return f"{pl.__version__} {onnxruntime.__version__} {assay.features.partitioned_join.__name__}"


def on_ray(folder: Path, workers: int) -> dict[str, Any]:
    """Join and score on a Ray of so many workers."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    import polars as pl
    import ray

    from assay.engines import Task, open_engine
    from assay.features.offline import stored
    from assay.features.partitioned_join import join_on
    from assay.stores.tables import open_tables

    ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="error")
    engine = open_engine("ray")
    engine.run(Task("b13_scale_out:ready", None), list(range(4 * workers)))
    labels = pl.read_parquet(folder / "labels.parquet")
    join = join_on(engine, folder / "exchange", n_ranges=PIECES)
    started = time.perf_counter()
    rows = stored(b01.view(), open_tables(folder / "tables"))
    joined = join(labels, rows, entity_column="driver", entity="driver", time="event_timestamp")
    join_seconds = time.perf_counter() - started
    started = time.perf_counter()
    n_scored = sum(engine.run(Task("b13_scale_out:score", str(folder)), list(range(PIECES))))
    score_seconds = time.perf_counter() - started
    scored = pl.read_parquet([folder / f"scored-{piece:03d}.parquet" for piece in range(PIECES)])["probability"]
    values = b"".join(joined[name].fill_null(9e9).to_numpy().tobytes() for name in b01.VALUES)
    digest = hashlib.sha256(values + scored.to_numpy().tobytes()).hexdigest()
    return {"join": join_seconds, "score": score_seconds, "n_scored": n_scored, "digest": digest}


def grown(folder: Path, n_rows: int) -> dict[str, Any]:
    """Build a view over a source of so many rows on the local engine, in partitions, and push it online."""
    import numpy as np
    import polars as pl

    place = folder / f"grown-{n_rows}"
    place.mkdir()
    rng = np.random.default_rng(7)
    moments = pl.Series(b01.EPOCH_US + np.sort(rng.integers(0, b01.YEAR_US, n_rows))).cast(pl.Datetime("us", "UTC"))
    source = {"driver": rng.integers(0, 20_000, n_rows), "known_at": moments}
    rows = pl.DataFrame({**source, **{name: rng.random(n_rows, dtype=np.float32) for name in b01.VALUES}})
    rows.write_parquet(place / "rows.parquet", row_group_size=65_536)
    return in_process(RUN, HERE, "build_grown", place)


def build_grown(place: Path) -> dict[str, Any]:
    """The build itself, in a process that did not make the data."""
    from assay.engines import open_engine
    from assay.features.partitioned_build import build_partitioned
    from assay.features.partitions import SourceFile, plan
    from assay.stores.online import open_online
    from assay.stores.tables import open_tables

    files = {"rows": SourceFile(str(place / "rows.parquet"))}
    view = b01.view()
    started, busy = time.perf_counter(), time.process_time()
    cut = plan(view, files, memory_bytes=HELD_BYTES, wanted=None, least=1)
    assert cut is not None, "the source fits into memory: nothing is measured"
    build_partitioned(
        view,
        files,
        plan=cut,
        engine=open_engine("local"),
        tables=open_tables(place / "tables"),
        online=open_online(place / "online.db"),
        exchange=place / "exchange",
    )
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "busy": time.process_time() - busy,
        "peak_mb": b01.peak_rss_mb(),
        "parts": cut.n_partitions,
    }


def scale(folder: Path, rounds: int) -> tuple[list[Result], list[Goal]]:
    """Both kinds of work with one worker and with two, in turns."""
    runs: dict[int, list[dict[str, Any]]] = {workers: [] for workers in WORKERS}
    for number in range(rounds):
        for workers in WORKERS:
            print(f"round {number + 1} of {rounds}: {workers} workers", file=sys.stderr)
            runs[workers].append(in_process(RUN, HERE, "on_ray", folder, workers))
    if len({run["digest"] for found in runs.values() for run in found}) != 1:
        sys.exit("one worker and two give different answers")
    results, goals = [], []
    for kind in ("join", "score"):
        seconds = {workers: [run[kind] for run in found] for workers, found in runs.items()}
        for workers, taken in seconds.items():
            middle = statistics.median(taken)
            title = f"{kind}, {workers} worker{'s' * (workers > 1)}"
            results.append(Result(title, "assay", middle, min(taken), max(taken), len(taken), None))
        one, two = (statistics.median(seconds[workers]) for workers in WORKERS)
        goals.append(Goal(f"efficiency of two workers, {kind}", one / (2 * two), 0.85, "higher"))
    return results, goals


def growth(folder: Path, n_rows: int) -> tuple[list[Result], list[Goal]]:
    """What a build costs as its source doubles and doubles again."""
    found = {}
    for times in GROWTH:
        print(f"a source of {times * n_rows:,} rows", file=sys.stderr)
        found[times * n_rows] = in_process(RUN, HERE, "grown", folder, times * n_rows)
    results = [
        Result(f"build, {size:,} rows", "assay", run["seconds"], run["seconds"], run["seconds"], 1, run["peak_mb"])
        for size, run in found.items()
    ]
    small, large = min(found), max(found)
    bound = large * math.log(large) / (small * math.log(small))
    cost = found[large]["busy"] / found[small]["busy"]
    memory = found[large]["peak_mb"] / found[small]["peak_mb"]
    return results, [
        Goal(f"times the CPU seconds for {large // small} times the rows", cost, bound, "lower"),
        Goal(f"times the memory for {large // small} times the rows", memory, 1.25, "lower"),
    ]


def main() -> None:
    """Run the size that was asked for and print what was found."""
    given = options(__doc__ or "")
    size = "quick" if given.quick else "full"
    numbers = SIZES[size]
    with tempfile.TemporaryDirectory(prefix="b13-") as name:
        folder = Path(name)
        in_process(RUN, HERE, "make", folder, numbers["labels"], numbers["rows"], numbers["scored"])
        results, judged = scale(folder, ROUNDS[size])
        more, also = growth(folder, numbers["grown"])
    shown = {size: ", ".join(f"{name} {number:,}" for name, number in numbers.items())}
    found = versions("polars", "ray", "onnxruntime")
    show(Report("B13", shown, results + more, judged + also, found, NOTES), as_json=given.as_json)


if __name__ == "__main__":
    main()
