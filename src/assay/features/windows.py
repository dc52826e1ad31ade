"""Windows over an entity's past, as expressions for feature views (FE-3): the last rows, the season so far, streaks.

Every expression counts the present row in, because a feature row is known only after its event; the point-in-time
join then keeps it from the event's own prediction. Frames must be sorted by time within each entity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import polars as pl

from assay.errors import UsageError

Aggregation = Literal["mean", "sum", "std", "min", "max"]
Part = Literal["hour", "weekday", "month"]
DAYS_OF_A_MICROSECOND = 1 / 86_400_000_000
PERIODS: dict[str, int] = {"hour": 24, "weekday": 7, "month": 12}


def last_rows(column: str, rows: int, how: Aggregation, *, entity: str, at_least: int = 1) -> pl.Expr:
    """Aggregate the last `rows` rows of the entity, the present one included; null before `at_least` of them.

    Example:
        >>> frame = pl.DataFrame({"team": ["a", "a", "a"], "points": [90, 100, 110]})
        >>> frame.select(last_rows("points", 2, "mean", entity="team"))["points"].to_list()
        [90.0, 95.0, 105.0]
    """
    if rows < 1:
        raise UsageError(f"a window of {rows} rows over '{column}' holds nothing. Give 1 or more.")
    values = pl.col(column).cast(pl.Float64)
    needed = max(at_least, 2) if how == "std" else at_least
    rolled = {
        "mean": values.rolling_mean(rows, min_samples=needed),
        "sum": values.rolling_sum(rows, min_samples=needed),
        "std": values.rolling_std(rows, min_samples=min(needed, rows)),
        "min": values.rolling_min(rows, min_samples=needed),
        "max": values.rolling_max(rows, min_samples=needed),
    }
    return rolled[how].over(entity)


def so_far(column: str, how: Literal["mean", "sum", "count"], *, within: Sequence[str]) -> pl.Expr:
    """Aggregate all rows up to the present one among those with equal `within` (an entity; an entity and a season)."""
    values = pl.col(column).cast(pl.Float64)
    count = values.is_not_null().cast(pl.Int64).cum_sum()
    if how == "count":
        return count.over(within)
    total = values.fill_null(0.0).cum_sum()
    return (total if how == "sum" else pl.when(count > 0).then(total / count)).over(within).alias(column)


def lag(column: str, rows: int, *, entity: str) -> pl.Expr:
    """The value that many rows before the present one; 0 is the present row's own."""
    return pl.col(column).shift(rows).over(entity)


def streak(flag: str, *, entity: str) -> pl.Expr:
    """Rows in a row with the same flag up to the present one: counted up while it is true, down while it is false.

    Example:
        >>> frame = pl.DataFrame({"team": ["a"] * 4, "won": [True, True, False, True]})
        >>> frame.select(streak("won", entity="team"))["won"].to_list()
        [1, 2, -1, 1]
    """
    won = pl.col(flag).cast(pl.Boolean)
    turn = (won != won.shift(1)).fill_null(value=True).cast(pl.Int64).cum_sum().over(entity)
    length = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(entity, turn)
    return pl.when(won).then(length).otherwise(-length).alias(flag)


def days_between(earlier: str | pl.Expr, later: str | pl.Expr) -> pl.Expr:
    """Days from one instant to another, with fractions; null where either is."""
    start = pl.col(earlier) if isinstance(earlier, str) else earlier
    end = pl.col(later) if isinstance(later, str) else later
    # Times a constant, not divided by it: Polars divides a single row and a long column in different last digits.
    return (end - start).dt.total_microseconds() * DAYS_OF_A_MICROSECOND


def cyclical(time: str, part: Part) -> tuple[pl.Expr, pl.Expr]:
    """Sine and cosine of the part's place in its cycle, so that December lies beside January."""
    place = {
        "hour": pl.col(time).dt.hour(),
        "weekday": pl.col(time).dt.weekday() - 1,
        "month": pl.col(time).dt.month() - 1,
    }[part]
    angle = place.cast(pl.Float64) * (2 * math.pi / PERIODS[part])
    return angle.sin(), angle.cos()
