"""Sentences: several names in one, so that evidence and reports read as a person would say it."""

from __future__ import annotations

from collections.abc import Sequence


def enumerated(words: Sequence[str], *, most: int) -> str:
    """Words as a sentence lists them; a long list ends with how many more there are.

    Example:
        >>> enumerated(["a", "b", "c"], most=5)
        'a, b and c'
        >>> enumerated(["a", "b", "c", "d"], most=2)
        'a, b and 2 more'
    """
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most:,} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
