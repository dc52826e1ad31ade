"""B3: reading feature vectors online, 1 and 100 entities, 50 and 250 features, from SQLite and from Redis.

Assay gives what a request gets: ttl and staleness judged, missing told apart, values in order. The limits are
the bare stores holding the same JSON: one SELECT or one MGET, orjson into dicts, nothing judged. The peer is Feast with
its SQLite and Redis stores, run by the interpreter given with --peer-python:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install 'feast[redis]' polars
    python benchmarks/b03_online_read.py --peer-python /tmp/peers/bin/python

A Redis server is started where one is installed. All answers are checked equal before anything is timed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from harness import Contestant, Goal, Report, Result, alternate, in_process, options, ratio, show, versions

from assay.config.settings import Target
from assay.features.definitions import Definitions, FeatureView, feature_view
from assay.features.online import OnlineFeatures
from assay.stores.online import OnlineStore, open_online

HERE = Path(__file__).parent
N_ENTITIES = 1_000
FEATURES, ENTITIES = {"quick": (50,), "full": (50, 250)}, (1, 100)
ROUNDS, CALLS = {"quick": 3, "full": 7}, {1: 400, 100: 60}
FEAST_CALLS = {1: 100, 100: 8}
KNOWN = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
VIEW = "driver_values"
FEAST = """
import sys
sys.path.insert(0, sys.argv[1])
import peer_feast_online
peer_feast_online.main(*sys.argv[2:])
"""
Read = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]]


def names_of(n_features: int) -> tuple[str, ...]:
    """Feature names, alike for all."""
    return tuple(f"driver_value{number}" for number in range(n_features))


def view_of(n_features: int) -> FeatureView:
    """A view whose ttl and staleness must be judged on every read."""

    @feature_view(
        entity="driver",
        source="rows",
        features=dict.fromkeys(names_of(n_features), "A drawn number"),
        ttl=timedelta(days=30),
        staleness=timedelta(days=2),
    )
    def driver_values(rows: Any) -> Any:
        return rows

    return driver_values


def drawn(n_features: int) -> pl.DataFrame:
    """One row an entity."""
    rng = np.random.default_rng(n_features)
    values = {name: rng.standard_normal(N_ENTITIES) for name in names_of(n_features)}
    return pl.DataFrame({"driver": np.arange(N_ENTITIES), **values})


def ours(store: OnlineStore, n_features: int) -> Read:
    """What `assay serve` does for the rows of a request."""
    target = Target(source="rows", label="label", key="id", time="event", entities={"driver": "driver"})
    definitions = Definitions(views=(view_of(n_features),), request_views=(), module=pl)  # type: ignore[arg-type]
    reader = OnlineFeatures(target=target, definitions=definitions, store=store)
    return lambda rows: [vector.values for vector in reader.vectors(rows, now=NOW)]


def fill(store: OnlineStore, frame: pl.DataFrame) -> None:
    """Put the drawn rows into a store, as a build does."""
    keys = [str(key) for key in frame["driver"]]
    time_us = int(KNOWN.timestamp() * 1_000_000)
    store.put(VIEW, keys, [time_us] * len(keys), frame.drop("driver").to_dicts(), replace=True)


def bare_sqlite(path: Path) -> Read:
    """The limit: a prepared SELECT on the very file, its JSON into dicts."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA mmap_size = 268435456")
    statements = {
        n: f"SELECT key, content FROM latest WHERE view = '{VIEW}' AND key IN ({','.join('?' * n)})" for n in ENTITIES
    }

    def read(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        keys = [str(row["driver"]) for row in rows]
        found = {key: orjson.loads(content) for key, content in connection.execute(statements[len(keys)], keys)}
        return [found[key] for key in keys]

    return read


def bare_redis(url: str, frame: pl.DataFrame) -> Read:
    """The limit: one MGET of JSON values into dicts, by the usual client."""
    import redis

    client = redis.Redis.from_url(url)
    prefix = f"bare{frame.width}:"
    client.mset({f"{prefix}{row.pop('driver')}": orjson.dumps(row) for row in frame.to_dicts()})

    def read(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [orjson.loads(one) for one in client.mget([f"{prefix}{row['driver']}" for row in rows])]

    return read


def timed_calls(read: Read, n_entities: int) -> float:
    """Median seconds of one read."""
    return statistics.median(each_call(read, n_entities, CALLS[n_entities]))


def each_call(read: Read, n_entities: int, n_calls: int) -> list[float]:
    """Seconds of each of so many reads."""
    rng = np.random.default_rng(0)
    batches = [
        [{"driver": int(key)} for key in rng.choice(N_ENTITIES, n_entities, replace=False)] for _ in range(n_calls)
    ]
    seconds = []
    for batch in batches:
        begin = time.perf_counter()
        read(batch)
        seconds.append(time.perf_counter() - begin)
    return seconds


def slow_reads(kind: str, place: str | Path) -> list[Goal]:
    """What FS-3 asks of the slowest reads of 50 features: 99th percentiles in milliseconds."""
    read = ours(open_online(place, namespace="b03-50"), 50)
    return [
        Goal(
            f"p99 ms of a read, {kind}, {n} × 50", np.quantile(each_call(read, n, 2_000), 0.99) * 1_000, bound, "lower"
        )
        for n, bound in ((1, 1), (100, 10))
    ]


def check_equal(reads: Mapping[str, Read], frame: pl.DataFrame) -> None:
    """Every contestant must give the drawn values."""
    keys = [0, 999, 17]
    rows = [{"driver": key} for key in keys]
    expected = [frame.drop("driver").row(key, named=True) for key in keys]
    for name, read in reads.items():
        if read(rows[:1]) != expected[:1] or ([read([row])[0] for row in rows] != expected):
            sys.exit(f"{name} gives other values than were written")


def measure(kind: str, url: str, folder: Path, n_features: int, rounds: int, peer: str | None) -> list[Result]:
    """All contestants on one store and one number of features."""
    frame = drawn(n_features)
    place: str | Path = url or folder / f"online{n_features}.db"
    store = open_online(place, namespace=f"b03-{n_features}")
    fill(store, frame)
    reads = {
        "assay": ours(store, n_features),
        f"bare {kind}": bare_redis(url, frame) if url else bare_sqlite(Path(place)),
    }
    check_equal(reads, frame)
    results = []
    for n_entities in ENTITIES:
        label = f"{kind}, {n_entities} × {n_features}"
        contestants = [
            Contestant(f"{name}, {label}", _run(read, n_entities), "assay" if name == "assay" else "limit")
            for name, read in reads.items()
        ]
        results += alternate(contestants, rounds=rounds)
    if peer is not None:
        results += feast(kind, url, folder, frame, peer)
    return results


def _run(read: Read, n_entities: int) -> Callable[[], float]:
    return lambda: timed_calls(read, n_entities)


def feast(kind: str, url: str, folder: Path, frame: pl.DataFrame, peer: str) -> list[Result]:
    """Feast on the same rows, in an environment of its own; it checks its answers against the file."""
    n_features = frame.width - 1
    data = folder / f"rows{n_features}.parquet"
    frame.with_columns(event_timestamp=pl.lit(KNOWN)).write_parquet(data)
    store = {"type": "redis", "connection_string": url.removeprefix("redis://").partition("/")[0]} if url else {
        "type": "sqlite", "path": str(folder / f"feast{n_features}.db"),
    }  # fmt: skip
    print(f"feast on {kind}, {n_features} features", file=sys.stderr)
    try:
        found = in_process(FEAST, HERE, data, json.dumps(store), json.dumps(FEAST_CALLS), python=peer)
    except subprocess.CalledProcessError:
        print(f"feast on {kind} failed and is left out", file=sys.stderr)
        return []
    return [
        Result(
            f"feast, {kind}, {n} × {n_features}",
            "peer",
            statistics.median(found[str(n)]),
            min(found[str(n)]),
            max(found[str(n)]),
            len(found[str(n)]),
            None,
        )
        for n in ENTITIES
    ]


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A server on a free port; an empty address where none is installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        yield ""
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [binary, "--port", str(port), "--save", "", "--dir", str(folder)], stdout=subprocess.DEVNULL
    )
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def goals(results: Sequence[Result], kind: str, n_features: int) -> list[Goal]:
    """The bounds of the design for one store and size."""
    found = []
    for n in ENTITIES:
        label = f"{kind}, {n} × {n_features}"
        over = ratio(results, f"assay, {label}", f"bare {kind}, {label}")
        found.append(Goal(f"time over the limit's, {label}", over, 2.5, "lower"))
        if kind == "sqlite":
            faster = ratio(results, f"feast, {label}", f"assay, {label}")
            found.append(Goal(f"times as fast as Feast, {label}", faster, 25, "higher"))
    return found


def main() -> None:
    """Measure every store and size."""
    given = options(__doc__ or "")
    size = "quick" if given.quick else "full"
    results: list[Result] = []
    judged: list[Goal] = []
    notes = ["seconds are the median of single reads"]
    with tempfile.TemporaryDirectory(prefix="b03-") as name, redis_server(Path(name)) as url:
        if not url:
            notes.append("no redis-server is installed here; Redis was not measured")
        for kind, place in (("sqlite", ""), *((("redis", url),) if url else ())):
            for n_features in FEATURES[size]:
                found = measure(kind, place, Path(name), n_features, ROUNDS[size], given.peer_python)
                results += found
                judged += goals(found, kind, n_features)
            judged += slow_reads(kind, place or Path(name) / "online50.db")
    sizes = {"entities": N_ENTITIES, "features": list(FEATURES[size]), "read at once": list(ENTITIES)}
    show(Report("B3", sizes, results, judged, versions("polars", "redis", "orjson"), notes), as_json=given.as_json)


if __name__ == "__main__":
    main()
