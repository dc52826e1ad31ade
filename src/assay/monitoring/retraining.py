"""Triggers: does what monitoring found call for a new version, and has one been called for already?

Decides and says why; training is the pipelines' work. Several reasons at once are one trigger, a trigger that waits is
not repeated, and after each there is a pause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from assay.config.settings import Retraining
from assay.ledger.evidence import Evidence

KIND = "retraining.trigger"
DRIFT, PERFORMANCE = "monitoring.drift", "monitoring.performance"
CRITICAL_WITHIN = timedelta(hours=24)  # specification DR-2
SUSTAINED = timedelta(hours=24)  # specification RT-1

Urgency = Literal["normal", "critical"]


def triggers(
    evidences: Sequence[Evidence],
    *,
    now: datetime,
    retraining: Retraining,
    last: Evidence | None,
    waiting: bool = False,
    sustained: timedelta = SUSTAINED,
) -> Evidence | None:
    """Turn what monitoring found into at most one trigger.

    A watched column at level retrain or critical calls for retraining, and so does a failing performance. Only the
    newest evidence of each kind, subject and window counts, and only if it is newer than the last trigger.

    Args:
        evidences: Recorded drift and performance evidence, in any order; other kinds are passed over.
        now: Aware.
        retraining: Holds the cool-down.
        last: The newest trigger recorded, whoever asked for it.
        waiting: Whether `last` has not been acted on yet; then nothing is added to it.
        sustained: How long performance must have been too low: the labels of one failing window span as much, or
            failures followed each other for as long without a pass in between.

    Returns:
        Kind `retraining.trigger`, to be recorded, its parents the evidence that calls for it; None where nothing does,
        while a trigger waits, and during the cool-down.
    """
    if waiting or not _is_cool(last, now, retraining):
        return None
    fresh = [one for one in evidences if last is None or not one.time or one.time > last.time]
    calling = [one for one in _newest(fresh) if _calls(one, fresh, now, sustained)]
    if not calling:
        return None
    urgency: Urgency = "critical" if any(map(_is_critical, calling)) else "normal"
    reasons = [_reason(one) for one in calling]
    return Evidence(
        kind=KIND,
        subject=calling[0].subject,
        verdict="warn",
        summary=f"retraining triggered by {'; '.join(reasons)}",
        figures={
            "source": sorted({one.kind.removeprefix("monitoring.") for one in calling}),
            "reasons": reasons,
            "urgency": urgency,
            "retrain_before": now + CRITICAL_WITHIN if urgency == "critical" else None,
            "cooldown_until": now + retraining.cooldown,
        },
        parents=tuple(one.id for one in calling if one.id),
    )


def requested(reason: str, *, subject: str, actor: str, now: datetime, retraining: Retraining) -> Evidence:
    """The trigger of a person, who need not wait for the cool-down; it begins one for the automatic triggers."""
    return Evidence(
        kind=KIND,
        subject=subject,
        verdict="info",
        summary=f"retraining asked for by {actor}: {reason or 'no reason given'}",
        figures={
            "source": ["person"],
            "actor": actor,
            "reasons": [reason],
            "urgency": "normal",
            "retrain_before": None,
            "cooldown_until": now + retraining.cooldown,
        },
    )


def _is_cool(last: Evidence | None, now: datetime, retraining: Retraining) -> bool:
    return last is None or not last.time or now >= datetime.fromisoformat(last.time) + retraining.cooldown


def _newest(evidences: Iterable[Evidence]) -> list[Evidence]:
    """The newest of each kind, subject and window, in order of kind; unrecorded evidence is newest of all."""
    ordered = sorted(evidences, key=lambda one: (one.time == "", one.time))
    return sorted({_series(one): one for one in ordered}.values(), key=_series)


def _series(evidence: Evidence) -> tuple[str, str, str]:
    return evidence.kind, evidence.subject, str(evidence.figures.get("window", evidence.figures.get("against", "")))


def _calls(evidence: Evidence, all_of_them: Sequence[Evidence], now: datetime, sustained: timedelta) -> bool:
    if evidence.verdict != "fail":
        return False
    if evidence.kind == DRIFT:
        return evidence.figures.get("level") in ("retrain", "critical")
    if evidence.kind != PERFORMANCE:
        return False
    return _span(evidence) >= sustained or now - _failing_since(evidence, all_of_them, now) >= sustained


def _span(evidence: Evidence) -> timedelta:
    """How long the labels took to arrive on which a performance rests."""
    first, last = (_moment(evidence.figures.get(name)) for name in ("first_received", "last_received"))
    return last - first if first is not None and last is not None else timedelta(0)


def _moment(value: datetime | str | None) -> datetime | None:
    """A time from figures: as it was given, or as text once the ledger has stored it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _failing_since(evidence: Evidence, all_of_them: Sequence[Evidence], now: datetime) -> datetime:
    """When the unbroken row of failures began that ends in `evidence`; what could not be judged breaks no row."""
    series = [one for one in all_of_them if _series(one) == _series(evidence) and one.time]
    begun = now
    for one in sorted(series, key=lambda one: one.time, reverse=True):
        if one.verdict in ("pass", "warn"):
            break
        if one.verdict == "fail":
            begun = datetime.fromisoformat(one.time)
    return begun


def _is_critical(evidence: Evidence) -> bool:
    return evidence.kind == PERFORMANCE or evidence.figures.get("level") == "critical"


def _reason(evidence: Evidence) -> str:
    """In words, with the evidence's id."""
    figures: Any = evidence.figures
    if evidence.kind == PERFORMANCE:
        words = f"{figures['metric']} {figures['drop']:.1%} worse than at release over {figures['window']}"
    else:
        moved = [f"{name} (PSI {one['psi']:.3f})" for name, one in figures["columns"].items() if _is_reason(one)]
        words = f"{figures['level']} drift of {', '.join(moved)} against {figures['against']}"
    return f"{words}, {evidence.id}" if evidence.id else words


def _is_reason(column: Any) -> bool:
    return bool(column["watched"]) and column["level"] in ("retrain", "critical")
