"""Tilted: how far does having a value, or one value, or a range of a column turn the odds of the label?

The neighbour of `singled_out` for columns with exceptions: a date of arrest that is filled in for nearly everybody of
one class, a state that nearly nobody of the other class has. Says how large the turn is for sure, not what it means.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.leakage.differences import numbers_of

LEAST_ROWS = 100  # on either side; fewer turn odds by chance
MOST_VALUES = 50
CUTS = 20  # where a range may begin: at each twentieth of the values
SURE = 3.29  # two-sided 99.9 % quantile of the normal distribution

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tilt:
    """A set of rows among which the label is another than among the rest.

    Attributes:
        odds: Of label 1 among them, divided by those among the rest; turned over where that is below 1.
        low: Lower end of its 99.9 % interval.
        rows: How many there are.
        share: Of the class that is the commoner one among them, among them.
        told: Which rows, in words.
    """

    odds: float
    low: float
    rows: int
    share: float
    told: str


def by_presence(name: str, column: pl.Series, truth: Floats) -> Tilt | None:
    """Rows with a value against rows without; None where either are too few."""
    numbers = numbers_of(column)
    has = column.is_not_null().to_numpy() if numbers is None else np.isfinite(numbers)
    return _tilt(has, truth, f"{name!r} has a value")


def by_value(name: str, column: pl.Series, truth: Floats) -> Tilt | None:
    """The value that turns the odds most, among the rows that have one; None for columns of many values."""
    known = column.is_not_null()
    told = column.filter(known).cast(pl.String, strict=False)
    counts = told.value_counts(sort=True)
    if counts.height > MOST_VALUES:
        return None
    own = truth[known.to_numpy()]
    values = [str(value) for value in counts.filter(pl.col("count") >= LEAST_ROWS)[column.name]]
    found = (_tilt((told == value).to_numpy(), own, f"{name!r} is {value!r}") for value in values)
    return max(filter(None, found), key=lambda one: one.low, default=None)


def by_range(name: str, column: pl.Series, truth: Floats) -> Tilt | None:
    """The range, up to or from a twentieth of the values on, that turns the odds most; None for words."""
    values = numbers_of(column)
    if values is None:
        return None
    known = np.isfinite(values)
    return max(_ranges(name, values[known], truth[known]), key=lambda one: one.low, default=None)


def _ranges(name: str, values: Floats, truth: Floats) -> Iterator[Tilt]:
    if not len(values):
        return
    for cut in np.unique(np.quantile(values, np.arange(1, CUTS) / CUTS)):
        found = _tilt(values > cut, truth, f"{name!r} is above {cut:g}")
        if found is not None:
            yield found


def _tilt(inside: npt.NDArray[np.bool_], truth: Floats, told: str) -> Tilt | None:
    """Woolf's interval of the odds ratio, half a row added to each count (Haldane)."""
    n, n_all = int(inside.sum()), len(truth)
    if min(n, n_all - n) < LEAST_ROWS:
        return None
    positive = float(truth[inside].sum())
    others = float(truth.sum()) - positive
    counts = (positive, n - positive, others, n_all - n - others)
    a, b, c, d = (count + 0.5 for count in counts)
    distance, error = abs(math.log(a * d / (b * c))), math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    share = max(positive, n - positive) / n
    label = int(2 * positive > n)
    reason = f"where {told}, the label is {label} in {share:.1%} of {n:,} rows, elsewhere in {_rate(label, c, d):.1%}"
    return Tilt(math.exp(distance), math.exp(distance - SURE * error), n, share, reason)


def _rate(label: int, positive: float, negative: float) -> float:
    return (positive if label else negative) / (positive + negative)
