"""Failures: a rule that rows break, with a few of them, short enough for a record that cannot be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.config.settings import Severity

EXAMPLE_ROWS = 5
SHOWN_CHARACTERS = 80  # of one value in an example: a record is no place to leak a document into
ROW_NUMBER = "number of the row"  # while examples are picked; no source has a column of that name

Examples = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that rows break.

    Attributes:
        source: Name of the source.
        column: What the rule is about; None for a rule across columns.
        rule: The rule in words.
        severity: As declared.
        about: `key`, `time`, `declared`, `freshness` or `truth`.
        count: Rows that break it.
        share: The same as a share of all rows.
        examples: Up to five of them: row number from 1, key, and the values concerned, cut to 80 characters.
    """

    source: str
    column: str | None
    rule: str
    severity: Severity
    about: str
    count: int
    share: float
    examples: Examples = ()

    def __str__(self) -> str:
        title = f"{self.column!r} {self.rule}" if self.column else self.rule
        return f"{title}: {self.count:,} rows ({self.share:.1%}) do not"


def shown(value: Any) -> str | int | float | bool | None:
    """A value as an example shows it: never more than a person needs to recognise it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
