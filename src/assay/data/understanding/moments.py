"""Moments: dates, times and durations as numbers and back as words, whatever year they claim to be of.

Polars and Python refuse some years; a sentinel such as 9999-12-31, or worse, must not end a report.
"""

from __future__ import annotations

import numpy as np
import polars as pl

TICKS_A_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
SECONDS_A_DAY = 86_400
EARLIEST, LATEST = (
    np.datetime64("0200-01-01"),
    np.datetime64("9800-01-01"),
)  # a calendar's unit more, and all still fits


def words(ticks: float, dtype: pl.DataType) -> str:
    """A moment from its number, to the second: `2024-05-01 12:30:00`; a date without a time of day; a length in days.

    Args:
        ticks: As the type counts: days for dates, otherwise milli-, micro- or nanoseconds.
        dtype: A temporal type of Polars.
    """
    whole = int(ticks)
    if isinstance(dtype, pl.Datetime):
        moment = np.datetime64(whole // TICKS_A_SECOND[dtype.time_unit], "s")
        return str(moment).replace("T", " ").removesuffix(" 00:00:00")
    if dtype == pl.Date:
        return str(np.datetime64(whole, "D"))
    if isinstance(dtype, pl.Duration):
        seconds = whole / TICKS_A_SECOND[dtype.time_unit]
        return f"{seconds / SECONDS_A_DAY:,.4g} days" if abs(seconds) >= SECONDS_A_DAY else f"{seconds:,.4g} s"
    seconds = whole // TICKS_A_SECOND["ns"]
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def in_utc(times: pl.Series) -> tuple[pl.Series, int]:
    """Dates or times as microseconds in UTC, and how many were left out as before year 200 or after 9800.

    Args:
        times: Without missing values; those without a zone count as UTC.
    """
    fits = times.to_physical().cast(pl.Int64).is_between(*_limits(times.dtype))
    kept = times.filter(fits).cast(pl.Datetime("us", getattr(times.dtype, "time_zone", None)))
    has_zone = getattr(times.dtype, "time_zone", None) is not None
    moments = kept.dt.convert_time_zone("UTC") if has_zone else kept.dt.replace_time_zone("UTC")
    return moments, int((~fits).sum())


def _limits(dtype: pl.DataType) -> tuple[int, int]:
    """First and last number that counts; nanoseconds cannot leave the years that do."""
    unit = dtype.time_unit if isinstance(dtype, pl.Datetime) else "D"
    if unit == "ns":
        return -(2**63), 2**63 - 1
    low, high = (int(end.astype(f"datetime64[{unit}]").astype(np.int64)) for end in (EARLIEST, LATEST))
    return low, high
