"""Experiments that were begun: a file each, removed once the ledger holds the experiment.

A process that is killed cannot write its record. What it left here is found by the next one that holds the project's
lock, which can be sure that nobody is at work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.stores.durable import write_whole

FOLDER = "begun"


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of an experiment when it begins.

    Attributes:
        experiment: Its id.
        run: The run that it is part of.
        hypothesis: What it is to show.
        snapshots: Ids of the snapshots' evidence.
        parents: Ids of what the run had recorded by then.
    """

    experiment: str
    run: str
    hypothesis: str
    snapshots: tuple[str, ...]
    parents: tuple[str, ...]


def note(state: Path, begun: Begun) -> None:
    """Note that an experiment begins, durably."""
    write_whole(_path(state, begun.experiment), [json.dumps(asdict(begun)).encode()])


def over(state: Path, experiment: str) -> None:
    """Forget it: the ledger holds it now."""
    _path(state, experiment).unlink(missing_ok=True)


def left(state: Path) -> Iterator[Begun]:
    """Experiments that were begun and are not over, oldest first."""
    for path in sorted((state / FOLDER).glob("EXP-*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        yield Begun(**data | {name: tuple(data[name]) for name in ("snapshots", "parents")})


def _path(state: Path, experiment: str) -> Path:
    return state / FOLDER / f"{experiment}.json"
