"""Events: from the bytes of a topic to rows in the types of their source, or to a reason why not.

An event is a JSON object with an id, the source's time and any of its other columns. How a text is read as a time is
given, so that streams and files are read alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import polars as pl

from assay.features.definitions import KNOWN_AT
from assay.stores.bus import Message

EVENT_TIME = "event_time"
SHOWN_CHARACTERS = 60
FaultKind = Literal["too large", "not an object", "no id", "missing", "wrong type", "no time", "future"]
BOUNDS: dict[type[pl.DataType], tuple[int, int]] = {
    pl.Int8: (-(2**7), 2**7 - 1), pl.Int16: (-(2**15), 2**15 - 1), pl.Int32: (-(2**31), 2**31 - 1),
    pl.UInt8: (0, 2**8 - 1), pl.UInt16: (0, 2**16 - 1), pl.UInt32: (0, 2**32 - 1), pl.UInt64: (0, 2**64 - 1),
}  # fmt: skip
LONG = (-(2**63), 2**63 - 1)
Times = Callable[[str, Sequence[str]], "list[int | None]"]


@dataclass(frozen=True, slots=True)
class EventForm:
    """What an event of a topic must look like.

    Attributes:
        types: Type of each column of the source that an event can bring; columns that Assay adds are not among them.
        time: Column with the time of the event.
        id: Field that names the event.
        keys: Columns that must not be missing: what views are partitioned by.
        delay_us: From an event's time until it counts as known.
        max_bytes: Largest event.
        max_ahead_us: How far its time may lie ahead of the clock.
        times: Reads texts of a column as microseconds since 1970, UTC; None where one is no time.
    """

    types: Mapping[str, pl.DataType]
    time: str
    id: str
    keys: tuple[str, ...]
    delay_us: int
    max_bytes: int
    max_ahead_us: int
    times: Times


@dataclass(frozen=True, slots=True)
class Event:
    """One event, read.

    Attributes:
        id: Its name; the same name is the same event.
        known_us: When it became known, microseconds since 1970, UTC.
        row: Its values by column as JSON holds them; times as microseconds, dates as days.
    """

    id: str
    known_us: int
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event cannot be used: of which kind the fault is, to count it by, and in words."""

    kind: FaultKind
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that cannot be used, and why."""

    message: Message
    fault: Fault


def read_events(messages: Sequence[Message], form: EventForm, *, now_us: int) -> tuple[list[Event], list[Rejected]]:
    """Read messages; each comes back as an event or as rejected, in order.

    Args:
        messages: As the bus gave them.
        form: What they must look like.
        now_us: The present, microseconds since 1970.
    """
    bad: list[Rejected] = []
    good: list[tuple[Message, dict[str, Any]]] = []
    for message in messages:
        content = _content(message.data, form)
        if isinstance(content, Fault):
            bad.append(Rejected(message, content))
        else:
            good.append((message, content))
    moments = _moments([content for _, content in good], form)
    events: list[Event] = []
    for number, (message, content) in enumerate(good):
        read = _event(content, {name: column[number] for name, column in moments.items()}, form, now_us)
        if isinstance(read, Fault):
            bad.append(Rejected(message, read))
        else:
            events.append(read)
    return events, bad


def frame_of(rows: Sequence[tuple[int, Mapping[str, Any]]], form: EventForm) -> pl.DataFrame:
    """Rows that events hold, each with when it was known, as the source's frame: its columns, event_time, known_at."""
    columns = {name: [row.get(name) for _, row in rows] for name in form.types}
    frame = pl.DataFrame(
        [pl.Series(name, values, dtype=_held_as(form.types[name]), strict=False) for name, values in columns.items()]
    ).with_columns(pl.col(name).cast(dtype) for name, dtype in form.types.items())
    known = pl.Series(KNOWN_AT, [known_us for known_us, _ in rows], dtype=pl.Int64)
    clock = pl.Datetime("us", "UTC")
    return frame.with_columns((known - form.delay_us).cast(clock).alias(EVENT_TIME), known.cast(clock))


def readable(types: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """The columns that an event can bring: numbers, texts, flags, dates and times; lists and the like are left null."""
    return {
        name: dtype
        for name, dtype in types.items()
        if name not in (EVENT_TIME, KNOWN_AT) and (_is_text(dtype) or _is_moment(dtype) or _is_plain(dtype))
    }


def _content(data: bytes, form: EventForm) -> dict[str, Any] | Fault:
    """The object with the fields of `form`, each of a fitting kind; or what is wrong."""
    if len(data) > form.max_bytes:
        return Fault("too large", f"it has {len(data):,} bytes, more than {form.max_bytes:,}")
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return Fault("not an object", f"it is not JSON: {error}")
    if not isinstance(content, dict):
        return Fault("not an object", f"it is a {type(content).__name__}, not an object")
    name = content.get(form.id)
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        return Fault("no id", f"it has no id: {form.id!r} is {_shown(name)}")
    for column in (form.time, *form.keys):
        if content.get(column) is None:
            return Fault("missing", f"{column!r} is missing")
    for column, dtype in form.types.items():
        wrong = _misfit(content.get(column), dtype, is_time=column == form.time)
        if wrong:
            return Fault("wrong type", f"{column!r} is {_shown(content[column])}, {wrong}")
    return content


def _misfit(value: Any, dtype: pl.DataType, *, is_time: bool) -> str | None:
    """Why a value cannot be of a type; None where it can."""
    if value is None:
        return None
    if isinstance(dtype, pl.Enum):
        return None if value in dtype.categories.to_list() else f"none of {', '.join(dtype.categories.head(10))}"
    if dtype == pl.Boolean:
        return None if isinstance(value, bool) else "not true or false"
    if is_time or _is_moment(dtype) or _is_text(dtype):
        is_number_of_time = is_time and isinstance(value, int) and not isinstance(value, bool)
        return None if isinstance(value, str) or is_number_of_time else "not a text"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not a number"
    if dtype.is_integer():
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        return None if whole and _fits(int(value), dtype) else f"no {dtype}"
    return None


def _moments(contents: Sequence[Mapping[str, Any]], form: EventForm) -> dict[str, list[int | None]]:
    """The time of every event and its other columns of times, read a column at a time."""
    columns = [form.time, *(name for name, dtype in form.types.items() if _is_moment(dtype) and name != form.time)]
    texts = {name: [str(one[name]) if one.get(name) is not None else "" for one in contents] for name in columns}
    return {name: form.times(name, column) if column else [] for name, column in texts.items()}


def _event(
    content: Mapping[str, Any], moments: Mapping[str, int | None], form: EventForm, now_us: int
) -> Event | Fault:
    for column, moment in moments.items():
        if moment is None and content.get(column) is not None:
            return Fault("no time", f"{column!r} is {_shown(content[column])}, which is no time")
        if moment is not None and not _holds(form.types.get(column), moment):
            return Fault(
                "no time", f"{column!r} is {_shown(content[column])}, outside what {form.types[column]} can hold"
            )
    time_us = moments[form.time]
    assert time_us is not None  # it is not missing and was read
    if time_us > now_us + form.max_ahead_us:
        ahead = (time_us - now_us) / 1_000_000
        return Fault("future", f"{form.time!r} is {_shown(content[form.time])}, {ahead:,.0f} s in the future")
    row = {name: _held(content.get(name), moments.get(name), dtype) for name, dtype in form.types.items()}
    return Event(str(content[form.id]), time_us + form.delay_us, row)


def _held(value: Any, moment_us: int | None, dtype: pl.DataType) -> Any:
    """A value as the state keeps it."""
    if value is None:
        return None
    if isinstance(dtype, pl.Datetime):
        return _in_unit(moment_us or 0, dtype)
    if dtype == pl.Date:
        return (moment_us or 0) // 86_400_000_000
    if dtype.is_integer():
        return int(value)
    return str(value) if _is_text(dtype) else value


def _holds(dtype: pl.DataType | None, moment_us: int) -> bool:
    """Whether a column can hold the moment: in nanoseconds there are times from 1677 to 2262 alone."""
    return not isinstance(dtype, pl.Datetime) or LONG[0] <= _in_unit(moment_us, dtype) <= LONG[1]


def _in_unit(moment_us: int, dtype: pl.Datetime) -> int:
    return {"ms": moment_us // 1000, "us": moment_us, "ns": moment_us * 1000}[dtype.time_unit]


def _held_as(dtype: pl.DataType) -> pl.DataType:
    """Type of a column before it is cast to its own."""
    if isinstance(dtype, pl.Datetime):
        return pl.Int64()
    if dtype == pl.Date:
        return pl.Int32()
    return pl.String() if _is_text(dtype) else dtype


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _is_moment(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) or dtype == pl.Date


def _is_plain(dtype: pl.DataType) -> bool:
    return dtype == pl.Boolean or dtype.is_integer() or dtype.is_float()


def _fits(value: int, dtype: pl.DataType) -> bool:
    low, high = BOUNDS.get(type(dtype), LONG)
    return low <= value <= high


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
