"""Contingency: what a table of counts, groups of one column by groups of another, says of how they belong together.

Knows nothing of columns: `groups` makes the groups, `target`, `proxies` and `correlations` ask the questions.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.metrics.estimate import Estimate

Codes = npt.NDArray[np.int64]
Table = npt.NDArray[np.float64]

SMOOTHING = 10.0  # rows of the average that each group's rate is drawn towards
NORMAL_95 = 1.959964


def counted(one: Codes, other: Codes, n_one: int, n_other: int) -> Table:
    """Rows of each pair of groups, shape (n_one, n_other); codes count from 0."""
    return np.bincount(one * n_other + other, minlength=n_one * n_other).reshape(n_one, n_other).astype(np.float64)


def chi_square(table: Table) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; empty rows and columns do not count. (0, 0) where it has none."""
    full = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(full.shape) < 2:
        return 0.0, 0
    degrees = (full.shape[0] - 1) * (full.shape[1] - 1)
    expected = np.outer(full.sum(axis=1), full.sum(axis=0)) / full.sum()
    return float(((full - expected) ** 2 / expected).sum()), degrees


def chance(table: Table) -> float:
    """The chance of a table at least as uneven if the columns had nothing to do with each other; nan without one."""
    from scipy.special import chdtrc

    statistic, degrees = chi_square(table)
    return float(chdtrc(degrees, statistic)) if degrees else math.nan


def cramers_v(table: Table) -> float:
    """How far one group tells the other, from 0 (not at all) to 1, corrected for what chance alone would show.

    Returns:
        nan where either side has a single group.

    Source:
        Bergsma (2013), A bias-correction for Cramér's V and Tschuprow's T.
    """
    statistic, degrees = chi_square(table)
    n = float(table.sum())
    if not degrees or n < 2:
        return math.nan
    rows, columns = int((table.sum(axis=1) > 0).sum()), int((table.sum(axis=0) > 0).sum())
    phi = max(0.0, statistic / n - (rows - 1) * (columns - 1) / (n - 1))
    fewest = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / fewest)) if fewest > 0 else math.nan


def crossed_auc(table_of_half: tuple[Table, Table]) -> Estimate:
    """How well a column's groups alone put positive rows before negative ones, judged on rows it was not learnt from.

    The rate of positives in each group is learnt on one half of the rows and scores the other half, and the other way
    round; the two areas are averaged.

    Args:
        table_of_half: For each half a table of shape (n_groups, 2): negatives, positives.

    Returns:
        ROC AUC with a 95 % interval; about 0.5 where the column says nothing. nan where a half lacks a class.

    Source:
        Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, for the standard error.
    """
    one, other = table_of_half
    value = (_area(one, other) + _area(other, one)) / 2
    n, n_positive = int(one.sum() + other.sum()), int(one[:, 1].sum() + other[:, 1].sum())
    return interval(value, n, n_positive, "crossed halves, hanley-mcneil of one")


def interval(area: float, n: int, n_positive: int, method: str) -> Estimate:
    """A ROC AUC that is the mean of two crossed halves, with a 95 % interval; nan where it is undefined.

    The interval is that of one half. Where a column tells nothing, the halves err together, for what one learns by
    chance the other contradicts both ways, and it is right; where it tells much they err apart, and it is too wide.
    """
    if math.isnan(area) or not n_positive or n_positive == n:
        return Estimate(math.nan, math.nan, math.nan, n, method)
    half_positive, half_negative = n_positive / 2, (n - n_positive) / 2
    both, neither = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (half_positive - 1) * (both - area**2)
    variance += (half_negative - 1) * (neither - area**2)
    spread = NORMAL_95 * math.sqrt(max(variance, 0.0) / (half_positive * half_negative))
    return Estimate(area, max(0.0, area - spread), min(1.0, area + spread), n, method)


def _area(learn: Table, judge: Table) -> float:
    """ROC AUC on the rows of `judge` by the rates of `learn`, each drawn towards the average."""
    n_negative, n_positive = judge.sum(axis=0)
    if not n_negative or not n_positive or not learn.sum():
        return math.nan
    base = learn[:, 1].sum() / learn.sum()
    rate = (learn[:, 1] + SMOOTHING * base) / (learn.sum(axis=1) + SMOOTHING)
    steps = np.unique(rate, return_inverse=True)[1]
    negatives, positives = (np.bincount(steps, weights=judge[:, side]) for side in (0, 1))
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (n_negative * n_positive))
