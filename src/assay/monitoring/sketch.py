"""A sketch of numbers: their quantiles to within two per cent, from whole-number counts that add up exactly.

Counts how many values lie between consecutive powers of a base, so two sketches merge by adding, in any order, to the
very sketch of all the values. Knows nothing of bins for drift; those are `summaries`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

RELATIVE_ERROR = 0.02
BASE = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
SMALLEST, LARGEST = 2.0**-40, 2.0**60  # smaller counts as zero, larger as this; so a sketch has at most 3,465 counts
LOWEST_STEP = math.ceil(math.log(SMALLEST, BASE))
HIGHEST_STEP = math.ceil(math.log(LARGEST, BASE))

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Sketch:
    """Counts by order of magnitude.

    Attributes:
        positive: Step `k` to the number of values in (BASE ** (k - 1), BASE ** k].
        negative: The same for the values below zero, by their size.
        n_zero: Values that are zero, or too small to tell.

    Source:
        Masson, Rim & Lee (2019), DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees.
    """

    positive: Mapping[int, int]
    negative: Mapping[int, int]
    n_zero: int

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Sketch finite values, shape (n,)."""
        sizes = np.abs(values)
        n_zero = int(np.count_nonzero(sizes < SMALLEST))
        large = sizes >= SMALLEST
        return cls(_counts(sizes[large & (values > 0)]), _counts(sizes[large & (values < 0)]), n_zero)

    @property
    def n(self) -> int:
        return sum(self.positive.values()) + sum(self.negative.values()) + self.n_zero

    def merge(self, other: Self) -> Self:
        return type(self)(
            _added(self.positive, other.positive), _added(self.negative, other.negative), self.n_zero + other.n_zero
        )

    def quantile(self, quantile: float) -> float:
        """The value below which the share `quantile`, in [0, 1], of the values lies; nan for an empty sketch."""
        if not self.n:
            return math.nan
        ascending = self._ascending()
        ranks = np.cumsum([count for _, count in ascending])
        return ascending[int(np.searchsorted(ranks, quantile * (self.n - 1), side="right"))][0]

    def _ascending(self) -> list[tuple[float, int]]:
        below = [(-_middle(step), count) for step, count in sorted(self.negative.items(), reverse=True)]
        above = [(_middle(step), count) for step, count in sorted(self.positive.items())]
        return [*below, (0.0, self.n_zero), *above]

    def to_json(self) -> dict[str, Any]:
        return {
            "positive": [list(pair) for pair in sorted(self.positive.items())],
            "negative": [list(pair) for pair in sorted(self.negative.items())],
            "n_zero": self.n_zero,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        positive, negative = ({int(step): int(n) for step, n in data[side]} for side in ("positive", "negative"))
        return cls(positive, negative, int(data["n_zero"]))


def _middle(step: int) -> float:
    """The value that is off by at most RELATIVE_ERROR for every value of the step."""
    return 2 * BASE**step / (BASE + 1)


def _counts(sizes: Floats) -> dict[int, int]:
    if not sizes.size:
        return {}
    steps = np.ceil(np.log(sizes) / math.log(BASE)).astype(np.int64)
    counts = np.bincount(np.clip(steps, LOWEST_STEP, HIGHEST_STEP) - LOWEST_STEP)
    return {int(place) + LOWEST_STEP: int(counts[place]) for place in np.flatnonzero(counts)}


def _added(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    return {step: one.get(step, 0) + other.get(step, 0) for step in one.keys() | other.keys()}
