"""Sample: the rows in which columns are held against each other, collected while the columns go by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.understanding.column import Column
from assay.data.understanding.groups import Groups, grouped
from assay.data.understanding.target import Label

PARTS_OF_PROTECTED = 4  # groups of people that a number such as age is cut into


@dataclass(slots=True, eq=False)
class Sample:
    """What the sampled rows hold.

    Attributes:
        rows: Their numbers in the source, rising, shape (n,).
        half: Which half each belongs to, shape (n,): figures are learnt on one and judged on the other.
        groups: Columns as groups, by name; those of a single group are left out.
        numbers: Numbers and times as floats, nan where missing, by name, each of shape (n,).
        protected: Protected columns in few groups, by name.
        label: The label; None where there is none, or it does not vary.
    """

    rows: npt.NDArray[np.int64]
    half: npt.NDArray[np.bool_]
    groups: dict[str, Groups] = field(default_factory=dict)
    numbers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    protected: dict[str, Groups] = field(default_factory=dict)
    label: Label | None = None

    def of(self, column: pl.Series) -> pl.Series:
        """The sampled rows of a whole column."""
        return column if self.rows.size == column.len() else column.gather(self.rows)

    def keep(self, values: pl.Series, column: Column, *, is_protected: bool) -> None:
        """Take in one column.

        Args:
            values: All of its rows, as they read.
            column: What is known of it.
            is_protected: Nobody may be judged by it.
        """
        drawn = self.of(values)
        if column.kind in ("number", "time"):
            self.numbers[column.name] = _as_floats(drawn)
        groups = grouped(drawn, column.kind)
        if groups is not None:
            self.groups[column.name] = groups
        own = grouped(drawn, column.kind, parts=PARTS_OF_PROTECTED) if is_protected else None
        if own is not None:
            self.protected[column.name] = own


def draw(n_rows: int, *, most: int, rng: np.random.Generator) -> Sample:
    """Choose `most` rows at random, or all where there are no more, and cut them into halves."""
    rows = np.arange(n_rows) if n_rows <= most else np.sort(rng.choice(n_rows, most, replace=False))
    half = np.zeros(rows.size, dtype=bool)
    half[rng.permutation(rows.size)[: rows.size // 2]] = True
    return Sample(rows.astype(np.int64), half)


def _as_floats(drawn: pl.Series) -> npt.NDArray[np.float64]:
    values = drawn.to_physical().cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
    return values.astype(np.float64, copy=False)
