"""Groups: a column as a handful of groups, so that numbers, words, flags and times can be held beside each other.

Numbers and times become tenths of equal size, or their values where they have ten at most; everything else its
commonest values and one group for the rest. Missing is a group of its own: that something is missing can say a lot.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from assay.data.understanding import moments
from assay.data.understanding.contingency import Codes
from assay.data.understanding.distributions import inner_edges, number_words, shortened
from assay.data.understanding.kinds import Kind

TENTHS = 10
MOST_VALUES = 30
LONGEST_STRETCH = 20
MISSING, REST, PRESENT = "missing", "all others", "present"


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """A column's rows by group.

    Attributes:
        codes: Number of each row's group, shape (n_rows,).
        labels: What each group holds, in the order of a scale where there is one.
        is_ordered: The groups follow a scale; missing stands last.
    """

    codes: Codes
    labels: tuple[str, ...]
    is_ordered: bool

    @property
    def n(self) -> int:
        """How many groups there are."""
        return len(self.labels)

    def every(self, step: int) -> Groups:
        """The same for each `step`-th row."""
        return self if step == 1 else Groups(self.codes[::step], self.labels, self.is_ordered)

    @property
    def sizes(self) -> Codes:
        """Rows of each group, shape (n,)."""
        return np.bincount(self.codes, minlength=self.n)


def grouped(column: pl.Series, kind: Kind, *, parts: int = TENTHS) -> Groups | None:
    """Put the rows of a column into groups; None where it would be a single one.

    Args:
        column: Values with missing ones among them.
        parts: Groups of equal size that a scale of many values is cut into.
        kind: What it holds. Of prose, names and nested values it only counts whether they are there.
    """
    if kind in ("number", "time"):
        found = _of_scale(column, parts)
    elif kind in ("category", "flag"):
        found = _of_values(column)
    else:
        found = _of_presence(column)
    return found if (found.sizes > 0).sum() > 1 else None


def _of_scale(column: pl.Series, parts: int) -> Groups:
    values = column.to_physical().cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    known = values[~np.isnan(values)]
    single = np.unique(known)

    def words(value: float) -> str:
        if column.dtype.is_temporal() and np.isfinite(value):
            return moments.words(value, column.dtype)
        return number_words(value) if np.isfinite(value) else str(value)

    if single.size <= parts:
        codes = np.searchsorted(single, values)
        labels = [words(float(one)) for one in single]
    else:
        edges = inner_edges(known, parts)
        codes = np.searchsorted(edges, values, side="right")
        shown = [words(float(one)) for one in edges]
        labels = [f"below {shown[0]}", *(_stretch(one, other) for one, other in pairwise(shown)), f"from {shown[-1]}"]
    codes = np.where(np.isnan(values), len(labels), np.minimum(codes, len(labels) - 1))
    return _with_missing(codes, labels, is_ordered=True)


def _stretch(low: str, high: str) -> str:
    """From one edge to the next; in the lower edge alone where both are long."""
    both = f"{low} to {high}"
    return both if len(both) <= LONGEST_STRETCH else f"from {low}"


def _of_values(column: pl.Series) -> Groups:
    text = column.cast(pl.String)
    if column.dtype == pl.String:
        text = pl.select(pl.when(text.str.strip_chars() != "").then(text)).to_series()
    counted = text.drop_nulls().alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    kept = counted["value"].head(MOST_VALUES)
    numbers = pl.DataFrame({"value": kept, "code": pl.int_range(kept.len(), eager=True)})
    joined = pl.DataFrame({"value": text}).join(numbers, on="value", how="left", maintain_order="left")
    labels = [shortened(one) for one in kept]
    if counted.height > kept.len():
        labels.append(REST)
    rest = pl.when(pl.col("value").is_null()).then(len(labels)).otherwise(len(labels) - 1)
    codes = joined.select(pl.col("code").fill_null(rest)).to_series().to_numpy()
    return _with_missing(codes, labels, is_ordered=False)


def _of_presence(column: pl.Series) -> Groups:
    there = column.is_not_null()
    if column.dtype == pl.String:
        there &= (column.str.strip_chars() != "").fill_null(value=False)
    return _with_missing(np.where(there.to_numpy(), 0, 1), [PRESENT], is_ordered=False)


def _with_missing(codes: Codes, labels: list[str], *, is_ordered: bool) -> Groups:
    """Add the last group where any row is in it."""
    codes = codes.astype(np.int64)
    has_missing = codes.size > 0 and int(codes.max()) == len(labels)
    return Groups(codes, tuple([*labels, MISSING] if has_missing else labels), is_ordered)
