"""Nested figures as indented, aligned lines for a terminal; and what a terminal must not be given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDTH = 100
MOST_ITEMS = 50  # of one list; the rest is counted, and `--json` shows it
CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}  # all but tab and line end


def harmless(text: str) -> str:
    """Text with its control characters written out: what stands in data or in an event cannot command a terminal."""
    return text.translate(CONTROL)


def render(values: Mapping[str, Any]) -> list[str]:
    """One line a value, names padded to one width; a nested mapping or a long list follows its name, indented."""
    width = max((len(name) for name, value in values.items() if _inline(value) is not None), default=0)
    lines: list[str] = []
    for name, value in values.items():
        short = _inline(value)
        if short is not None:
            lines.append(f"{name:<{width}}  {short}")
        else:
            lines += [name, *(f"  {line}" for line in _block(value))]
    return lines


def _block(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return render(value)
    if isinstance(value, list):
        shown = [line for item in value[:MOST_ITEMS] for line in _item(item)]
        return shown + ([f"… and {len(value) - MOST_ITEMS:,} more"] if len(value) > MOST_ITEMS else [])
    return [line.rstrip() for line in str(value).splitlines()]


def _item(value: Any) -> list[str]:
    short = _inline(value)
    lines = [short] if short is not None else _block(value)
    return [f"{'-' if number == 0 else ' '} {line}" for number, line in enumerate(lines)]


def _inline(value: Any) -> str | None:
    """The value on one line; None where it needs lines of its own."""
    if isinstance(value, str):
        return value if "\n" not in value else None
    if isinstance(value, Mapping):
        return None if value else "none"
    if isinstance(value, list):
        return _inline_list(value)
    return _scalar(value)


def _inline_list(value: list[Any]) -> str | None:
    if not value:
        return "none"
    if len(value) > MOST_ITEMS or any(isinstance(one, Mapping | list) for one in value):
        return None
    text = ", ".join(_scalar(one) for one in value)
    return text if len(text) <= WIDTH and "\n" not in text else None


def _scalar(value: Any) -> str:
    """Numbers to six significant digits (the whole is in the record), undefined ones by that word."""
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
