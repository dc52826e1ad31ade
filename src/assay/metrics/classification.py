"""Accuracy, precision, recall and F1 of binary decisions at a threshold of one half.

Ranking without a threshold is in `ranking.py`; choosing the threshold by what decisions are worth is framing's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.metrics.metric import Metric
from assay.metrics.statistic import Floats, OfSums, Statistic, mean_of, ratio

THRESHOLD = 0.5  # a row is called positive from this score upwards


def _confusion(truth: Floats, scores: Floats) -> Floats:
    """One column for each of: true positive, false positive, false negative, true negative."""
    called = scores >= THRESHOLD
    actual = truth == 1
    cells = (called & actual, called & ~actual, ~called & actual, ~called & ~actual)
    return np.column_stack(cells).astype(np.float64)


def _of_confusion(combine: Callable[[Floats], Floats]) -> Callable[[Floats, Floats], Statistic]:
    return lambda truth, scores: OfSums(_confusion(truth, scores), combine)


def _accuracy(truth: Floats, scores: Floats) -> Statistic:
    return mean_of(((scores >= THRESHOLD) == (truth == 1)).astype(np.float64))


def _precision(cells: Floats) -> Floats:
    return ratio(cells[..., 0], cells[..., 0] + cells[..., 1])


def _recall(cells: Floats) -> Floats:
    return ratio(cells[..., 0], cells[..., 0] + cells[..., 2])


def _f1(cells: Floats) -> Floats:
    return ratio(2 * cells[..., 0], 2 * cells[..., 0] + cells[..., 1] + cells[..., 2])


def _f1_of_negatives(cells: Floats) -> Floats:
    return ratio(2 * cells[..., 3], 2 * cells[..., 3] + cells[..., 1] + cells[..., 2])


def _f1_macro(cells: Floats) -> Floats:
    return (_f1(cells) + _f1_of_negatives(cells)) / 2


def _balanced_accuracy(cells: Floats) -> Floats:
    return (_recall(cells) + ratio(cells[..., 3], cells[..., 3] + cells[..., 1])) / 2


def _metric(name: str, label: str, statistic: Callable[[Floats, Floats], Statistic], meaning: str) -> Metric:
    return Metric(name, label, "classification", True, statistic, meaning)


accuracy = Metric(
    name="accuracy",
    label="Accuracy",
    task="classification",
    higher_is_better=True,
    statistic=_accuracy,
    meaning="Share of decisions that are right; misleading where one class is rare.",
    interval="wilson",
)
precision = _metric(
    "precision", "Precision", _of_confusion(_precision), "Share of rows called positive that are; undefined if none is."
)
recall = _metric("recall", "Recall", _of_confusion(_recall), "Share of positive rows that are called so.")
f1 = _metric("f1", "F1", _of_confusion(_f1), "Harmonic mean of precision and recall.")
f1_macro = _metric("f1_macro", "F1, macro", _of_confusion(_f1_macro), "Mean of the F1 of either class.")
f1_micro = _metric(
    "f1_micro", "F1, micro", _accuracy, "F1 over the pooled decisions; with two classes it equals accuracy."
)
balanced_accuracy = _metric(
    "balanced_accuracy", "Balanced accuracy", _of_confusion(_balanced_accuracy), "Mean recall of either class."
)
