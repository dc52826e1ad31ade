"""A report of a stretch of time: how goals stand, what asked for attention, what changed (FR-5).

Arranges records and counts; measures nothing. Which records there are is told in `pipelines.reporting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.ledger.evidence import Evidence, Verdict
from assay.pages.render import render

CHANGES = ("model.registered", "model.stage", "training.experiment", "retraining.trigger")
NOT_NEWS = ("monitoring.goal", "monitoring.report")  # told apart, or of the report itself
MOST_SHOWN = 100
FIELDS = ("id", "time", "verdict", "kind", "subject", "summary")


@dataclass(frozen=True, slots=True)
class Period:
    """What happened between two moments.

    Attributes:
        project: Its name.
        since: First moment told of.
        until: Moment of the report.
        production: `name@version` that serves; empty where nothing does.
        goals: Each judged now.
        attention: Records that warn or fail, newest first.
        changes: Versions, stages, experiments and triggers, oldest first.
        traffic: Predictions, labels and latency, in words by name.
        n_records: How many records the ledger took in.
    """

    project: str
    since: datetime
    until: datetime
    production: str
    goals: tuple[Evidence, ...]
    attention: tuple[Evidence, ...]
    changes: tuple[Evidence, ...]
    traffic: Mapping[str, str]
    n_records: int

    @property
    def verdict(self) -> Verdict:
        """`fail` where a goal is missed or something failed, `warn` where a goal is at risk or something warns."""
        verdicts = {one.verdict for one in (*self.goals, *self.attention)}
        return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "pass"

    @property
    def headline(self) -> str:
        """The state in a sentence: goals first."""
        states = [str(one.figures["state"]) for one in self.goals]
        counted = [f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states))]
        n_failed = sum(one.verdict == "fail" for one in self.attention)
        n_warned = len(self.attention) - n_failed
        goals = f"goals: {', '.join(counted)}" if counted else "no goals are declared"
        return f"{goals}; {n_failed} records failed and {n_warned} warned"

    def to_json(self) -> dict[str, Any]:
        return {
            "project": self.project,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "production": self.production or None,
            "verdict": self.verdict,
            "headline": self.headline,
            "goals": [one.to_json() for one in self.goals],
            "attention": _short(self.attention),
            "changes": _short(self.changes),
            "traffic": dict(self.traffic),
            "records": self.n_records,
        }


def period(
    records: Sequence[Evidence],
    goals: Sequence[Evidence],
    traffic: Mapping[str, str],
    *,
    project: str,
    production: str,
    since: datetime,
    until: datetime,
) -> Period:
    """Arrange the records of a stretch.

    Args:
        records: Of the stretch, in order.
        goals: Each goal, judged now.
        traffic: What the log holds of the stretch, in words by name.
    """
    news = [one for one in records if one.kind not in NOT_NEWS]
    attention = tuple(one for one in reversed(news) if one.verdict in ("warn", "fail"))
    changes = tuple(one for one in news if one.kind in CHANGES)
    return Period(project, since, until, production, tuple(goals), attention, changes, traffic, len(records))


def html(told: Period) -> str:
    """The report as one self-contained page; of long lists it shows the newest hundred and says so."""
    return render(
        "assay.monitoring",
        "period.html",
        told=told,
        attention=told.attention[:MOST_SHOWN],
        changes=told.changes[-MOST_SHOWN:],
        since=told.since.isoformat(),
        until=told.until.isoformat(),
    )


def _short(records: Sequence[Evidence]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.to_json().items() if name in FIELDS} for one in records]
