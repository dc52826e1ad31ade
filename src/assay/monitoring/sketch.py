"""A sketch of numbers: their quantiles to within two per cent, from whole-number counts that add up exactly.

Counts how many values lie in each 32nd of each power of two, so two sketches merge by adding, in any order, to the
very sketch of all the values. Knows nothing of bins for drift; those are `columns`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np

PARTS_BITS = 5  # leading bits of the fraction: 2 ** 5 steps to each power of two
RELATIVE_ERROR = 2.0 ** -(PARTS_BITS + 1)
SMALLEST, LARGEST = 2.0**-40, 2.0**60  # smaller counts as zero, larger as this; at most 6,403 counts in a sketch

_DROPPED_BITS = 52 - PARTS_BITS  # of the fraction's 52
_SIGN = 1 << (11 + PARTS_BITS)  # a step is the exponent's 11 bits and the leading bits of the fraction

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Sketch:
    """Counts by order of magnitude.

    Attributes:
        positive: Values above zero by step; step `k` begins at the number whose leading bits are `k`.
        negative: The same for the values below zero, by their size.
        n_zero: Values that are zero, or too small to tell.

    Source:
        Log-linear buckets as in Tene's HdrHistogram; mergeable quantiles as in Masson, Rim & Lee (2019), DDSketch.
    """

    positive: Mapping[int, int]
    negative: Mapping[int, int]
    n_zero: int

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Sketch finite values, shape (n,)."""
        codes = (np.ascontiguousarray(values).view(np.int64) >> _DROPPED_BITS) + _SIGN  # negative values come first
        places, counts = _counted(codes)
        is_negative = places < _SIGN
        negative = _bounded(places[is_negative], counts[is_negative])
        positive = _bounded(places[~is_negative] - _SIGN, counts[~is_negative])
        return cls(positive, negative, n_zero=positive.pop(0, 0) + negative.pop(0, 0))

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
        return {"positive": _dense(self.positive), "negative": _dense(self.negative), "n_zero": self.n_zero}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(_sparse(data["positive"]), _sparse(data["negative"]), data["n_zero"])


def _counted(codes: Integers) -> tuple[Integers, Integers]:
    """The codes that occur, and how often; the faster way for few and for many."""
    if codes.size < _SIGN:
        places, counts = np.unique(codes, return_counts=True)
        return places, counts
    counts = np.bincount(codes)
    places = np.flatnonzero(counts)
    return places, counts[places]


def _bounded(steps: Integers, counts: Integers) -> dict[int, int]:
    """Rows by step, the too small under 0 and the too large under the last step."""
    found: dict[int, int] = {}
    for step, count in zip(steps.tolist(), counts.tolist(), strict=True):
        kept = 0 if step < _step(SMALLEST) else min(step, _step(LARGEST))
        found[kept] = found.get(kept, 0) + count
    return found


def _dense(counts: Mapping[int, int]) -> dict[str, Any]:
    """Counts of every step from the first to the last: half as long as pairs, for most steps between are used."""
    first, last = min(counts, default=0), max(counts, default=-1)
    return {"first": first, "counts": [counts.get(step, 0) for step in range(first, last + 1)]}


def _sparse(data: Mapping[str, Any]) -> dict[int, int]:
    return {step: count for step, count in enumerate(data["counts"], start=data["first"]) if count}


@cache
def _step(size: float) -> int:
    return int(np.float64(size).view(np.int64)) >> _DROPPED_BITS


def _middle(step: int) -> float:
    """The value that is off by at most RELATIVE_ERROR for every value of the step."""
    low, high = (np.int64(at << _DROPPED_BITS).view(np.float64) for at in (step, step + 1))
    return float(low + high) / 2


def _added(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    return {step: one.get(step, 0) + other.get(step, 0) for step in one.keys() | other.keys()}
