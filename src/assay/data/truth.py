"""Truth: a source held against another that is right where the two differ (DQ-1).

Rows are matched by a key; keys that one side lacks and values that disagree are failures like any broken rule. What
they cost of the quality score is `dimensions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from assay.config.settings import Truth
from assay.data.event_time import EVENT_TIME
from assay.data.failures import EXAMPLE_ROWS, Examples, Failure, shown
from assay.data.rules import refuse_unknown

THEIRS = "truth of "  # before a column of the other source, once the two are beside each other
HERE, THERE = "is here", "is there"
SLACK = 1e-9  # 10.01 - 10.00 is a little more than 0.01 in binary


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of holding a source against its truth.

    Attributes:
        n_rules: Claims that were looked at: one a column, and one a side for keys.
        failures: Those that do not hold, `about` being `truth`.
        n_compared: Rows that both sources have.
        disagreeing: Share of the compared cells whose values differ; 0 where nothing could be compared.
        missing: Share of the keys of either side that the other lacks.
    """

    n_rules: int
    failures: list[Failure]
    n_compared: int
    disagreeing: float
    missing: float


def reconcile(name: str, ours: pl.LazyFrame, theirs: pl.LazyFrame, truth: Truth) -> Reconciled:
    """Match two sources by key and count the keys that one lacks and the cells that disagree.

    Numbers agree within `truth.tolerance`, everything else when it is equal as text without blanks around it; two
    missing values agree, and one alone does not. Where both sources have a time, only their common stretch is
    looked at: what one side does not reach yet is no error of it. A key that is repeated counts once, by its last row.

    Args:
        name: Of the source.
        ours: Its rows.
        theirs: Rows of the source that `truth` names.
        truth: The declaration.

    Raises:
        ConfigError: A column is declared that a source does not have.
    """
    field = f"sources.{name}.truth"
    columns = [column for column in truth.columns if column not in truth.key]
    mine, other = _common_stretch(ours, theirs)
    left = _side(f"{field}.key", mine, {column: column for column in (*truth.key, *columns)}, truth.key, "")
    named = {**{column: truth.columns.get(column, column) for column in truth.key}, **truth.columns}
    right = _side(f"{field}.columns", other, named, truth.key, THEIRS)
    joined = left.with_columns(pl.lit(value=True).alias(HERE)).join(
        right.with_columns(pl.lit(value=True).alias(THERE)), on=list(truth.key), how="full", coalesce=True
    )
    schema = joined.collect_schema()
    both = pl.col(HERE).is_not_null() & pl.col(THERE).is_not_null()
    key_columns = list(truth.key)
    claims: list[tuple[str | None, str, pl.Expr, list[str]]] = [
        (None, f"every key is known to {truth.source!r}", pl.col(THERE).is_null(), key_columns),
        (None, f"every key of {truth.source!r} is here", pl.col(HERE).is_null(), key_columns),
    ]
    for column in columns:
        differs = both & ~_agree(column, schema, truth.tolerance)
        claims.append((column, f"agrees with {truth.source!r}", differs, [*key_columns, column, THEIRS + column]))
    counted = joined.select(
        pl.len().alias("rows"), both.sum().alias("both"), *(one[2].sum().alias(str(n)) for n, one in enumerate(claims))
    ).collect(engine="streaming")
    n_rows, n_both, *counts = counted.row(0)
    failures = [
        Failure(name, column, rule, truth.severity, "truth", count, count / n_rows, _examples(joined, breaks, told))
        for (column, rule, breaks, told), count in zip(claims, counts, strict=True)
        if count
    ]
    cells = n_both * len(columns)
    return Reconciled(
        n_rules=len(claims),
        failures=failures,
        n_compared=n_both,
        disagreeing=sum(counts[2:]) / cells if cells else 0.0,
        missing=(counts[0] + counts[1]) / n_rows if n_rows else 0.0,
    )


def _side(field: str, frame: pl.LazyFrame, named: dict[str, str], key: Sequence[str], prefix: str) -> pl.LazyFrame:
    """Key columns as text, the others as they are under their name on our side; one row a key."""
    refuse_unknown(field, named.values(), frame.collect_schema().names())
    chosen = [
        pl.col(there).cast(pl.String).str.strip_chars().alias(here)
        if here in key
        else pl.col(there).alias(prefix + here)
        for here, there in named.items()
    ]
    return frame.select(chosen).drop_nulls(list(key)).unique(list(key), keep="last", maintain_order=True)


def _common_stretch(ours: pl.LazyFrame, theirs: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Both sources cut to the event times that both reach; as they are where one has no time."""
    if not all(EVENT_TIME in frame.collect_schema() for frame in (ours, theirs)):
        return ours, theirs
    time = pl.col(EVENT_TIME)
    ends = [frame.select(time.min().alias("first"), time.max().alias("last")) for frame in (ours, theirs)]
    found = pl.concat(pl.collect_all(ends))
    first, last = found["first"].max(), found["last"].min()
    if first is None or last is None:
        return ours, theirs
    inside = time.is_between(first, last)
    return ours.filter(inside), theirs.filter(inside)


def _agree(column: str, schema: pl.Schema, tolerance: float) -> pl.Expr:
    mine, theirs = pl.col(column), pl.col(THEIRS + column)
    if schema[column].is_numeric() or schema[THEIRS + column].is_numeric():
        mine_number, their_number = (one.cast(pl.Float64, strict=False) for one in (mine, theirs))
        same = (mine_number == their_number) | ((mine_number - their_number).abs() <= tolerance + SLACK)
    else:
        same = mine.cast(pl.String).str.strip_chars() == theirs.cast(pl.String).str.strip_chars()
    return same.fill_null(mine.is_null() & theirs.is_null())


def _examples(joined: pl.LazyFrame, breaks: pl.Expr, columns: Sequence[str]) -> Examples:
    picked = joined.filter(breaks).select(columns).sort(columns[0]).head(EXAMPLE_ROWS).collect(engine="streaming")
    return tuple({column: shown(row[column]) for column in columns} for row in picked.iter_rows(named=True))
