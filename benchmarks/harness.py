"""What every benchmark script shares: options, fair timing, peak memory, versions, and how results are printed.

A script gives the harness its contestants and goals. They take turns (one round each, in an order that changes), so
that a noisy machine is noisy for all of them, and the median of the rounds is what counts. A contestant that needs
another environment (a peer whose packages clash with ours) runs under another Python, named by `--peer-python`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; `peer_python` is None where peers are not measured."""

    quick: bool
    as_json: bool
    peer_python: str | None


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something to be timed.

    Attributes:
        name: `assay`, the name of the peer, or what the limit is.
        run: Does the work once and returns the seconds that count; set-up is not among them.
        role: Whose figure it is.
    """

    name: str
    run: Callable[[], float]
    role: Literal["assay", "limit", "peer"]


@dataclass(frozen=True, slots=True)
class Result:
    """Median, fastest and slowest round; `peak_mb` is the process's highest memory so far, None in other processes."""

    name: str
    role: str
    seconds: float
    fastest: float
    slowest: float
    rounds: int
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure; `value` is None where it could not be measured here, and then the goal is not met."""

    text: str
    value: float | None
    bound: float
    better: Literal["lower", "higher"]

    @property
    def met(self) -> bool:
        """Whether the figure keeps the bound."""
        if self.value is None:
            return False
        return self.value <= self.bound if self.better == "lower" else self.value >= self.bound


@dataclass(frozen=True, slots=True)
class Report:
    """All that one script found; `identity` is the row of the table of goals, such as `B9`."""

    identity: str
    sizes: dict[str, Any]
    results: Sequence[Result]
    goals: Sequence[Goal]
    versions: dict[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def options(description: str) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small size, in under 50 s")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else")
    parser.add_argument("--peer-python", metavar="PATH", help="Python of an environment that holds the peers")
    found = parser.parse_args()
    return Options(found.quick, found.json, found.peer_python)


def alternate(contestants: Sequence[Contestant], *, rounds: int, seed: int = 0) -> list[Result]:
    """Time every contestant `rounds` times, in turns; one round before the first is thrown away."""
    rng = random.Random(seed)
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds + 1):
        for contestant in rng.sample(contestants, len(contestants)):
            print(f"round {number} of {rounds}: {contestant.name}", file=sys.stderr)
            taken = contestant.run()
            if number > 0:
                seconds[contestant.name].append(taken)
    return [_result(contestant, seconds[contestant.name]) for contestant in contestants]


def _result(contestant: Contestant, seconds: list[float]) -> Result:
    peak = peak_megabytes() if contestant.role != "peer" else None
    middle = statistics.median(seconds)
    return Result(contestant.name, contestant.role, middle, min(seconds), max(seconds), len(seconds), peak)


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def peak_megabytes() -> float:
    """The most memory that this process has held, from the kernel's account."""
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (1024 * 1024 if sys.platform == "darwin" else 1024)


def in_process(code: str, *arguments: object, python: str = sys.executable) -> dict[str, Any]:
    """Run `code` in a Python of its own and read the JSON document that it prints last.

    Raises:
        subprocess.CalledProcessError: It failed; its own message is on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "contestant.py"
        script.write_text(code, encoding="utf-8")
        done = subprocess.run(
            [python, str(script), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True, cwd=folder
        )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, the machine and the packages that were measured; those that are absent are left out."""
    found = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def ratio(results: Sequence[Result], one: str, other: str) -> float | None:
    """How many times the time of `other` the time of `one` is; None where either was not measured."""
    seconds = {result.name: result.seconds for result in results}
    return seconds[one] / seconds[other] if one in seconds and other in seconds else None


def show(report: Report, *, as_json: bool) -> None:
    """Print a report: as the JSON document that `run.py` collects, or as aligned lines for a person."""
    if as_json:
        document = {
            "id": report.identity,
            "sizes": report.sizes,
            "results": [asdict(result) for result in report.results],
            "goals": [{**asdict(goal), "met": goal.met} for goal in report.goals],
            "versions": report.versions,
            "notes": list(report.notes),
        }
        print(json.dumps(document))
        return
    print(report.identity, " ".join(f"{name}={value}" for name, value in report.sizes.items()))
    width = max(len(result.name) for result in report.results)
    for result in report.results:
        peak = f"{result.peak_mb:8.0f} MB" if result.peak_mb is not None else " " * 11
        print(
            f"  {result.name:<{width}}  {_seconds(result.seconds)}  {peak}  "
            f"({_seconds(result.fastest).strip()} to {_seconds(result.slowest).strip()}, {result.rounds} rounds)"
        )
    for goal in report.goals:
        value = "not measured" if goal.value is None else f"{goal.value:.3g}"
        sign = "<=" if goal.better == "lower" else ">="
        print(f"  {'met   ' if goal.met else 'MISSED'}  {goal.text}: {value} {sign} {goal.bound:g}")
    for note in report.notes:
        print(f"  note: {note}")
    print("  " + ", ".join(f"{name} {version}" for name, version in report.versions.items()))


def _seconds(seconds: float) -> str:
    return f"{seconds:8.2f} s " if seconds >= 1 else f"{seconds * 1e3:8.3f} ms"
