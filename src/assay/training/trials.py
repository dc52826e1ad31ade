"""Trials, and the journal that keeps them: one JSON line a finished trial, on disk before the next begins.

A plain file rather than an optimiser's own database: a killed process leaves no lock behind, and a person can read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Trial:
    """One fit and what it was worth.

    Attributes:
        number: Its place in the search, from 0.
        value: The searched metric on the validation rows.
        was_pruned: Given up early; `value` is then what it had reached.
        details: What the fit itself decided, such as `rounds` of boosting.
    """

    number: int
    estimator: str
    params: Mapping[str, Any]
    value: float
    seconds: float
    was_pruned: bool
    details: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Journal:
    """Finished trials of one study, in a file of their own; without a path it keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.trials: list[Trial] = _read(path) if path is not None and path.exists() else []

    def add(self, trial: Trial) -> None:
        """Keep a finished trial; it is on disk when this returns."""
        self.trials.append(trial)
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            _end_torn_line(file.fileno(), self._path)
            file.write(json.dumps(trial.to_json(), sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> list[Trial]:
    """Whole lines in order, up to the first that is torn or out of turn."""
    trials: list[Trial] = []
    for line in path.read_bytes().splitlines():
        try:
            trial = Trial(**json.loads(line))
        except (ValueError, TypeError):
            continue  # the torn end of a process that was killed while it wrote
        if trial.number == len(trials):
            trials.append(trial)
    return trials


def _end_torn_line(descriptor: int, path: Path) -> None:
    size = os.fstat(descriptor).st_size
    if size and path.read_bytes()[-1:] != b"\n":
        os.write(descriptor, b"\n")
