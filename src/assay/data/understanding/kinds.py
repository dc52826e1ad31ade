"""Kinds: what a column holds, and how much of it is missing.

A kind is told from the values as well as the type: text that names every row is an identifier, a number with two
values a flag. What the values look like is `distributions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

Kind = Literal["number", "time", "category", "flag", "text", "identifier", "nested", "empty"]

FEWEST_NAMES = 20  # below, all values of a column being different means nothing
NAMES = 0.9  # share of different values from which a text names its row
PROSE_CHARACTERS = 50  # mean length from which text is prose rather than a category
PROSE_DISTINCT = 0.5  # share of different values from which text is no category
READS_AS = 0.9  # share of a text's values that must read as numbers, for it to be called numbers in disguise


@dataclass(frozen=True, slots=True)
class Missing:
    """Values that are not there, in rows.

    Attributes:
        null: No value at all.
        nan: Not a number.
        blank: Text without a visible character.
        of: Rows looked at.
    """

    null: int
    nan: int
    blank: int
    of: int

    @property
    def n(self) -> int:
        """All of them."""
        return self.null + self.nan + self.blank

    @property
    def share(self) -> float:
        """Between 0 and 1; 0 where there are no rows."""
        return self.n / self.of if self.of else 0.0

    def to_json(self) -> dict[str, Any]:
        return {"n": self.n, "share": self.share, "null": self.null, "nan": self.nan, "blank": self.blank}


def missing_in(column: pl.Series) -> Missing:
    """Count what is missing; an infinity is a value, if a strange one."""
    nan = int(column.is_nan().sum()) if column.dtype.is_float() else 0
    blank = int((column.str.strip_chars() == "").sum()) if column.dtype == pl.String else 0
    return Missing(column.null_count(), nan, blank, column.len())


def without_missing(column: pl.Series) -> pl.Series:
    """The values that are there, in their order."""
    present = column.drop_nulls()
    if column.dtype.is_float():
        return present.filter(present.is_not_nan())
    if column.dtype == pl.String:
        return present.filter(present.str.strip_chars() != "")
    return present


def is_nested(dtype: pl.DataType) -> bool:
    """Whether values have an inside, or bytes, that no figure here looks into."""
    return dtype.is_nested() or dtype in (pl.Binary, pl.Object)


def kind_of(present: pl.Series, *, distinct: int, in_key: bool = False) -> Kind:
    """Tell what a column holds from the values that are there.

    Args:
        present: Values, missing ones left out.
        distinct: How many of them differ.
        in_key: The source declares the column as part of its key, and so as a name even where it is a number.
    """
    dtype, n = present.dtype, present.len()
    if n == 0:
        return "empty"
    if is_nested(dtype):
        return "nested"
    if dtype == pl.Boolean or distinct == 2:
        return "flag"
    if dtype.is_temporal():
        return "time"
    if dtype.is_numeric():
        is_name = dtype.is_integer() and distinct == n >= FEWEST_NAMES and (in_key or present.is_sorted())
        return "identifier" if is_name else "number"
    return _kind_of_text(present.cast(pl.String), distinct, n)


def _kind_of_text(present: pl.Series, distinct: int, n: int) -> Kind:
    length = float(present.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
    if n >= FEWEST_NAMES and distinct >= PROSE_DISTINCT * n:
        return "identifier" if distinct >= NAMES * n and length < PROSE_CHARACTERS else "text"
    return "text" if length >= PROSE_CHARACTERS and distinct > FEWEST_NAMES else "category"


def reads_as(present: pl.Series) -> str:
    """`number` where a column of text mostly holds numbers, else an empty text."""
    if present.dtype != pl.String or present.is_empty():
        return ""
    spellings = present.unique()
    readable = spellings.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().mean()
    return "number" if float(readable or 0.0) >= READS_AS else ""  # type: ignore[arg-type]
