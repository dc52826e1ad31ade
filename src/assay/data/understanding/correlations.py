"""Correlations: how columns of all kinds go with each other, two by two, on one scale from 0 to 1.

Two numbers are compared by their ranks, with a sign (Spearman's rho); a number and a category by the share of the
ranks' spread that the category explains (correlation ratio); two categories by Cramér's V. Missing values are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.data.understanding.contingency import counted, cramers_v
from assay.data.understanding.groups import MISSING, Groups
from assay.data.understanding.ranks import centred_ranks

FEWEST_ROWS = 20  # both values present; fewer say nothing
SAME = 0.98  # from here on one of two columns can go
STRONG = 0.7
MOST_PAIRS = 200  # kept in the record, the strongest first

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns and how they go together.

    Attributes:
        one: Column.
        other: Column.
        value: From 0 to 1; below 0 only between numbers, of which one falls where the other rises.
        measure: `Spearman`, `correlation ratio` or `Cramér's V`.
        n: Rows where both are present.
    """

    one: str
    other: str
    value: float
    measure: str
    n: int

    def to_json(self) -> dict[str, Any]:
        return {"columns": [self.one, self.other], "value": self.value, "measure": self.measure, "n": self.n}


@dataclass(frozen=True, slots=True)
class Correlations:
    """All pairs of the columns that were compared.

    Attributes:
        names: Columns, in the order of the source.
        pairs: Every pair with a figure, the strongest first.
        n_rows: Rows of the sample.
    """

    names: tuple[str, ...]
    pairs: tuple[Pair, ...]
    n_rows: int

    def between(self) -> dict[tuple[str, str], Pair]:
        """Each pair under both orders of its names."""
        return {key: one for one in self.pairs for key in ((one.one, one.other), (one.other, one.one))}

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": list(self.names),
            "rows": self.n_rows,
            "pairs": [one.to_json() for one in self.pairs[:MOST_PAIRS]],
            "pairs_left_out": max(0, len(self.pairs) - MOST_PAIRS),
        }


def correlate(numbers: Mapping[str, Floats], categories: Mapping[str, Groups], order: Sequence[str]) -> Correlations:
    """Compare every two columns.

    Args:
        numbers: Values by name, nan where missing, each of shape (n_rows,).
        categories: Groups by name, over the same rows.
        order: Names as the source orders them.
    """
    ranks = {name: centred_ranks(values) for name, values in numbers.items()}
    pairs = [*_of_numbers(ranks), *_of_mixed(ranks, categories), *_of_categories(categories)]
    pairs.sort(key=lambda one: (-abs(one.value), one.one, one.other))
    n_rows = max((one.size for one in numbers.values()), default=0)
    n_rows = max(n_rows, max((one.codes.size for one in categories.values()), default=0))
    names = tuple(name for name in order if name in numbers or name in categories)
    return Correlations(names, tuple(pairs), n_rows)


def _of_numbers(ranks: Mapping[str, Floats]) -> list[Pair]:
    """Pearson's r of the ranks over the rows where both are present, all at once by matrix products."""
    names = list(ranks)
    if len(names) < 2:
        return []
    stacked = np.stack(list(ranks.values()))
    present = (~np.isnan(stacked)).astype(np.float64)
    filled = np.nan_to_num(stacked)
    n = present @ present.T
    sums, squares, products = filled @ present.T, (filled**2) @ present.T, filled @ filled.T
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - sums * sums.T / n
        spread = squares - sums**2 / n
        rho = covariance / np.sqrt(spread * spread.T)
    return [
        Pair(names[i], names[j], float(np.clip(rho[i, j], -1, 1)), "Spearman", int(n[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if n[i, j] >= FEWEST_ROWS and math.isfinite(rho[i, j])
    ]


def _of_mixed(ranks: Mapping[str, Floats], categories: Mapping[str, Groups]) -> list[Pair]:
    """The adjusted correlation ratio of every number within every category."""
    if not ranks or not categories:
        return []
    names = list(ranks)
    stacked = np.stack(list(ranks.values()))
    present, filled = (~np.isnan(stacked)).astype(np.float64), np.nan_to_num(stacked)
    squared = filled**2
    found = []
    for category, groups in categories.items():
        member = _members(groups)
        for name, n, ratio in zip(names, *_ratios(filled, squared, present, member), strict=True):
            if n >= FEWEST_ROWS and math.isfinite(ratio):
                found.append(Pair(name, category, ratio, "correlation ratio", int(n)))
    return found


def _members(groups: Groups) -> Floats:
    """One column a group, 1 where the row is in it; missing is no group. Shape (n_rows, n_groups)."""
    k = groups.n - (groups.labels[-1] == MISSING)
    member: Floats = (groups.codes[:, None] == np.arange(k)).astype(np.float64)
    return member


def _ratios(filled: Floats, squared: Floats, present: Floats, member: Floats) -> tuple[Floats, Floats]:
    """Rows and ratio of each number, from sums by group."""
    n_of, sums = present @ member, filled @ member
    anywhere = member.sum(axis=1)
    n, total, squares = n_of.sum(axis=1), sums.sum(axis=1), squared @ anywhere
    k = (n_of > 0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where(n_of > 0, sums**2 / n_of, 0.0).sum(axis=1) - total**2 / n
        spread = squares - total**2 / n
        unexplained = (np.maximum(spread - between, 0) / (n - k)) / (spread / (n - 1))
        ratio = np.where((spread > 1e-12) & (n > k) & (k > 1), np.sqrt(np.maximum(0.0, 1 - unexplained)), np.nan)
    return n, ratio


def _of_categories(categories: Mapping[str, Groups]) -> list[Pair]:
    names, found = list(categories), []
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            table = _both_present(categories[one], categories[other])
            value, n = cramers_v(table), int(table.sum())
            if n >= FEWEST_ROWS and math.isfinite(value):
                found.append(Pair(one, other, value, "Cramér's V", n))
    return found


def _both_present(one: Groups, other: Groups) -> Floats:
    table = counted(one.codes, other.codes, one.n, other.n)
    return table[: one.n - (one.labels[-1] == MISSING), : other.n - (other.labels[-1] == MISSING)]
