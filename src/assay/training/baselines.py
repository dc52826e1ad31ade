"""Baselines: no information at all, and a rule that a person wrote; every model is measured against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.models.frame import LabelledFrame
from assay.models.signature import Task
from assay.training.matrices import checked_truth

Array = np.ndarray[Any, np.dtype[np.float64]]
Rule = Callable[[pl.DataFrame], Any]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A named way to score rows without learning from features."""

    name: str
    function: Callable[[pl.DataFrame], Array]

    def predict(self, rows: pl.DataFrame) -> Array:
        """Probability or value of each row, shape (n_rows,).

        Raises:
            DataError: A rule gave a wrong number of scores, missing ones, or ones that are no probabilities.
        """
        return self.function(rows)


def no_information(frame: LabelledFrame, task: Task) -> Baseline:
    """Predict the training mean for every row: the share of positives, or the mean of the label.

    Among constants it has the least expected log loss and squared error.

    Raises:
        DataError: There is no training row, or a label that cannot be learnt from.
    """
    mean = float(checked_truth(frame, task=task, part="training").mean())
    return Baseline("no-information", lambda rows: np.full(rows.height, mean))


def rule(name: str, function: Rule, *, task: Task = "classification") -> Baseline:
    """A project's own rule as a baseline; what it answers is checked each time.

    Args:
        name: As assay.yaml calls it.
        function: From rows (features, inputs and time) to one score a row, as a Series, an array or a list.
        task: For classification the scores must be probabilities.
    """
    return Baseline(name, lambda rows: _checked(name, function(rows), n_rows=rows.height, task=task))


def _checked(name: str, answer: Any, *, n_rows: int, task: Task) -> Array:
    given = answer.to_series() if isinstance(answer, pl.DataFrame) and answer.width == 1 else answer
    series = given if isinstance(given, pl.Series) else pl.Series(values=np.asarray(given, dtype=np.float64).ravel())
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        raise DataError(f"rule {name!r} answered with type {series.dtype}; give a number a row.")
    scores: Array = series.cast(pl.Float64).to_numpy()
    if len(scores) != n_rows:
        raise DataError(f"rule {name!r} answered {len(scores):,} scores for {n_rows:,} rows; give one a row, in order.")
    undefined = int((~np.isfinite(scores)).sum())
    if undefined:
        raise DataError(
            f"rule {name!r} left {undefined:,} of {n_rows:,} rows without a score. Give a fallback, for example with "
            "fill_null."
        )
    if task == "classification" and n_rows and (scores.min() < 0 or scores.max() > 1):
        raise DataError(
            f"rule {name!r} answered from {scores.min():g} to {scores.max():g}, and probabilities lie in [0, 1]. "
            "Turn its points into a probability, for example with a logistic function."
        )
    return scores
