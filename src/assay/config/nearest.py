"""The nearest known word to a misspelt one, for errors that teach."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_WORD = 60  # distances are quadratic in it; no key of ours is half as long


def distance(one: str, other: str) -> int:
    """Typing errors between two words: insertions, deletions, substitutions and swaps of neighbours.

    Source:
        Optimal string alignment, the restricted form of Damerau (1964), A technique for computer detection and
        correction of spelling errors.

    Example:
        >>> distance("serving", "srevign")
        2
    """
    older: list[int] = []
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        older, above, row = above, row, [i]
        for j, right in enumerate(other, start=1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """The words of `known` closest to `word`, ties included; empty where none is close enough to be meant.

    Close enough is one error, or one for every three letters of the longer word.
    """
    if len(word) > LONGEST_WORD:
        return ()
    close = []
    for one in known:
        allowed = max(1, max(len(word), len(one)) // 3)
        if len(one) <= LONGEST_WORD and abs(len(word) - len(one)) <= allowed:
            errors = distance(word.lower(), one.lower())
            close.extend([(errors, one)] if errors <= allowed else [])
    best = min((errors for errors, _ in close), default=0)
    return tuple(one for errors, one in close if errors == best)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known words; empty where none is near.

    Example:
        >>> did_you_mean("prot", ["host", "port"])
        "did you mean 'port'?"
    """
    found = nearest(word, known)
    return f"did you mean {' or '.join(repr(one) for one in found)}?" if found else ""
