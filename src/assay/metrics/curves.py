"""Curves and counts that reports draw: ROC, precision against recall, scores by class, the confusion table.

Every result is bounded, however many rows there are, so that it can be kept as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.metrics.classification import THRESHOLD
from assay.metrics.statistic import Floats, ratio

MAX_POINTS = 200
N_HISTOGRAM_BINS = 20

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges.

    Attributes:
        edges: Shape (n_bins + 1,), rising.
        counts: Name of each class to its counts, shape (n_bins,).
    """

    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]


def roc_curve(truth: Floats, scores: Floats) -> Points:
    """(false positive rate, true positive rate) from (0, 0) to (1, 1); empty if a class is absent."""
    found, called = _cumulative(truth, scores)
    n_positive, n_negative = found[-1:].sum(), (called - found)[-1:].sum()
    if n_positive == 0 or n_negative == 0:
        return []
    return _thinned(np.r_[0.0, (called - found) / n_negative], np.r_[0.0, found / n_positive])


def precision_recall_curve(truth: Floats, scores: Floats) -> Points:
    """(recall, precision) by rising recall, without the conventional point at recall 0; empty without positives."""
    found, called = _cumulative(truth, scores)
    if found[-1:].sum() == 0:
        return []
    return _thinned(found / found[-1], ratio(found, called))


def score_histogram(truth: Floats, scores: Floats) -> Histogram:
    """How probabilities are spread over twenty bins of [0, 1], by class."""
    edges = np.linspace(0, 1, N_HISTOGRAM_BINS + 1)
    by_class = {"negative": scores[truth == 0], "positive": scores[truth == 1]}
    counts = {name: tuple(np.histogram(rows, edges)[0].tolist()) for name, rows in by_class.items()}
    return Histogram(tuple(edges.tolist()), counts)


def residual_histogram(truth: Floats, scores: Floats) -> Histogram:
    """How residuals (truth less prediction) are spread; the outermost bins also hold what lies beyond 1 and 99 %."""
    residuals = truth - scores
    low, high = np.quantile(residuals, [0.01, 0.99]) if len(residuals) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, N_HISTOGRAM_BINS + 1)
    counts = np.histogram(np.clip(residuals, edges[0], edges[-1]), edges)[0]
    return Histogram(tuple(edges.tolist()), {"residual": tuple(counts.tolist())})


def confusion(truth: Floats, scores: Floats, *, threshold: float = THRESHOLD) -> dict[str, int]:
    """Rows by what they were called from `threshold` upwards and what they are."""
    called, actual = scores >= threshold, truth == 1
    return {
        "true_positive": int((called & actual).sum()),
        "false_positive": int((called & ~actual).sum()),
        "false_negative": int((~called & actual).sum()),
        "true_negative": int((~called & ~actual).sum()),
    }


def _cumulative(truth: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Positives found and rows called at each distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.flatnonzero(np.r_[falling[1:] != falling[:-1], True]) if len(order) else order
    return np.cumsum(truth[order])[last], (last + 1).astype(np.float64)


def _thinned(x: Floats, y: Floats) -> Points:
    """At most MAX_POINTS points, the ends included, evenly spread along the curve."""
    if len(x) > MAX_POINTS:
        path = np.r_[0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
        keep = np.unique(np.searchsorted(path, np.linspace(0, path[-1], MAX_POINTS)))
        x, y = x[keep], y[keep]
    return [(round(float(a), 5), round(float(b), 5)) for a, b in zip(x, y, strict=True)]
