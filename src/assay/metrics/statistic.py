"""Statistics: a figure seen as a function of row weights, which is all that resampling has to know of it.

Knows no metric by name and draws no weights: families of metrics build statistics, intervals resample them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


class Statistic(Protocol):
    """A figure on fixed rows whose weights may change."""

    def at(self, weights: Floats) -> Floats:
        """The figure under each row of `weights`, shape (n_resamples, n_rows) to (n_resamples,); nan if undefined."""
        ...

    def influence(self) -> Floats:
        """How far each row pulls the figure at equal weights, shape (n_rows,), to first order in 1 / n_rows."""
        ...


@dataclass(frozen=True, slots=True)
class OfSums:
    """A figure that needs only sums over rows, such as a mean or a ratio.

    Attributes:
        columns: What each row adds to each sum, shape (n_rows, n_sums).
        combine: From sums, shape (..., n_sums), to figures, shape (...).
    """

    columns: Floats
    combine: Callable[[Floats], Floats]

    def at(self, weights: Floats) -> Floats:
        return self.combine(weights @ self.columns)

    def influence(self) -> Floats:
        """The exact jackknife: the figure less the figure without the row."""
        total = self.columns.sum(axis=0)
        return self.combine(total) - self.combine(total - self.columns)

    def by_unit(self, units: Codes) -> OfSums:
        """The same figure with the sums of units in place of rows; codes 0 to n_units - 1, shape (n_rows,)."""
        return OfSums(np.column_stack([np.bincount(units, weights=column) for column in self.columns.T]), self.combine)


def mean_of(rows: Floats) -> OfSums:
    """The weighted mean of one number a row, shape (n_rows,)."""
    return OfSums(np.column_stack([rows, np.ones(len(rows))]), mean)


def mean(sums: Floats) -> Floats:
    """The first sum divided by the second."""
    return ratio(sums[..., 0], sums[..., 1])


def ratio(above: Floats | np.float64, below: Floats | np.float64) -> Floats:
    """Divide; nan where the divisor is zero, because such a figure is undefined and not infinite."""
    below = np.asarray(below, dtype=np.float64)
    quotient: Floats = np.full(np.broadcast_shapes(np.shape(above), below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient
