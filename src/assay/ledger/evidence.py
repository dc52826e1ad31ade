"""Evidence: what a stage found, frozen, in a form that people, gates and the hash chain all read.

Knows nothing of how records are chained or stored (`ledger.py`) or of what any kind means to its room.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "warn", "fail", "info"]


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

    def line(self) -> str:
        """One aligned line for a terminal: id, verdict, kind, summary."""
        return f"{self.id or '(unrecorded)':<9} {self.verdict:<4}  {self.kind:<24}  {self.summary}"

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
    """Turn figures into plain JSON values: anything with `to_json`, NumPy scalars and arrays, dates, nan -> None.

    Raises:
        TypeError: A value has no JSON form.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        inner = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(one) for one in inner]
    for name in ("to_json", "tolist", "isoformat"):  # ours, NumPy's, dates'
        convert = getattr(value, name, None)
        if convert is not None:
            return plain(convert())
    raise TypeError(
        f"a figure of type {type(value).__name__} has no JSON form: {value!r}. Give numbers, text or lists."
    )
