"""Lengths of time as people write them: `7d`, `12h`, `30m`, `1d12h`, ISO 8601, or a number of seconds.

What could be read in two ways is refused: `1:30` may be minutes or hours, and a month has no fixed length.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = timedelta(days=36_525)  # a century: longer is a slip of the pen
HOW_TO_WRITE = "write 7d, 12h, 30m, 90s, 500ms, 1d12h, ISO 8601 such as P7DT12H, or a number of seconds"

MICROSECONDS = {
    "w": 604_800_000_000, "week": 604_800_000_000, "weeks": 604_800_000_000,
    "d": 86_400_000_000, "day": 86_400_000_000, "days": 86_400_000_000,
    "h": 3_600_000_000, "hour": 3_600_000_000, "hours": 3_600_000_000,
    "m": 60_000_000, "min": 60_000_000, "minute": 60_000_000, "minutes": 60_000_000,
    "s": 1_000_000, "second": 1_000_000, "seconds": 1_000_000,
    "ms": 1_000, "us": 1,
}  # fmt: skip
SHOWN = ("d", "h", "m", "s", "ms", "us")

_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?", re.ASCII)
_PART = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([a-z]+)\s*", re.ASCII)
_ISO = re.compile(
    r"P(?=.)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
_ISO_UNITS = ("w", "d", "h", "m", "s")


def parse_duration(value: Any) -> timedelta:
    """Read a length of time, at least zero and at most a century.

    Raises:
        ValueError: It is none; the message says how to write one and never repeats the value.

    Example:
        >>> parse_duration("1d12h") == timedelta(hours=36)
        True
    """
    if isinstance(value, timedelta):
        found = value
    elif isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"not a length of time; {HOW_TO_WRITE}")
    elif isinstance(value, str):
        found = _from_text(value.strip())
    else:
        found = _from_microseconds(float(value) * 1e6)
    if not timedelta(0) <= found <= LONGEST:
        raise ValueError("a length of time must be between zero and a century")
    return found


def format_duration(value: timedelta) -> str:
    """Write a length of time so that it reads back as the same one: `1d12h`, `500ms`, `0s`."""
    left = value // timedelta(microseconds=1)
    parts = []
    for unit in SHOWN:
        count, left = divmod(left, MICROSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def spoken_duration(value: timedelta) -> str:
    """Say roughly how long, in the largest unit that fits, to one decimal.

    Example:
        >>> spoken_duration(timedelta(hours=36)), spoken_duration(timedelta(days=1))
        ('1.5 days', '1 day')
    """
    for unit in ("day", "hour", "minute"):
        amount = value / timedelta(microseconds=MICROSECONDS[unit])
        if amount >= 1:
            break
    else:
        unit, amount = "second", value.total_seconds()
    shown = f"{amount:.1f}".removesuffix(".0")
    return f"{shown} {unit}" if shown == "1" else f"{shown} {unit}s"


def _from_text(text: str) -> timedelta:
    if _NUMBER.fullmatch(text):
        return _from_microseconds(float(text) * 1e6)
    iso = _ISO.fullmatch(text)
    if iso:
        amounts = zip(iso.groups(), _ISO_UNITS, strict=True)
        return _from_microseconds(sum(float(amount or 0) * MICROSECONDS[unit] for amount, unit in amounts))
    if re.fullmatch(r"P.*", text):
        raise ValueError(f"not an ISO 8601 length of fixed size (years and months have none); {HOW_TO_WRITE}")
    if ":" in text:
        raise ValueError(f"a clock time can be read in two ways; {HOW_TO_WRITE}")
    return _from_parts(text)


def _from_parts(text: str) -> timedelta:
    total, position = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        if part[2] not in MICROSECONDS:
            raise ValueError(f"not a unit of time after the number; {HOW_TO_WRITE}")
        total += float(part[1]) * MICROSECONDS[part[2]]
        position = part.end()
    if position != len(text) or not text:
        raise ValueError(f"not a length of time; {HOW_TO_WRITE}")
    return _from_microseconds(total)


def _from_microseconds(count: float) -> timedelta:
    if not math.isfinite(count) or abs(count) > 1e18:
        raise ValueError("a length of time must be between zero and a century")
    return timedelta(microseconds=round(count))


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "description": "seconds"},
                {"type": "string", "description": "7d, 12h, 30m, 90s, 1d12h or ISO 8601"},
            ]
        }
    ),
]
