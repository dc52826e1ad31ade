"""Evidence: what a stage found, frozen, in a form that people, gates and the hash chain all read.

Kinds are open: a room makes one by using its name, and no table lists them. Knows nothing of how records are chained
or stored (`ledger.py`) or of what any kind means to its room; `rendering.py` draws one in full.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from assay.errors import UsageError
from assay.ledger.canonical import LARGEST_INTEGER
from assay.ledger.rendering import harmless, render

Verdict = Literal["pass", "warn", "fail", "info"]

VERDICTS: tuple[str, ...] = get_args(Verdict)
_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of one stage.

    Attributes:
        kind: What was examined, dotted, the room first: `data.quality`, `leakage.time_travel`, `model.evaluation`.
        subject: What it is about, `type:name`: `source:games`, `model:win-probability@1.0.0`, `run:RUN-2026-11-21-001`.
        verdict: What it means for a gate; `info` neither helps nor hinders.
        summary: One line for a person, figures included.
        figures: What it rests on: JSON values, `None` for a figure that is undefined.
        parents: Ids of the evidence it was made from.
        run: Id of the run that found it; empty outside a run.
        id: Given by the ledger (`E-000042`); empty until recorded.
        time: When it was recorded, RFC 3339 in UTC with microseconds; empty until recorded.

    Raises:
        UsageError: The kind is not lower-case words joined by dots, or the verdict is not one of the four.
    """

    kind: str
    subject: str
    verdict: Verdict
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    run: str = ""
    id: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise UsageError(f"evidence kind {self.kind!r}: use lower-case words joined by dots, as in 'data.quality'.")
        if self.verdict not in VERDICTS:
            raise UsageError(
                f"evidence {self.kind} about {self.subject!r} has verdict {self.verdict!r}: "
                f"use one of {', '.join(VERDICTS)}."
            )

    def line(self) -> str:
        """One aligned line for a terminal: id where it is recorded, verdict, kind, summary."""
        recorded = f"{self.id:<9} " if self.id else ""
        return f"{recorded}{self.verdict:<4}  {self.kind:<24}  {harmless(' '.join(self.summary.split()))}"

    def full(self) -> str:
        """Everything it holds, for a terminal: what and when, then every figure on an aligned line of its own."""
        facts = {"subject": self.subject, "time": self.time, "run": self.run, "parents": ", ".join(self.parents)}
        head = f"{self.id or '(unrecorded)'}  {self.verdict}  {self.kind}"
        given = {name: value for name, value in facts.items() if value}
        if self.figures:
            given["figures"] = plain(self.figures)
        return harmless("\n".join([head, *(f"  {line}" for line in [self.summary, *render(given)])]))

    def to_json(self) -> dict[str, Any]:
        """Every field as plain JSON values; numbers that JSON lacks (nan, infinities) become None."""
        return {
            "id": self.id,
            "time": self.time,
            "kind": self.kind,
            "subject": self.subject,
            "verdict": self.verdict,
            "summary": self.summary,
            "figures": plain(self.figures),
            "parents": list(self.parents),
            "run": self.run,
        }


def plain(value: Any) -> Any:
    """Turn figures into plain JSON values.

    Anything with `to_json`, NumPy scalars and arrays, and dates are converted; durations become seconds, nan and the
    infinities None, and an integer beyond 2**53 - 1 becomes text, because readers of JSON would round it.

    Raises:
        TypeError: A value has no JSON form, or two keys are the same as text.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        inner = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(one) for one in inner]
    for name in ("to_json", "tolist", "to_list", "isoformat"):  # ours, NumPy's, Polars', dates'
        convert = getattr(value, name, None)
        if convert is not None:
            return plain(convert())
    raise TypeError(
        f"a figure of type {type(value).__name__} has no JSON form: {reprlib.repr(value)}. Give numbers, text or lists."
    )


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    converted = {str(name): plain(inner) for name, inner in value.items()}
    if len(converted) != len(value):
        raise TypeError(f"figures have keys that are the same as text: {sorted(map(repr, value))}. Rename one.")
    return converted
