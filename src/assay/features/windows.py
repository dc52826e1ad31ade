"""Windows over an entity's past, as expressions for feature views (FE-3): the last rows or days, all so far, streaks.

Every expression counts the present row in, because a feature row is known only after its event; the point-in-time
join then keeps it from the event's own prediction. Frames must be sorted by time within each entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from assay.errors import UsageError

Aggregation = Literal["mean", "sum", "std", "min", "max"]
Expanding = Literal["mean", "sum", "count", "std", "min", "max"]
DAYS_OF_A_MICROSECOND = 1 / 86_400_000_000
LAGS, WINDOWS = (1, 7, 30), (7, 14, 30)
SPREADS: tuple[Aggregation, ...] = ("mean", "std", "min", "max")
EVERY_ROW = 2**31 - 1  # a window that no table fills


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


def last_days(column: str, days: int, how: Aggregation | Literal["count"], *, entity: str, time: str) -> pl.Expr:
    """Aggregate the entity's rows of the last `days` days up to the present one's `time`; a std needs two of them.

    Frames must be sorted by `time`. The row that lies exactly `days` days back no longer counts.
    """
    if days < 1:
        raise UsageError(f"a window of {days} days over '{column}' holds nothing. Give 1 or more.")
    values = pl.col(column).cast(pl.Float64)
    found = {
        "mean": values.mean(),
        "sum": values.sum(),
        "std": values.std(),
        "min": values.min(),
        "max": values.max(),
        "count": values.count().cast(pl.Int64),
    }
    return found[how].rolling(index_column=time, period=f"{days}d").over(entity).alias(column)


def recent(
    column: str,
    *,
    entity: str,
    feature: str,
    windows: Sequence[int] = WINDOWS,
    hows: Sequence[Aggregation] = SPREADS,
    unit: str = "n",
) -> dict[str, pl.Expr]:
    """Several windows over the last rows in one call, named as features are: `team_points_7g_mean`.

    Args:
        column: What is aggregated.
        entity: Column of the entity, and first part of the names.
        feature: What the names call it.
        windows: Rows of each window.
        hows: Aggregations of each window.
        unit: What a row is, in the names: `g` for games, `n` for rows.
    """
    return {
        f"{entity}_{feature}_{rows}{unit}_{how}": last_rows(column, rows, how, entity=entity)
        for rows in windows
        for how in hows
    }


def lags(column: str, *, entity: str, feature: str, rows: Sequence[int] = LAGS, unit: str = "n") -> dict[str, pl.Expr]:
    """The value so many events before the next one, named `team_points_7g_lag`; 1 is the newest known, the present one.

    Args:
        column: Whose values.
        entity: Column of the entity, and first part of the names.
        feature: What the names call it.
        rows: How many events back, each at least 1.
        unit: What a row is, in the names.
    """
    return {f"{entity}_{feature}_{back}{unit}_lag": lag(column, back - 1, entity=entity) for back in rows}


def beside_all(column: str, rows: int, *, entity: str, feature: str, unit: str = "n") -> dict[str, pl.Expr]:
    """The recent mean, the mean of all so far, and the recent less the long-term one: has something changed?"""
    now, ever = last_rows(column, rows, "mean", entity=entity), so_far(column, "mean", within=[entity])
    name = f"{entity}_{feature}"
    return {f"{name}_{rows}{unit}_mean": now, f"{name}_all_mean": ever, f"{name}_{rows}{unit}_delta": now - ever}


def so_far(column: str, how: Expanding, *, within: Sequence[str]) -> pl.Expr:
    """Aggregate all rows up to the present one among those with equal `within` (an entity; an entity and a season).

    A std is null before the second value.
    """
    values = pl.col(column).cast(pl.Float64)
    if how == "std":
        return values.rolling_std(EVERY_ROW, min_samples=2).over(within)
    if how in ("min", "max"):
        reached = values.cum_min() if how == "min" else values.cum_max()
        return reached.forward_fill().over(within)
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


def time_of_last(flag: str, *, time: str, entity: str) -> pl.Expr:
    """When the flag was last true, the present row counted in; null before the first time. For `days_between`."""
    return pl.when(pl.col(flag)).then(pl.col(time)).forward_fill().over(entity)


def rows_since(flag: str, *, entity: str) -> pl.Expr:
    """Rows since the flag was last true: 0 where it is now; null before the first time.

    Example:
        >>> frame = pl.DataFrame({"team": ["a"] * 4, "won": [False, True, False, False]})
        >>> frame.select(rows_since("won", entity="team"))["won"].to_list()
        [None, 0, 1, 2]
    """
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    last = pl.when(pl.col(flag)).then(place).forward_fill()
    return (place - last).over(entity).alias(flag)


def days_between(earlier: str | pl.Expr, later: str | pl.Expr) -> pl.Expr:
    """Days from one instant to another, with fractions; null where either is."""
    start = pl.col(earlier) if isinstance(earlier, str) else earlier
    end = pl.col(later) if isinstance(later, str) else later
    # Times a constant, not divided by it: Polars divides a single row and a long column in different last digits.
    return (end - start).dt.total_microseconds() * DAYS_OF_A_MICROSECOND
