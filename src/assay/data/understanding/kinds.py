"""Kinds: what a column holds, and how much of it is missing.

A kind is told from the values as well as the type: text that names every row is an identifier, a number with two
values a flag. What the values look like is `distributions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from assay.data.event_time import iso

Kind = Literal["number", "time", "category", "flag", "text", "identifier", "nested", "empty"]

FEWEST_NAMES = 20  # below, all values of a column being different means nothing
NAMES = 0.9  # share of different values from which a text names its row
PROSE_CHARACTERS = 50  # mean length from which text is prose rather than a category
PROSE_DISTINCT = 0.5  # share of different values from which text is no category
READS_AS = 0.9  # share of a text's values that must read as numbers or times, for it to be called that in disguise
FIRST_LOOK = 200  # values that show whether it is worth to read all


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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a column of text holds in truth.

    Attributes:
        kind: `number`, `time`, or empty where it is text.
        n_unread: Values that do not read so.
        values: The column as it reads, missing ones among them; None unless every value reads.
    """

    kind: Literal["number", "time", ""]
    n_unread: int
    values: pl.Series | None


def reading_of(column: pl.Series) -> Reading:
    """See whether text holds numbers, or times as ISO 8601 writes them.

    Other dates are not guessed at: `02/03/2015` has two meanings. Numbers with leading zeros are codes.
    """
    plain = Reading("", 0, None)
    if column.dtype != pl.String:
        return plain
    spelt = without_missing(column).unique()
    if _read_as_number(spelt.head(FIRST_LOOK)).is_not_null().sum() >= READS_AS * min(spelt.len(), FIRST_LOOK) > 0:
        return _reading("number", column, _read_as_number) if not spelt.str.contains(r"^\s*-?0\d").any() else plain
    if _read_as_time(spelt.head(FIRST_LOOK)).is_not_null().sum() >= READS_AS * min(spelt.len(), FIRST_LOOK) > 0:
        return _reading("time", column, _read_as_time)
    return plain


def _reading(kind: Literal["number", "time"], column: pl.Series, read: Callable[[pl.Series], pl.Series]) -> Reading:
    values = read(column)
    n_present = column.len() - missing_in(column).n
    n_unread = n_present - (values.len() - values.null_count())
    if n_unread > (1 - READS_AS) * n_present:
        return Reading("", 0, None)
    return Reading(kind, n_unread, values.rename(column.name) if not n_unread else None)


def _read_as_number(text: pl.Series) -> pl.Series:
    return text.str.strip_chars().cast(pl.Float64, strict=False)


def _read_as_time(text: pl.Series) -> pl.Series:
    return pl.DataFrame({"text": text}).select(iso(pl.col("text").str.strip_chars())).to_series()
