"""What the calendar says of a moment (FE-3), as expressions for feature and request views: parts, cycles, holidays.

Dates are those of a place: give its `zone`, or what happens at one in the morning in Berlin falls on the day before.
Every value is known beforehand, and is the same for a row alone as among others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from typing import Literal

import polars as pl

from assay.errors import UsageError

Cycle = Literal["hour", "weekday", "month", "day_of_year"]
Part = Literal["year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour"]
PERIODS: dict[str, int] = {"hour": 24, "weekday": 7, "month": 12, "day_of_year": 366}
PARTS: tuple[Part, ...] = ("year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour")
SATURDAY = 6
FARTHEST_DAYS = 60
"""Days at which a holiday is far: further ones count the same."""


def part(time: str, which: Part, *, zone: str = "UTC") -> pl.Expr:
    """One part of a moment as a whole number: weekday 1 is Monday, week and its years are those of ISO 8601."""
    local = _local(time, zone)
    found = {
        "year": local.dt.year(),
        "quarter": local.dt.quarter(),
        "month": local.dt.month(),
        "week": local.dt.week(),
        "day": local.dt.day(),
        "day_of_year": local.dt.ordinal_day(),
        "weekday": local.dt.weekday(),
        "hour": local.dt.hour(),
    }
    if which not in found:
        raise UsageError(f"the calendar has no part {which!r}; there are {', '.join(found)}.")
    return found[which].cast(pl.Int64).alias(time)


def parts(time: str, *, prefix: str, zone: str = "UTC", which: Iterable[Part] = PARTS) -> dict[str, pl.Expr]:
    """Several parts in one call, named `{prefix}_weekday` and so on."""
    return {f"{prefix}_{one}": part(time, one, zone=zone) for one in which}


def cyclical(time: str, which: Cycle, *, zone: str = "UTC") -> tuple[pl.Expr, pl.Expr]:
    """Sine and cosine of a part's place in its cycle, so that December lies beside January."""
    first = 0 if which == "hour" else 1
    angle = (part(time, which, zone=zone) - first).cast(pl.Float64) * (2 * math.pi / PERIODS[which])
    return angle.sin(), angle.cos()


def is_weekend(time: str, *, zone: str = "UTC") -> pl.Expr:
    """Whether the day is a Saturday or a Sunday."""
    return part(time, "weekday", zone=zone) >= SATURDAY


def is_holiday(time: str, country: str, *, subdivision: str | None = None, zone: str = "UTC") -> pl.Expr:
    """Whether the day is a public holiday.

    Args:
        time: Column with the moment.
        country: ISO 3166-1 code such as US, or a market such as XNYS, as the `holidays` library names them.
        subdivision: Part of the country with holidays of its own, such as CA or BY.
        zone: Where the day is.

    Raises:
        UsageError: The country or the subdivision is not known.
    """
    _days_of(country, subdivision, 2000)
    return _by_day(time, zone, lambda days: _among(days, country, subdivision), pl.Boolean())


def days_to_holiday(time: str, country: str, *, subdivision: str | None = None, zone: str = "UTC") -> pl.Expr:
    """Days until the next public holiday, today's being 0, at most 60.

    Raises:
        UsageError: The country or the subdivision is not known.
    """
    _days_of(country, subdivision, 2000)
    return _by_day(time, zone, lambda days: _until(days, country, subdivision), pl.Int64())


def _by_day(time: str, zone: str, look: Callable[[pl.Series], pl.Series], dtype: pl.DataType) -> pl.Expr:
    return _local(time, zone).dt.date().map_batches(look, return_dtype=dtype, is_elementwise=True)


def _local(time: str, zone: str) -> pl.Expr:
    moment = pl.col(time)
    return moment if zone == "UTC" else moment.dt.convert_time_zone(zone)


@lru_cache(maxsize=4_096)
def _days_of(country: str, subdivision: str | None, year: int) -> tuple[date, ...]:
    """The holidays of one year, in order."""
    import holidays

    markets = holidays.list_supported_financial()
    try:
        if country in markets:
            return tuple(sorted(holidays.financial_holidays(country, years=year)))
        return tuple(sorted(holidays.country_holidays(country, subdiv=subdivision, years=year)))
    except NotImplementedError as error:
        raise UsageError(
            f"no holidays are known of {country!r}{f', {subdivision!r}' if subdivision else ''}: {error}. Give an ISO "
            "3166-1 code such as US with one of its subdivisions, or a market such as XNYS."
        ) from error


def _holidays(days: pl.Series, country: str, subdivision: str | None) -> pl.Series:
    """The holidays of all years that the days fall in, and of the years after them."""
    years = {year + more for year in days.drop_nulls().dt.year().unique() for more in (0, 1)}
    found = [day for year in sorted(years) for day in _days_of(country, subdivision, year)]
    return pl.Series(found, dtype=pl.Date)


def _among(days: pl.Series, country: str, subdivision: str | None) -> pl.Series:
    return days.is_in(_holidays(days, country, subdivision).to_list())


def _until(days: pl.Series, country: str, subdivision: str | None) -> pl.Series:
    free = pl.DataFrame({"free": _holidays(days, country, subdivision).unique().sort()}).set_sorted("free")
    asked = pl.DataFrame({"day": days}).with_row_index("place").sort("day", nulls_last=True)
    joined = asked.join_asof(free, left_on="day", right_on="free", strategy="forward").sort("place")
    away = (pl.col("free") - pl.col("day")).dt.total_days().clip(upper_bound=FARTHEST_DAYS)
    limited = pl.when(pl.col("day").is_not_null()).then(away.fill_null(FARTHEST_DAYS))
    return joined.select(limited.cast(pl.Int64)).to_series()
