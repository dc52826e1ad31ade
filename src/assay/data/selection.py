"""Selections: some rows of a snapshot, named by their numbers or by a condition, and found again in other snapshots.

Numbers hold for one snapshot only, so rows named by number are looked for elsewhere by all that they contain. What
became of the rows is none of this file's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from assay.data.addressed import first_line
from assay.errors import UsageError

ROW = "__selected_row"
_RANGE = re.compile(r"(\d*):(\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are meant; by neither, all of them.

    Attributes:
        rows: First and last number, both included, from 0; None for an open end.
        where: A condition in SQL over the source's columns, `known_at` among them.
    """

    rows: tuple[int | None, int | None] | None = None
    where: str = ""

    def __str__(self) -> str:
        if self.where:
            return f"rows where {self.where}"
        if self.rows is None:
            return "all rows"
        first, last = ("" if end is None else str(end) for end in self.rows)
        return f"rows {first}:{last}"


def selection(rows: str = "", where: str = "") -> Selection:
    """Read `--rows 100:200` or `--where "known_at >= '2026-01-01'"`.

    Raises:
        UsageError: The range is none, or both are given.
    """
    if rows and where:
        raise UsageError("both rows and a condition are given; name the rows by one of them.")
    if not rows:
        return Selection(where=where.strip())
    match = _RANGE.fullmatch(rows.strip())
    first, last = (int(end) if end else None for end in match.groups()) if match else (None, None)
    if match is None or (first is not None and last is not None and last < first):
        raise UsageError(f"{rows!r} is no range of rows: write 100:200, with the first and the last row, from 0.")
    return Selection(rows=(first, last))


def selected(frame: pl.LazyFrame, chosen: Selection) -> pl.DataFrame:
    """The chosen rows of a snapshot, with their numbers in the column `ROW`.

    Raises:
        UsageError: The condition is not SQL or does not fit the columns.
    """
    numbered = frame.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    if chosen.where:
        try:
            return numbered.sql(f"SELECT * FROM self WHERE ({chosen.where})").collect()  # noqa: S608 - one's own data
        except PolarsError as failure:
            known = ", ".join(frame.collect_schema().names())
            raise UsageError(
                f"{chosen.where!r} cannot choose rows: {first_line(failure)}. Write a condition in SQL, such as "
                f"\"known_at >= '2026-01-01'\"; the columns are {known}."
            ) from failure
    first, last = chosen.rows or (None, None)
    kept = numbered.filter(pl.col(ROW) >= (first or 0))
    return (kept if last is None else kept.filter(pl.col(ROW) <= last)).collect()


def found_again(rows: pl.DataFrame, frame: pl.LazyFrame) -> pl.DataFrame:
    """The rows of another snapshot that are equal to one of `rows` in every column that both have.

    Columns of lists or structs are not compared. Rows come with their numbers in the column `ROW`.
    """
    numbered = frame.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    schema = frame.collect_schema()
    shared = [name for name in rows.columns if schema.get(name) == rows.schema[name] and not schema[name].is_nested()]
    if not shared:
        return numbered.head(0).collect()
    return numbered.join(rows.select(shared).lazy(), on=shared, how="semi", nulls_equal=True).sort(ROW).collect()


def left_out(frame: pl.LazyFrame, numbers: pl.Series) -> pl.LazyFrame:
    """The snapshot without the rows of those numbers, the others in their order."""
    numbered = frame.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    return numbered.filter(~pl.col(ROW).is_in(numbers.implode())).drop(ROW)
