"""Event time: from dates and times as sources write them to one clock, and from there to when a row was known.

Text is read by the declared format or as ISO 8601, never by guessing: `02/03/2015` has two meanings.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from polars.exceptions import PolarsError

from assay.config.settings import Source
from assay.data.addressed import first_line
from assay.errors import ConfigError, DataError

EVENT_TIME = "event_time"
KNOWN_AT = "known_at"
CLOCK = pl.Datetime("us", "UTC")
ISO_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M%#z", "%Y-%m-%d %H:%M", "%Y-%m-%d")
EXAMPLES = 3
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)  # the years 1 to 9999
FIRST_DAY, LAST_DAY = -719_162, 2_932_896  # the same, counted from 1970
A_DAY = {"ms": 86_400_000, "us": 86_400_000_000}


def add(name: str, frame: pl.LazyFrame, schema: pl.Schema, source: Source) -> pl.LazyFrame:
    """Add `event_time` and `known_at` where the source has a time; otherwise leave the frame as it is.

    Raises:
        ConfigError: The column holds neither times nor text, or the format does not make sense.
        DataError: Not one time of the source can be read.
    """
    if source.time is None:
        return frame
    moment = parsed(name, source.time, schema[source.time], source.time_format)
    timed = frame.with_columns(moment.alias(EVENT_TIME))
    _refuse_unreadable(name, frame.select(raw=pl.col(source.time), moment=moment), source)
    return timed.with_columns(_within(pl.col(EVENT_TIME) + pl.lit(source.delay)).alias(KNOWN_AT))


def of_this_calendar(schema: pl.Schema) -> list[pl.Expr]:
    """Columns of dates and times, each value outside the years 1 to 9999 as null.

    A file can hold such values, but no calendar has them: writing one as text ends the process.
    """
    return [
        pl.when(pl.col(name).to_physical().is_between(*limits)).then(pl.col(name)).alias(name)
        for name, dtype in schema.items()
        if (limits := _limits(dtype)) is not None
    ]


def _limits(dtype: pl.DataType) -> tuple[int, int] | None:
    """Least and greatest number of a type of date or time; a day less where zones move it. None: all will do."""
    if dtype == pl.Date:
        return FIRST_DAY, LAST_DAY
    if not isinstance(dtype, pl.Datetime) or dtype.time_unit not in A_DAY:
        return None  # nanoseconds reach from 1677 to 2262
    day, moved = A_DAY[dtype.time_unit], 1 if dtype.time_zone else 0
    return (FIRST_DAY + moved) * day, (LAST_DAY + 1 - moved) * day - 1


def parsed(name: str, column: str, dtype: pl.DataType, time_format: str | None) -> pl.Expr:
    """The column as Datetime in microseconds, UTC; null where it cannot be read. Times without a zone are UTC.

    A time outside the years 1 to 9999 is none: it is milliseconds that were read as seconds, or the like.

    Raises:
        ConfigError: The type holds no time.
    """
    return _within(_moment(name, column, dtype, time_format))


def _within(moment: pl.Expr) -> pl.Expr:
    return pl.when(moment.is_between(EARLIEST, LATEST)).then(moment)


def _moment(name: str, column: str, dtype: pl.DataType, time_format: str | None) -> pl.Expr:
    value = pl.col(column)
    if isinstance(dtype, pl.Datetime):
        in_utc = value.dt.convert_time_zone("UTC") if dtype.time_zone else value.dt.replace_time_zone("UTC")
        return in_utc.cast(CLOCK)
    if dtype == pl.Date:
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_integer() and time_format:
        return _by_format(value.cast(pl.String), time_format)
    if dtype in (pl.String, pl.Null) or isinstance(dtype, pl.Categorical | pl.Enum):
        text = value.cast(pl.String).str.strip_chars()
        return _by_format(text, time_format) if time_format else iso(text)
    raise ConfigError(
        f"sources.{name}.time: column {column!r} holds {dtype}, which is no time. Where it counts seconds since 1970, "
        "set time_format: '%s'; where it holds years or dates as numbers set their format, such as '%Y' or '%Y%m%d'; "
        "otherwise write it as a date or an ISO 8601 text in the source."
    )


def _by_format(text: pl.Expr, time_format: str) -> pl.Expr:
    moment = text.str.to_datetime(time_format, time_unit="us", strict=False)
    has_zone = any(mark in time_format for mark in ("%z", "%:z", "%#z", "%+"))
    return moment.cast(CLOCK) if has_zone else moment.dt.replace_time_zone("UTC")


def iso(text: pl.Expr) -> pl.Expr:
    """ISO 8601 with `T` or a blank between date and time; the first form that fits."""
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt]", "$1 ")
    return pl.coalesce(_by_format(plain, form) for form in ISO_FORMATS)


def _refuse_unreadable(name: str, times: pl.LazyFrame, source: Source) -> None:
    """A format that fits no row at all is a slip in assay.yaml; a few bad rows are a finding about the data."""
    unread = pl.col("raw").is_not_null() & pl.col("moment").is_null()
    try:
        counted = times.select(readable=pl.col("moment").is_not_null().sum(), unread=unread.sum())
        readable, n_unread = counted.collect(engine="streaming").row(0)
    except PolarsError as failure:
        raise ConfigError(
            f"sources.{name}.time_format: {source.time_format!r} cannot read column {source.time!r}: "
            f"{first_line(failure)}. Give a strptime format, such as '%m/%d/%Y'."
        ) from failure
    if n_unread and not readable:
        examples = times.filter(unread).select(pl.col("raw").cast(pl.String)).head(EXAMPLES).collect(engine="streaming")
        shown = ", ".join(repr(one[:40]) for one in examples["raw"])
        how = f"as {source.time_format!r}" if source.time_format else "as ISO 8601 (2015-06-16, 2015-06-16T20:30:00Z)"
        raise DataError(
            f"sources.{name}.time: none of the {n_unread:,} values in column {source.time!r} can be read {how}: "
            f"{shown}. Set sources.{name}.time_format, such as '%m/%d/%Y'."
        )
