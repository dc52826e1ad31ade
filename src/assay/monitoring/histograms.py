"""Histograms of one column at training time and now, over the same named bins, ready to be compared.

Categories beyond the most frequent share a bin: many small bins move by chance alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from assay.errors import DataError
from assay.monitoring.columns import CategorySummary, ColumnSummary, NumberSummary

MAX_BINS_OF_CATEGORIES = 20
MISSING, NEW, OTHER = "missing", "new category", "other"

Counts = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Histograms:
    """Rows per bin, twice.

    Attributes:
        bins: What each bin holds, in words.
        reference: Rows per bin at training time, shape (n_bins,).
        current: Rows per bin now, same shape.
    """

    bins: tuple[str, ...]
    reference: Counts
    current: Counts

    @property
    def n_used(self) -> int:
        """Bins that hold a row of either."""
        return int(np.count_nonzero(self.reference + self.current))

    def shares(self, label: str) -> tuple[float, float]:
        """The share of rows in one bin, at training time and now."""
        place = self.bins.index(label)
        return float(self.reference[place] / self.reference.sum()), float(self.current[place] / self.current.sum())

    def to_json(self) -> dict[str, Any]:
        return {"bins": list(self.bins), "reference": self.reference.tolist(), "current": self.current.tolist()}


def histograms(reference: ColumnSummary, current: ColumnSummary) -> Histograms:
    """Lay two summaries of a column over the same bins; missing values have one of their own.

    Raises:
        DataError: One is of numbers, the other of categories; profile the current rows `like` the reference.
    """
    if isinstance(reference, NumberSummary) and isinstance(current, NumberSummary):
        bins = (*_intervals(reference.edges), MISSING)
        return Histograms(
            bins, _array(*reference.counts, reference.n_missing), _array(*current.counts, current.n_missing)
        )
    if isinstance(reference, CategorySummary) and isinstance(current, CategorySummary):
        bins = (*reference.categories[:MAX_BINS_OF_CATEGORIES], OTHER, NEW, MISSING)
        return Histograms(bins, _categories(reference), _categories(current))
    raise DataError("a column of numbers cannot be compared with one of categories. Profile both `like` one reference.")


def _intervals(edges: tuple[float, ...]) -> list[str]:
    if not edges:
        return ["any"]
    first, last = _boundary(edges[0]), _boundary(edges[-1])
    return [
        f"{'up to' if first.is_included else 'below'} {first.value:.6g}",
        *(_between(_boundary(low), _boundary(high)) for low, high in pairwise(edges)),
        f"{'above' if last.is_included else 'from'} {last.value:.6g}",
    ]


@dataclass(frozen=True, slots=True)
class _Boundary:
    """An edge as people write it; `is_included` where the bin below it holds the value itself."""

    value: float
    is_included: bool


def _boundary(edge: float) -> _Boundary:
    """An edge just above a round number is the end of that number's own bin."""
    below = math.nextafter(edge, -math.inf)
    return _Boundary(below, True) if len(repr(below)) < len(repr(edge)) else _Boundary(edge, False)


def _between(low: _Boundary, high: _Boundary) -> str:
    return f"{low.value:.6g}" if low.value == high.value else f"{low.value:.6g} to {high.value:.6g}"


def _categories(summary: CategorySummary) -> Counts:
    named, others = summary.counts[:MAX_BINS_OF_CATEGORIES], summary.counts[MAX_BINS_OF_CATEGORIES:]
    return _array(*named, sum(others) + summary.n_rest, summary.n_new, summary.n_missing)


def _array(*counts: int) -> Counts:
    return np.array(counts, dtype=np.int64)
