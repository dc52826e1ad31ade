"""Distributions: how the values of one column are spread, from all of its rows.

Numbers and times are counted in bins between the fences of `outliers`, everything else value by value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.understanding import moments
from assay.data.understanding.outliers import Outliers, outliers
from assay.data.understanding.ranks import quantiles

BINS = 30
FEW = 30  # numbers with so many different values are counted one by one
TOP = 10  # values of a category that are shown
SHOWN_CHARACTERS = 60
LARGEST_EXACT = 2.0**53  # beyond, a float does not hold every whole number
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows in each group of a column, in the groups' order.

    Attributes:
        labels: What each group holds, in words.
        counts: Rows of each.
        is_binned: Groups are stretches of a scale; otherwise single values.
        n_other: Rows of values that are not among the groups.
        n_beyond: Rows below the first and above the last bin, which the outermost bins count too.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    is_binned: bool
    n_other: int = 0
    n_beyond: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "counts": list(self.counts),
            "binned": self.is_binned,
            "other": self.n_other,
            "beyond": self.n_beyond,
        }


@dataclass(frozen=True, slots=True)
class Distribution:
    """The shape of one column.

    Attributes:
        distinct: Different values.
        bars: What a picture shows.
        figures: Named figures: quantiles, mean and the like for numbers; first and last for times; lengths for text.
        outliers: Values far out, for numbers; None where the rule does not apply.
    """

    distinct: int
    bars: Bars | None
    figures: dict[str, Any]
    outliers: Outliers | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "distinct": self.distinct,
            "bars": self.bars.to_json() if self.bars else None,
            "figures": self.figures,
            "outliers": self.outliers.to_json() if self.outliers else None,
        }


def of_numbers(present: pl.Series) -> Distribution:
    """Quantiles, moments, bins and outliers of the finite values; infinities are counted apart.

    Args:
        present: Numbers of any type without missing values; beyond 2**53 they are rounded, but for their ends.
    """
    values = _as_floats(present)
    ordered = np.sort(values[np.isfinite(values)])
    n_infinite = values.size - ordered.size
    if not ordered.size:
        return Distribution(int(np.unique(values).size), None, {"infinite": n_infinite})
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    found = outliers(ordered)
    bars = _one_by_one(ordered, starts) if starts.size <= FEW else _binned(ordered, found, present.dtype.is_integer())
    figures = _figures(present, ordered, n_infinite)
    is_exact = max(-ordered[0], ordered[-1]) <= LARGEST_EXACT or not present.dtype.is_integer()
    distinct = int(starts.size) + _kinds_of_infinity(values) if is_exact else present.n_unique()
    return Distribution(distinct, bars, figures, found)


def of_times(present: pl.Series) -> Distribution:
    """First, last and bins of equal length."""
    ticks = np.sort(present.to_physical().cast(pl.Float64).to_numpy())
    starts = np.flatnonzero(np.r_[True, ticks[1:] != ticks[:-1]])
    low, high = ticks[0], ticks[-1]
    edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low, low + 1])
    counts, _ = np.histogram(ticks, edges)
    shown = [moments.words(edge, present.dtype) for edge in edges]
    labels = tuple(f"{one} to {other}" for one, other in pairwise(shown))
    figures = {"first": moments.words(low, present.dtype), "last": moments.words(high, present.dtype)}
    return Distribution(int(starts.size), Bars(labels, tuple(int(one) for one in counts), is_binned=True), figures)


def of_values(present: pl.Series, *, show_values: bool) -> Distribution:
    """The commonest values, and the lengths of text.

    Args:
        present: Values without missing ones.
        show_values: False where a value names a row or is prose: such values are no group, and may be private.
    """
    text = present.cast(pl.String)
    counted = text.alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    figures: dict[str, Any] = {}
    if present.dtype != pl.Boolean and text.len():
        lengths = text.str.len_chars()
        figures = {"shortest": lengths.min(), "mean length": lengths.mean(), "longest": lengths.max()}
    if not show_values:
        return Distribution(counted.height, None, figures)
    top = counted.head(TOP)
    labels = tuple(shortened(value) for value in top["value"])
    counts = tuple(top["count"].to_list())
    bars = Bars(labels, counts, is_binned=False, n_other=text.len() - sum(counts))
    return Distribution(counted.height, bars, figures)


def shortened(value: str) -> str:
    """A value as a report shows it: on one line, cut where it is long."""
    line = " ".join(value.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"


def number_words(value: float) -> str:
    """A number in as few digits as tell it apart on a scale: `1984`, `12,345`, `0.0312`, `1.2e+09`."""
    size = abs(value)
    if value == int(value) and size < 1e9:
        return f"{value:.0f}" if size < 1e4 else f"{value:,.0f}"
    return f"{value:,.1f}" if 1e4 <= size < 1e9 else f"{value:.4g}"


def _as_floats(present: pl.Series) -> Floats:
    return present.cast(pl.Float64, strict=False).to_numpy().astype(np.float64, copy=False)


def _kinds_of_infinity(values: Floats) -> int:
    return int(np.isposinf(values).any()) + int(np.isneginf(values).any())


def _one_by_one(ordered: Floats, starts: npt.NDArray[np.intp]) -> Bars:
    counts = np.diff(np.r_[starts, ordered.size])
    return Bars(
        tuple(number_words(float(one)) for one in ordered[starts]), tuple(int(one) for one in counts), is_binned=False
    )


def _binned(ordered: Floats, found: Outliers | None, is_whole: bool) -> Bars:
    """Bins of equal width between the fences, so that a few strange values do not press all others into one bar."""
    low, high = float(ordered[0]), float(ordered[-1])
    if found is not None:
        low, high = max(low, found.below), min(high, found.above)
    edges = _whole_edges(low, high) if is_whole else _even_edges(low, high)
    n_bins = edges.size - 1
    places = np.clip(np.searchsorted(edges, ordered, side="right") - 1, 0, n_bins - 1)
    counts = np.bincount(places, minlength=n_bins)
    n_beyond = int((ordered < low).sum() + (ordered > high).sum())
    shown = [number_words(float(edge)) for edge in edges]
    labels = tuple(f"{one} to {other}" for one, other in pairwise(shown))
    return Bars(labels, tuple(int(one) for one in counts), is_binned=True, n_beyond=n_beyond)


def _even_edges(low: float, high: float) -> Floats:
    """Half first: the span of two huge numbers overflows."""
    edges: Floats = np.linspace(low / 2, high / 2, BINS + 1) * 2
    return edges


def _whole_edges(low: float, high: float) -> Floats:
    """As many whole numbers in every bin, so that no bin is empty for the arithmetic's sake alone."""
    first, last = math.ceil(low), math.floor(high)
    width = -(-(last - first + 1) // BINS)
    if last - first > LARGEST_EXACT:
        return _even_edges(low, high)
    edges: Floats = np.arange(first, last + width + 1, width, dtype=np.float64)
    return edges


def _figures(present: pl.Series, ordered: Floats, n_infinite: int) -> dict[str, Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(ordered.mean()), float(ordered.std())
    places = quantiles(ordered, QUANTILES)
    lowest, highest = float(ordered[0]), float(ordered[-1])
    is_whole = present.dtype.is_integer()
    figures = {
        "minimum": present.min() if is_whole else lowest,
        **{f"{share:.0%}": float(place) for share, place in zip(QUANTILES, places, strict=True)},
        "maximum": present.max() if is_whole else highest,
        "mean": mean,
        "standard deviation": deviation,
        "zeros": int((ordered == 0).sum()),
        "negative": int((ordered < 0).sum()),
    }
    return figures | ({"infinite": n_infinite} if n_infinite else {})


def inner_edges(values: Sequence[float] | Floats, parts: int) -> Floats:
    """Inner edges of groups of equal size, equal edges merged; empty where there are no finite values.

    Where more than a group's share of the values is the least one, such as zero, it is a group of its own.
    """
    array = np.asarray(values, dtype=np.float64)
    finite: Floats = np.sort(array[np.isfinite(array)])
    if not finite.size:
        return finite
    edges = np.unique(quantiles(finite, [part / parts for part in range(1, parts)]))
    above = finite[finite > finite[0]]
    return edges if edges[0] > finite[0] else np.unique(np.r_[above[:1], edges[1:]])
