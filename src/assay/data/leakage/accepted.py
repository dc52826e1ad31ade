"""Accepted findings: columns that a person vouches for, against checks that judge by how good a column is.

A check that judges by a score cannot tell an answer in disguise from an honest feature that happens to be superb. Who
knows says so in assay.yaml, with the reason; the finding stays on record, as a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Accepted = Mapping[str, str]
"""Reason by column."""


def settled(columns: Iterable[str], accepted: Accepted) -> dict[str, str]:
    """The reasons, by column, where every one of `columns` is vouched for; empty where one is not."""
    named = list(columns)
    return {column: accepted[column] for column in named} if named and all(one in accepted for one in named) else {}


def words(columns: Iterable[str], accepted: Accepted) -> str:
    """What is said after a finding that is accepted; nothing after another."""
    reasons = dict.fromkeys(settled(columns, accepted).values())
    return f" (accepted: {'; '.join(reasons)})" if reasons else ""
