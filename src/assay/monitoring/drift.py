"""Drift: have the rows that production sees moved away from those that the model learned from?

One pass over the rows makes their profile; from there on only counts are compared. Who is told, and whether a
retraining follows, is for `retraining` and the pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt
import polars as pl

from assay.config.settings import Monitoring
from assay.ledger.evidence import Evidence, Verdict
from assay.monitoring.causes import likely_cause
from assay.monitoring.columns import ColumnSummary
from assay.monitoring.histograms import MISSING, Histograms, histograms
from assay.monitoring.stability import kl, psi, psi_of_chance
from assay.monitoring.summaries import Profile, profile

Level = Literal["none", "warning", "retrain", "critical"]
LEVELS: tuple[Level, ...] = ("none", "warning", "retrain", "critical")
CHANCE_LEVEL = 0.01  # probability that any column of a stable system is called drifting, all columns together
SCORES_KL_WARNING = 0.1  # specification MO-3
RESPONSES: Mapping[Level, str] = {
    "none": "none needed",
    "warning": "investigate the columns named",
    "retrain": "a retraining is triggered",
    "critical": "retrain within 24 hours",
}
VERDICTS: Mapping[Level, Verdict] = {"none": "pass", "warning": "warn", "retrain": "fail", "critical": "fail"}


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far one column moved.

    Attributes:
        psi: Its stability index.
        chance: What the index could be by chance alone; below it the level is `none`.
        level: By the limits of the playbook.
        watched: Whether it counts for the whole.
        cause: In words; empty where the level is `none`.
        both: Rows per bin, at training time and now.
    """

    psi: float
    chance: float
    level: Level
    watched: bool
    cause: str
    both: Histograms

    def to_json(self) -> dict[str, Any]:
        before, now = self.both.shares(MISSING)
        return {
            "psi": self.psi,
            "chance": self.chance,
            "level": self.level,
            "watched": self.watched,
            "cause": self.cause,
            "missing_before": before,
            "missing_now": now,
            **self.both.to_json(),
        }


def compare(
    reference: Profile,
    rows: pl.DataFrame,
    *,
    monitoring: Monitoring,
    top: Sequence[str] = (),
    scores: npt.ArrayLike | None = None,
    subject: str = "",
    against: str = "training",
) -> Evidence:
    """Compare rows that production saw with the profile of the training rows; the rest is as `compare_profiles`."""
    current = profile(rows, scores=scores, like=reference)
    return compare_profiles(reference, current, monitoring=monitoring, top=top, subject=subject, against=against)


def compare_profiles(
    reference: Profile,
    current: Profile,
    *,
    monitoring: Monitoring,
    top: Sequence[str] = (),
    subject: str = "",
    against: str = "training",
) -> Evidence:
    """Judge every column and the scores by the playbook.

    Args:
        reference: Usually of the training rows; that of a recent stretch, made `like` it, shows sudden breaks instead.
        current: Made `like` the reference.
        monitoring: Limits, the fewest rows that are judged, how many of `top` are watched, and which never.
        top: Features, most important first; the first `top_features` of them decide. Empty: every column decides.
        subject: What is watched, `model:name@version`.
        against: What the reference is, in a word.

    Returns:
        Kind `monitoring.drift`. `pass` without drift, `warn` at level warning, `fail` from level retrain on, `info`
        where there are too few rows to tell. The scores can warn and no more: a model may rightly see more of a kind.
    """
    if current.n < monitoring.minimum_rows or not reference.n:
        return _too_few(reference, current, monitoring, subject, against)
    n_tests = len(reference.columns) + (reference.scores is not None)
    watched = _watched(reference, monitoring, top)
    columns = {
        name: _judge(summary, current.columns[name], monitoring, n_tests=n_tests, watched=name in watched)
        for name, summary in reference.columns.items()
    }
    columns = dict(sorted(columns.items(), key=lambda item: -item[1].psi))
    scores = _judge_scores(reference, current, monitoring, n_tests)
    levels: list[Level] = [one.level for one in columns.values() if one.watched]
    levels += [scores["level"]] if scores else []
    overall: Level = max(levels, key=LEVELS.index, default="none")
    return Evidence(
        kind="monitoring.drift",
        subject=subject,
        verdict=VERDICTS[overall],
        summary=_summary(columns, scores, overall, current.n),
        figures={
            "level": overall,
            "response": RESPONSES[overall],
            "against": against,
            "n_reference": reference.n,
            "n_rows": current.n,
            "limits": _limits(monitoring),
            "drifted": [name for name, one in columns.items() if one.level != "none"],
            "columns": {name: one.to_json() for name, one in columns.items()},
            "scores": scores,
        },
    )


def level_of(value: float, monitoring: Monitoring, *, chance: float = 0.0) -> Level:
    """The playbook's level of a stability index; `none` for what chance alone explains."""
    if value <= chance:
        return "none"
    limits = (monitoring.psi_warning, monitoring.psi_retrain, monitoring.psi_critical)
    return LEVELS[sum(value > limit for limit in limits)]


def _watched(reference: Profile, monitoring: Monitoring, top: Sequence[str]) -> set[str]:
    """The most important columns, or all where importance is not known; never those that move by design."""
    may_be = [name for name in top or reference.columns if name not in monitoring.ignore]
    chosen = set(may_be[: monitoring.top_features]) if top else set(may_be)
    return chosen & reference.columns.keys()


def _judge(
    reference: ColumnSummary, current: ColumnSummary, monitoring: Monitoring, *, n_tests: int, watched: bool
) -> ColumnDrift:
    both = histograms(reference, current)
    value = psi(both.reference, both.current)
    chance = psi_of_chance(reference.n, current.n, both.n_used, level=CHANCE_LEVEL / n_tests)
    level = level_of(value, monitoring, chance=chance)
    cause = "" if level == "none" else likely_cause(reference, current, both)
    return ColumnDrift(value, chance, level, watched, cause, both)


def _judge_scores(reference: Profile, current: Profile, monitoring: Monitoring, n_tests: int) -> dict[str, Any] | None:
    """The model's answers: a stability index as for a column, and the divergence that warns."""
    if reference.scores is None or current.scores is None:
        return None
    found = _judge(reference.scores, current.scores, monitoring, n_tests=n_tests, watched=False)
    divergence = kl(found.both.reference, found.both.current)
    moved = found.psi > found.chance and (divergence > SCORES_KL_WARNING or found.level != "none")
    cause = likely_cause(reference.scores, current.scores, found.both) if moved else ""
    return {**found.to_json(), "kl": divergence, "level": "warning" if moved else "none", "cause": cause}


def _too_few(reference: Profile, current: Profile, monitoring: Monitoring, subject: str, against: str) -> Evidence:
    reason = f"{current.n:,} rows, of at least {monitoring.minimum_rows:,} needed: no data is not no drift"
    if not reference.n:
        reason = "the reference profile holds no rows"
    return Evidence(
        kind="monitoring.drift",
        subject=subject,
        verdict="info",
        summary=f"drift not judged: {reason}",
        figures={
            "level": None,
            "reason": reason,
            "against": against,
            "n_reference": reference.n,
            "n_rows": current.n,
            "limits": _limits(monitoring),
            "drifted": [],
            "columns": {},
        },
    )


def _limits(monitoring: Monitoring) -> dict[str, float]:
    return {
        "warning": monitoring.psi_warning,
        "retrain": monitoring.psi_retrain,
        "critical": monitoring.psi_critical,
        "minimum_rows": monitoring.minimum_rows,
    }


def _summary(columns: Mapping[str, ColumnDrift], scores: Mapping[str, Any] | None, level: Level, n_rows: int) -> str:
    drifted = [(name, one) for name, one in columns.items() if one.level != "none" and one.watched]
    unwatched = sum(one.level != "none" and not one.watched for one in columns.values())
    parts = [
        f"{len(drifted)} of {sum(one.watched for one in columns.values())} watched columns drift over {n_rows:,} rows"
    ]
    if drifted:
        name, worst = drifted[0]
        parts.append(f"{name} PSI {worst.psi:.3f}, {worst.cause}")
    if scores and scores["level"] != "none":
        parts.append(f"scores KL {scores['kl']:.3f}, {scores['cause']}")
    if unwatched:
        parts.append(f"{unwatched} that are not watched drift too")
    if level != "none":
        parts.append(RESPONSES[level])
    return "; ".join(parts)
