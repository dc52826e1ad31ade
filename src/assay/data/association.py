"""Association: how much of a label one column explains, in one figure for numbers, words and flags alike.

Says nothing of cause, and nothing of columns together; a model does that.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from scipy.stats import f as f_distribution

BINS = 10
FALSE_ALARM = 0.01  # chance that any of the columns passes for associated without being it


def association(column: pl.Series, truth: pl.Series, *, n_columns: int = 1) -> float:
    """The correlation ratio of `truth` given the column's tenths (numbers) or values (everything else).

    Missing values are a group of their own. The ratio is adjusted for the number of groups, and 0 where chance alone
    explains it (F test at 1 % shared among `n_columns`, after Bonferroni).

    Args:
        column: Values of any type, shape (n_rows,).
        truth: Label as numbers without missing values, shape (n_rows,).
        n_columns: How many columns are looked at together.

    Returns:
        Between 0 (none) and 1 (the column determines the label); nan where the label does not vary.

    Source:
        Pearson (1905), the correlation ratio eta; adjusted as by Kelley (1935), An unbiased correlation ratio measure.
    """
    table = pl.DataFrame({"group": _groups(column), "truth": truth.cast(pl.Float64)})
    by_group = table.group_by("group").agg(n=pl.len(), mean=pl.col("truth").mean())
    n, k = table.height, by_group.height
    total = float(((table["truth"] - table["truth"].mean()) ** 2).sum())
    if not n or total == 0:
        return math.nan
    between = float((by_group["n"] * (by_group["mean"] - table["truth"].mean()) ** 2).sum())
    within = max(total - between, 0.0)
    if k < 2 or n <= k:
        return 0.0
    if within > 0:
        ratio = (between / (k - 1)) / (within / (n - k))
        if f_distribution.sf(ratio, k - 1, n - k) > FALSE_ALARM / n_columns:
            return 0.0
    return math.sqrt(max(0.0, 1 - (within / (n - k)) / (total / (n - 1))))


def _groups(column: pl.Series) -> pl.Series:
    """Tenths for numbers and times of many values, otherwise the values themselves, as text."""
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()) or column.n_unique() <= BINS:
        return column.cast(pl.String, strict=False)
    values = column.to_physical().cast(pl.Float64).fill_nan(None)
    known = values.drop_nulls().to_numpy()
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    tenth = pl.Series(np.searchsorted(edges, values.fill_null(0.0).to_numpy(), side="right"))
    return pl.select(pl.when(values.is_not_null()).then(tenth)).to_series()
