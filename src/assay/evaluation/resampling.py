"""Resampling: figures on many bootstrap samples of the same rows, without ever copying a row.

A bootstrap sample is a count for each unit, so a figure on it is the figure under weights. All statistics given
together see the same samples, which is what makes differences between models paired. Memory is bounded by working
through blocks of samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.metrics.statistic import Codes, Floats, OfSums, Statistic

BLOCK_CELLS = 500_000  # weights held at once, 4 MB; larger blocks leave the processor's cache and are slower


@dataclass(frozen=True, slots=True)
class OverUnits:
    """A statistic of rows whose weights come unit by unit; for those that are not made of sums.

    Attributes:
        of: The statistic over rows.
        units: Code of each row's unit, 0 to n_units - 1, shape (n_rows,).
    """

    of: Statistic
    units: Codes

    def at(self, weights: Floats) -> Floats:
        return self.of.at(weights[:, self.units])

    def influence(self) -> Floats:
        pull: Floats = np.bincount(self.units, weights=np.nan_to_num(self.of.influence())).astype(np.float64)
        return pull


def over_units(statistic: Statistic, units: Codes) -> Statistic:
    """The statistic with whole units in place of rows."""
    return statistic.by_unit(units) if isinstance(statistic, OfSums) else OverUnits(statistic, units)


def resampled(
    statistics: Sequence[Statistic], *, n_units: int, n_rows: int, n_resamples: int, rng: np.random.Generator
) -> Floats:
    """Each statistic on each of the same bootstrap samples.

    Args:
        statistics: All over the same units in the same order.
        n_units: How many units that is; they are drawn as wholes.
        n_rows: How many rows they hold; bounds the memory of a block.
        n_resamples: How many samples to draw.
        rng: Source of the draws.

    Returns:
        Shape (n_statistics, n_resamples); nan where a sample leaves a figure undefined.
    """
    values = np.empty((len(statistics), n_resamples))
    if not statistics:
        return values
    done = 0
    for weights in bootstrap_counts(n_units, n_rows=n_rows, n_resamples=n_resamples, rng=rng):
        for row, statistic in enumerate(statistics):
            values[row, done : done + len(weights)] = statistic.at(weights)
        done += len(weights)
    return values


def bootstrap_counts(n_units: int, *, n_rows: int, n_resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each unit is drawn in each sample, in blocks of shape (n_block, n_units) whose rows sum to n_units."""
    block = max(1, BLOCK_CELLS // max(n_units, n_rows))
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        drawn = rng.integers(0, n_units, size=(size, n_units))
        drawn += n_units * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_units)
        yield counts.reshape(size, n_units).astype(np.float64)


def codes_of(groups: npt.ArrayLike) -> Codes:
    """Group names of any kind as codes 0 to n_groups - 1."""
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.intp)
