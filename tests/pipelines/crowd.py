"""One process of a crowd that builds and reads one small project at once; prints as JSON what it saw.

Every build stores a new generation of all customers. A row says which generation it is of, and has a check that only
the customer and the generation together give, so that a reader knows a mixture from one complete version.
"""

from __future__ import annotations

import fcntl
import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from assay.project import Project

CUSTOMERS = 20
START = datetime(2020, 1, 1, tzinfo=UTC)
SETTINGS = """
name: crowd
brief: {}
sources:
  events: {path: 'events-*.parquet', time: time}
target:
  {source: events, key: row, time: time, label: generation, entities: {customer: customer}}
"""
DEFINITIONS = """
import assay

@assay.feature_view(entity="customer", source="events", features={
    "customer_generation": "Which build wrote the row", "customer_check": "What belongs to it"})
def state(events):
    return events.select("customer", "known_at", customer_generation="generation", customer_check="check")
"""


def make(folder: Path) -> None:
    """Write the project, with its first generation."""
    folder.mkdir()
    (folder / "assay.yaml").write_text(SETTINGS)
    (folder / "definitions.py").write_text(DEFINITIONS)
    write_generation(folder)


def check_of(generation: int, customer: int) -> int:
    return (generation * 1_000_003 + customer * 7_919) % 1_000_000_007


def write_generation(folder: Path) -> int:
    """Add a file with a new generation to the source; one writer at a time."""
    with (folder / "writer.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        generation = newest_generation(folder) + 1
        rows = pl.DataFrame(
            {
                "row": [f"{generation}-{one}" for one in range(CUSTOMERS)],
                "customer": [f"C{one}" for one in range(CUSTOMERS)],
                "generation": [generation] * CUSTOMERS,
                "check": [check_of(generation, one) for one in range(CUSTOMERS)],
                "time": [START + timedelta(minutes=generation)] * CUSTOMERS,
            }
        )
        part = folder / "part"
        rows.write_parquet(part)
        part.replace(folder / f"events-{generation:06d}.parquet")
        return generation


def newest_generation(folder: Path) -> int:
    """The last generation that the source has."""
    return max((int(path.stem.partition("-")[2]) for path in folder.glob("events-*.parquet")), default=0)


class Crowd:
    """Builders and readers of one process."""

    def __init__(self, folder: Path, overrides: tuple[str, ...]) -> None:
        self.folder, self.overrides = folder, overrides
        self.faults: list[str] = []
        self.n_builds = self.n_reads = 0
        self.generations: set[int] = set()
        self.lock, self.done = threading.Lock(), threading.Event()

    def build(self, number: int) -> None:
        generation = newest_generation(self.folder)
        with Project.open(self.folder, overrides=self.overrides) as project:
            project.features.build(full=number % 10 == 0)
            self.judge([project.features.latest([{"customer": "C0"}])[0]], [0], at_least=generation)
        with self.lock:
            self.n_builds += 1

    def read(self, number: int) -> None:
        seen = 0
        with Project.open(self.folder, overrides=self.overrides) as project:
            while not self.done.is_set():
                customers = list(range(CUSTOMERS))
                keys = [{"customer": f"C{one}"} for one in customers]
                if number % 3:
                    found = project.features.latest(keys)
                else:
                    when = pl.Series([datetime.now(UTC)] * CUSTOMERS, dtype=pl.Datetime("us", "UTC"))
                    found = project.features.history(pl.DataFrame(keys).with_columns(time=when)).to_dicts()
                seen = self.judge(found, customers, at_least=seen)
                with self.lock:
                    self.n_reads += 1
                    self.generations.add(seen)
                time.sleep(0.5)  # the machine has other work than reading

    def judge(self, found: list[dict[str, int]], customers: list[int], *, at_least: int) -> int:
        """The one generation that all rows are of; anything else is a fault."""
        generations = {one["customer_generation"] for one in found}
        whole = len(generations) == 1 and None not in generations
        if not whole or any(
            one["customer_check"] != check_of(one["customer_generation"], customer)
            for one, customer in zip(found, customers, strict=True)
        ):
            self.faults.append(f"a part of a version: {found}")
            return at_least
        (generation,) = generations
        if generation < at_least:
            self.faults.append(f"generation {generation} after {at_least}")
        return max(generation, at_least)

    def guarded(self, work: str, number: int) -> None:
        try:
            getattr(self, work)(number)
        except Exception as error:
            self.faults.append(f"{work}: {type(error).__name__}: {error}")

    def run(self, n_builders: int, n_readers: int) -> None:
        def started(work: str, count: int) -> list[threading.Thread]:
            threads = [threading.Thread(target=self.guarded, args=(work, number)) for number in range(count)]
            for thread in threads:
                thread.start()
            return threads

        readers, builders = started("read", n_readers), started("build", n_builders)
        while any(builder.is_alive() for builder in builders):
            write_generation(self.folder)
            time.sleep(0.5)
        self.done.set()
        for reader in readers:
            reader.join()


def main() -> None:
    folder, n_builders, n_readers, *overrides = sys.argv[1:]
    crowd = Crowd(Path(folder), tuple(overrides))
    crowd.run(int(n_builders), int(n_readers))
    print(
        json.dumps(
            {
                "faults": crowd.faults,
                "builds": crowd.n_builds,
                "reads": crowd.n_reads,
                "generations": sorted(crowd.generations),
            }
        )
    )


if __name__ == "__main__":
    main()
