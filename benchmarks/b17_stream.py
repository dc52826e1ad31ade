"""B17: how long an event takes from its publication to the online value that a reader sees, on each bus.

A publisher sends 200 events a second; `assay features stream` runs as its own process; a reader polls the online store
until it shows the event. The limit is the bus alone: the same events, published by one process and taken by another.
Redis and NATS are measured where their servers are installed, as they come with their events written to disk.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from harness import Goal, Report, Result, options, show, versions

from assay.project import Project
from assay.stores.bus import open_bus

EVENTS_A_SECOND = 200
CUSTOMERS = 10_000
POLL_SECONDS = 0.002
GIVE_UP_SECONDS = 60.0

SETTINGS = """
name: stream
brief: {}
sources:
  purchases: {path: purchases.parquet, time: time}
  labels: {path: labels.csv, time: time}
target: {source: labels, key: row, label: answer, time: event_time, entities: {customer: customer_id}}
"""
DEFINITIONS = """
from datetime import timedelta
import polars as pl
import assay

def rolling(what, days):
    return what.rolling(index_column="known_at", period=f"{days}d").over("customer_id")

@assay.feature_view(
    entity="customer", source="purchases", stream="purchases", history=timedelta(days=90), partition_by="customer_id",
    features={f"customer_spend_{days}d_{how}": f"Purchases of {days} days, {how}"
              for days in (7, 30, 90) for how in ("sum", "mean", "count")},
)
def spend(purchases):
    amount = pl.col("amount")
    return purchases.sort("known_at").select("known_at", customer=pl.col("customer_id"), **{
        f"customer_spend_{days}d_{how}": rolling(getattr(amount, how)(), days)
        for days in (7, 30, 90) for how in ("sum", "mean", "count")})
"""
BARE_READER = """
import sys, time
from assay.stores.bus import open_bus
bus = open_bus(sys.argv[1], prefix="bare")
reader = bus.read("purchases")
print("ready", flush=True)
taken = []
while len(taken) < int(sys.argv[2]):
    for message in reader.take(500, wait_seconds=0.05):
        taken.append(time.time() - float(message.data.split()[0]))
print(*taken, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from publication to sight, one an event, and how many events a second a waiting topic was read."""

    seconds: list[float]
    catch_up: float = 0.0


def main() -> None:
    """Measure every bus that can be had here."""
    chosen = options(__doc__ or "")
    n_events, n_past = (1_000, 100_000) if chosen.quick else (6_000, 1_000_000)
    results: list[Result] = []
    goals: list[Goal] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="assay-b17-") as place:
        project = make_project(Path(place) / "project", n_past)
        for kind in ("embedded", "redis", "nats"):
            if kind != "embedded" and shutil.which(f"{kind}-server") is None:
                notes.append(f"{kind} was not measured: no {kind}-server here")
                continue
            with bus_at(kind, Path(place)) as url:
                print(f"{kind}: the bus alone", file=sys.stderr)
                bare = bare_bus(url, n_events)
                print(f"{kind}: to the online value", file=sys.stderr)
                folder = Path(shutil.copytree(project, Path(place) / f"project-{kind}"))
                streamed = to_online(folder, url, n_events)
            results += [result(f"{kind} bus alone", "limit", bare), result(f"{kind} to online", "assay", streamed)]
            goals.append(Goal(f"{kind}: p99 to online, seconds", percentile(streamed.seconds, 99), 1.0, "lower"))
            notes.append(
                f"{kind}: to online p50 {percentile(streamed.seconds, 50) * 1e3:.1f} ms, "
                f"p99 {percentile(streamed.seconds, 99) * 1e3:.1f} ms, largest {max(streamed.seconds) * 1e3:.1f} ms; "
                f"bus alone p99 {percentile(bare.seconds, 99) * 1e3:.1f} ms; "
                f"a waiting topic is read at {streamed.catch_up:,.0f} events/s"
            )
    sizes = {"events": n_events, "events_a_second": EVENTS_A_SECOND, "rows_of_the_past": n_past}
    found = versions("polars", "faststream", "redis", "nats-py")
    show(Report("B17", sizes, results, goals, found, notes), as_json=chosen.as_json)


def make_project(folder: Path, n_past: int) -> Path:
    """A project with purchases of a year, built."""
    folder.mkdir()
    (folder / "assay.yaml").write_text(SETTINGS)
    (folder / "definitions.py").write_text(DEFINITIONS)
    (folder / "labels.csv").write_text("row,customer_id,time,answer\n1,c1,2026-01-01,1\n")
    rng = np.random.default_rng(17)
    start = datetime.now(UTC) - timedelta(days=366)
    frame = pl.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, CUSTOMERS, n_past)],
            "time": pl.Series(np.sort(rng.integers(0, 365 * 86_400, n_past))),
            "amount": rng.gamma(2.0, 10.0, n_past).round(2),
        }
    )
    moments = pl.lit(start) + pl.duration(seconds="time")
    frame.with_columns(moments.alias("time")).write_parquet(folder / "purchases.parquet")
    with Project.open(folder, environment={}) as project:
        project.features.build()
    return folder


@contextmanager
def bus_at(kind: str, place: Path) -> Iterator[str]:
    """A bus of that kind, empty, as long as it is needed."""
    if kind == "embedded":
        yield str(place / "bus.db")
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    folder = Path(tempfile.mkdtemp(dir=place))
    words = {
        "redis": ["redis-server", "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", ""],
        "nats": ["nats-server", "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(port)],
    }[kind]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"{kind}://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def wait_for(port: int) -> None:
    """Until something listens there."""
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def bare_bus(url: str, n_events: int) -> Measured:
    """Seconds from before the publication until another process has the event."""
    command = [sys.executable, "-c", BARE_READER, url, str(n_events)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    reader.stdout.readline()
    bus = open_bus(url, prefix="bare")
    for _ in ticks(n_events):
        bus.publish("purchases", [f"{time.time()} {'x' * 100}".encode()])
    seconds = [float(one) for one in reader.stdout.readline().split()]
    reader.wait(GIVE_UP_SECONDS)
    bus.close()
    return Measured(seconds)


def ticks(count: int) -> Iterator[int]:
    """Numbers at an even pace; a late one does not make the next ones late."""
    began = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, began + number / EVENTS_A_SECOND - time.perf_counter()))
        yield number


def to_online(folder: Path, url: str, n_events: int) -> Measured:
    """Seconds from before the publication until a reader of the online store sees the event's own time."""
    override = f"stores.bus={url}"
    with Project.open(folder, overrides=[override], environment={}) as project:
        catch_up = read_what_gathered(project, n_events)
        words = [sys.executable, "-m", "assay", "features", "stream", "--project", str(folder), "--set", override]
        stream = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            send(project, 1, seed=1)  # the first waits for the process to start
            watcher = Watcher(project)
            for _ in range(3):
                watcher.follow(send(project, 1, seed=2))
                watcher.drain()
            watcher.seconds.clear()
            thread = threading.Thread(target=watcher.run)
            thread.start()
            rng = np.random.default_rng(3)
            for _ in ticks(n_events):
                watcher.follow(send(project, 1, rng=rng))
            watcher.is_over = True
            thread.join(GIVE_UP_SECONDS + 5)
        finally:
            stream.terminate()
            stream.wait(30)
        return Measured(watcher.seconds, catch_up)


def read_what_gathered(project: Project, n_events: int) -> float:
    """Events a second at which a stream reads what has gathered, its start not counted."""
    send(project, 1, seed=4)
    project.features.stream(once=True)
    send(project, n_events, seed=5)
    begin = time.perf_counter()
    project.features.stream(once=True)
    return n_events / (time.perf_counter() - begin)


def send(
    project: Project, count: int, *, seed: int = 0, rng: np.random.Generator | None = None
) -> list[tuple[str, int, float]]:
    """Publish purchases of this moment; the customer, the event's time in microseconds, and when it was sent."""
    rng = rng or np.random.default_rng(seed)
    sent, events = [], []
    for number in range(count):
        now, customer = datetime.now(UTC) + timedelta(microseconds=number), f"c{rng.integers(0, CUSTOMERS)}"
        events.append({"customer_id": customer, "time": now.isoformat(), "amount": float(rng.integers(1, 90))})
        sent.append((customer, int(now.timestamp() * 1_000_000), time.perf_counter()))
    project.features.publish("purchases", events)
    return sent


class Watcher:
    """Reads the online values of customers with events on their way, and notes when each is seen."""

    def __init__(self, project: Project) -> None:
        self.seconds: list[float] = []
        self.is_over = False
        self._online = project.workspace.online
        self._waiting: list[tuple[str, int, float]] = []

    def follow(self, sent: list[tuple[str, int, float]]) -> None:
        self._waiting += sent

    def run(self) -> None:
        """Until the publisher is done and every event was seen."""
        while not self.is_over or self._waiting:
            self._look()

    def drain(self) -> None:
        while self._waiting:
            self._look()

    def _look(self) -> None:
        waiting = self._waiting[:]
        rows = self._online.get("spend", [customer for customer, _, _ in waiting])
        now = time.perf_counter()
        for one, row in zip(waiting, rows, strict=True):
            if row is not None and row.time_us >= one[1] - 1:
                self.seconds.append(now - one[2])
                self._waiting.remove(one)
            elif now - one[2] > GIVE_UP_SECONDS:
                raise SystemExit(f"an event of {one[0]} was not seen in {GIVE_UP_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def percentile(seconds: list[float], at: float) -> float:
    return float(np.percentile(seconds, at))


def result(name: str, role: str, measured: Measured) -> Result:
    """Median, fastest and slowest event; a round is an event."""
    seconds = measured.seconds
    return Result(name, role, statistics.median(seconds), min(seconds), max(seconds), len(seconds), None)


if __name__ == "__main__":
    main()
