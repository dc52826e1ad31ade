"""Trials, and the journal that keeps them: one JSON line a finished trial, on disk before the next begins.

A plain file rather than an optimiser's own database: a killed process leaves no lock behind, and a person can read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from assay.metrics.metric import Metric


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


def best_trial(finished: Sequence[Trial], figure: Metric) -> Trial:
    """The trial with the best value, the earliest of equals."""
    best = finished[0]
    for trial in finished[1:]:
        if figure.is_better(trial.value, best.value):
            best = trial
    return best


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
            if not _ends_with_newline(file):
                file.write(b"\n")  # after a line that a kill has torn
            file.write(json.dumps(trial.to_json(), sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> list[Trial]:
    """Trials in order; torn lines, and lines of a second process out of turn, are passed over."""
    trials: list[Trial] = []
    for line in path.read_bytes().splitlines():
        try:
            trial = Trial(**json.loads(line))
        except (ValueError, TypeError):
            continue  # the torn end of a process that was killed while it wrote
        if trial.number == len(trials):
            trials.append(trial)
    return trials


def _ends_with_newline(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
