"""Outliers: values far beyond the bulk of a column, by a rule that the outliers themselves cannot bend.

Fences stand at the quartiles plus and minus six times the distance of the median to that quartile, each side by its own
distance. For a symmetric column that is Tukey's "far out", three interquartile ranges; a skewed column gets a
wider fence on its long side.

Source: Tukey (1977), Exploratory Data Analysis; Kimber (1990), Exploratory data analysis for possibly censored data
from skewed distributions, for the two sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.data.understanding.ranks import quantiles

REACH = 6.0  # of the distance between median and quartile
FEWEST = 20  # quartiles of fewer values say little
RULE = "beyond the quartiles by more than 6 times the distance from the median to that quartile"


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values beyond the fences.

    Attributes:
        below: Lower fence; values under it are far out.
        above: Upper fence.
        n_below: Values under the lower fence.
        n_above: Values over the upper one.
        farthest: The value farthest out; nan where none is.
        distance: How far it lies beyond its fence, in widths of the room between the fences.
        of: Values judged.
    """

    below: float
    above: float
    n_below: int
    n_above: int
    farthest: float
    distance: float
    of: int

    @property
    def n(self) -> int:
        """On both sides."""
        return self.n_below + self.n_above

    def to_json(self) -> dict[str, Any]:
        return {
            "below": self.below,
            "above": self.above,
            "n_below": self.n_below,
            "n_above": self.n_above,
            "share": self.n / self.of,
            "farthest": self.farthest,
            "distance": self.distance,
            "rule": RULE,
        }


def outliers(ordered: npt.NDArray[np.float64]) -> Outliers | None:
    """Count what lies beyond the fences.

    Args:
        ordered: Finite values in rising order, shape (n,).

    Returns:
        None where the rule does not apply: under 20 values, or half of them are equal, so that a quartile is the
        median on both sides.
    """
    if ordered.size < FEWEST:
        return None
    lower, middle, upper = (float(one) for one in quantiles(ordered, (0.25, 0.5, 0.75)))
    if lower == upper:
        return None
    left, right = middle - lower or upper - middle, upper - middle or middle - lower
    below, above = lower - REACH * left, upper + REACH * right
    if not np.isfinite([below, above]).all():
        return None
    n_below = int(np.searchsorted(ordered, below, side="left"))
    n_above = int(ordered.size - np.searchsorted(ordered, above, side="right"))
    farthest, distance = _farthest(ordered, below, above) if n_below or n_above else (math.nan, 0.0)
    return Outliers(below, above, n_below, n_above, farthest, distance, int(ordered.size))


def _farthest(ordered: npt.NDArray[np.float64], below: float, above: float) -> tuple[float, float]:
    lowest, highest, room = float(ordered[0]), float(ordered[-1]), above - below
    under, over = below / room - lowest / room, highest / room - above / room  # apart, so that huge numbers fit
    return (lowest, under) if under > over else (highest, over)
