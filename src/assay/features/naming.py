"""What a feature may be called: `{entity}_{feature}_{window}_{aggregation}`, the last two where they apply.

The rule, exactly:

1. Lower snake case: words of a-z and 0-9 joined by single underscores, the first one starting with a letter.
2. The entity's name comes first, and at least one further word says what is measured: `team_streak`.
3. A window (`10g`, `30d`, `12h`, ...: a whole number and a unit) stands second to last, and an aggregation ends the
   name: `team_points_10g_mean`. `season`, `all` and the like are windows too where an aggregation follows them.
4. An aggregation may end a name that has no window; it then means all of the past: `customer_refund_count`.

A name of a request feature follows rule 1 alone: it belongs to a row, not to an entity.
"""

from __future__ import annotations

import re

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# seconds, minutes, hours, days, weeks, months, quarters, years; games; rows (n)
WINDOW = re.compile(r"[1-9][0-9]*(s|min|h|d|w|m|mo|q|y|g|n)")
AGGREGATIONS = (
    "mean", "sum", "std", "var", "min", "max", "median", "range", "count", "distinct", "first", "last", "lag",
    "rate", "share", "ratio", "trend", "slope", "delta", "mode", "any",
)  # fmt: skip
QUANTILE = re.compile(r"p[0-9]{1,2}")


def problem(name: str, *, entity: str) -> str | None:
    """Say what is wrong with the name of an entity's feature, and what would be right; None where nothing is."""
    snake = snake_case_problem(name)
    if snake:
        return snake
    if not name.startswith(f"{entity}_"):
        return f"'{name}' does not start with its entity. Call it '{entity}_{name}'."
    words = name.removeprefix(f"{entity}_").split("_")
    windows = [place for place, word in enumerate(words) if WINDOW.fullmatch(word)]
    if not windows:
        return None
    window = words[windows[0]]
    if len(windows) > 1:
        return f"'{name}' names {len(windows)} windows. Keep one: '{entity}_<feature>_{window}_<aggregation>'."
    rest = [word for word in words if word != window]
    if words[-2:-1] == [window] and is_aggregation(words[-1]) and len(words) > 2:
        return None
    return f"'{name}' has its window '{window}' out of place. Call it '{_in_order(entity, rest, window)}'."


def snake_case_problem(name: str) -> str | None:
    """Say what is wrong with a name that must be lower snake case; None where nothing is."""
    if SNAKE_CASE.fullmatch(name):
        return None
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]
    suggestion = "_".join(words) if words and words[0][0].isalpha() else "lower_case_words"
    return f"'{name}' is not lower snake case. Call it '{suggestion}'."


def is_aggregation(word: str) -> bool:
    """Whether a word can end a feature's name after a window."""
    return word in AGGREGATIONS or QUANTILE.fullmatch(word) is not None


def _in_order(entity: str, rest: list[str], window: str) -> str:
    aggregation = next((word for word in reversed(rest) if is_aggregation(word)), None)
    measured = [word for word in rest if word != aggregation] or ["<feature>"]
    return "_".join([entity, *measured, window, aggregation or "<aggregation>"])
