"""Singled out: which share of a class does one column pick without a single exception?

A reason for leaving, a date of closing, a flag set afterwards: such columns hold one class alone where they hold
anything, even if their ranking of all rows is not perfect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.leakage.differences import listed, numbers_of

GROUP_ROWS = 20  # a value in fewer rows singles out nobody, it names them

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pick:
    """Rows of one class alone, picked by one column.

    Attributes:
        share: Of that class, in [0, 1].
        rows: How many there are.
        told: Which rows, and of which class, in words.
    """

    share: float
    rows: int
    told: str


def picked_by_value(name: str, column: pl.Series, truth: Floats) -> Pick:
    """The larger pick of values that stand in 20 rows or more, all of one class; being missing is a value.

    A number of many values is looked at as missing or present only.
    """
    is_many = column.dtype.is_numeric() and column.n_unique() > GROUP_ROWS
    value = column.is_null().replace_strict({True: "missing", False: "present"}) if is_many else column
    table = pl.DataFrame({"value": value.cast(pl.String, strict=False).fill_null("missing"), "truth": truth})
    groups = table.group_by("value").agg(n=pl.len(), mean=pl.col("truth").mean())
    return max(_pure_groups(name, groups, truth), key=lambda one: one.share)


def _pure_groups(name: str, groups: pl.DataFrame, truth: Floats) -> Iterator[Pick]:
    for label in (0, 1):
        pure = groups.filter((pl.col("n") >= GROUP_ROWS) & (pl.col("mean") == label)).sort("n", descending=True)
        rows = int(pure["n"].sum())
        told = f"where {name!r} is {listed(pure['value'], most=3)}, the label is always {label}"
        yield Pick(rows / max(1, int((truth == label).sum())), rows, told)


def picked_by_range(name: str, column: pl.Series, truth: Floats) -> Pick:
    """The larger pick of rows above the largest, or below the smallest, value of the other class; none for words."""
    values = numbers_of(column)
    return max(_pure_ends(name, values, truth), key=lambda one: one.share, default=Pick(0.0, 0, ""))


def _pure_ends(name: str, values: Floats | None, truth: Floats) -> Iterator[Pick]:
    if values is None:
        return
    known = np.isfinite(values)
    for label in (0, 1):
        own, other = values[known & (truth == label)], values[known & (truth != label)]
        if not len(other):
            continue
        for word, end, beyond in (("above", other.max(), own > other.max()), ("below", other.min(), own < other.min())):
            rows = int(beyond.sum())
            told = f"where {name!r} is {word} {end:g}, the label is always {label}"
            yield Pick(rows / max(1, int((truth == label).sum())), rows, told)
