"""Descent: the story of what something was made from, or of what was made from it, in steps of known certainty.

Knows how a story is told, not how it is found out: that is `trace` on the way back and `impact` on the way forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import polars as pl

from assay.features.provenance import ranges
from assay.ledger.lineage import Lineage

Certainty = Literal["recorded", "exact", "at most"]
Direction = Literal["back", "forward"]
SHOWN_RANGES = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One link of a story of descent.

    Attributes:
        what: What kind of thing it is: `version`, `snapshot`, `source rows`.
        name: Which one.
        says: The facts, for a person.
        evidence: Id of the record that holds them; empty where none does.
        certainty: `recorded` in the ledger; `exact`, found by computing anew; or `at most`: an upper bound.
        figures: The same facts for a program.
    """

    what: str
    name: str
    says: str
    evidence: str = ""
    certainty: Certainty = "recorded"
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {
            "what": self.what,
            "name": self.name,
            "says": self.says,
            "evidence": self.evidence,
            "certainty": self.certainty,
            "figures": self.figures,
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """A story of descent, and the records behind it.

    Attributes:
        start: What was asked about.
        direction: `back` to what it was made from, or `forward` to what was made from it.
        steps: The story, nearest first.
        graph: The records, with the edges between them.
        origin: Id of the record that the graph starts from.
    """

    start: str
    direction: Direction
    steps: tuple[Step, ...]
    graph: Lineage
    origin: str = ""

    def lines(self) -> list[str]:
        """One fact a line, aligned; what is not simply recorded says how certain it is."""
        widths = [max((len(text) for text in texts), default=0) for texts in zip(*self._columns(), strict=True)]
        return [
            f"{what:<{widths[0]}}  {name:<{widths[1]}}  {says}{_mark(step)}"
            for (what, name, says), step in zip(self._columns(), self.steps, strict=True)
        ]

    def _columns(self) -> list[tuple[str, str, str]]:
        return [(step.what, step.name, step.says) for step in self.steps]

    def to_json(self) -> dict[str, Any]:
        """The story and the graph as JSON values."""
        steps = [step.to_json() for step in self.steps]
        return {"start": self.start, "direction": self.direction, "steps": steps, **self.graph.to_json()}


def _mark(step: Step) -> str:
    certainty = "" if step.certainty == "recorded" else f" ({step.certainty})"
    return certainty + (f"  [{step.evidence}]" if step.evidence else "")


def readable(time: str) -> str:
    """A time of the ledger or the log to the second: `2026-11-21 11:37:08 UTC`."""
    return f"{time[:10]} {time[11:19]} UTC"


def row_numbers(numbers: Sequence[int]) -> str:
    """Ascending numbers of rows as the first few of their unbroken stretches.

    Example:
        >>> row_numbers([3, 4, 5, 9])
        '3–5, 9'
    """
    stretches = ranges(numbers)
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in stretches[:SHOWN_RANGES]]
    return ", ".join([*shown, "…"] if len(stretches) > SHOWN_RANGES else shown)


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it needs one: `1 run`, `2,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def span(frame: pl.DataFrame, column: str) -> tuple[datetime, datetime]:
    """The earliest and the latest time in a column."""
    first, last = frame.select(first=pl.col(column).min(), last=pl.col(column).max()).row(0)
    return first, last
