"""Quality over time: has the score dropped, or does a rule break that held before (DQ-4)?

Compares two findings, whoever made them: two assessments of the sources, or the inputs that production saw beside the
rows that its version learnt from. When that is done is told in the pipelines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assay.config.settings import Source
from assay.data import dimensions
from assay.data.expectations import failures_of, row_count, told
from assay.data.quality import OF
from assay.data.rules import rules_of
from assay.ledger.evidence import Evidence, Verdict

KIND = "monitoring.quality"
SHOWN = 3

Failures = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found at one time.

    Attributes:
        scores: Points of 5 by dimension; nan or None where it could not be measured.
        failures: Broken rules, with the fields of `Failure`.
        what: What was looked at, for a person: `the assessment of RUN-2026-11-21-001`.
        evidence: Id of its record, where there is one.
    """

    scores: Mapping[str, float | None]
    failures: Failures
    what: str
    evidence: str = ""


def compare(before: Found, after: Found, *, allowed: float, subject: str) -> Evidence:
    """Hold a finding against an earlier one, over the dimensions that both could measure.

    Args:
        before: The earlier one.
        after: The later one.
        allowed: Points of 30 that the score may lose.
        subject: Of the evidence.

    Returns:
        Kind `monitoring.quality`: `fail` where a rule of severity error is newly broken or the score lost more than
        twice what is allowed, `warn` where a warning is newly broken or the score lost more than is allowed, otherwise
        `pass`; `info` where nothing could be compared. The summary names what broke.
    """
    both = [name for name in after.scores if _known(after.scores[name]) and _known(before.scores.get(name))]
    was, now = (_score(found.scores, both) for found in (before, after))
    newly = [one for one in after.failures if _title(one) not in {_title(other) for other in before.failures}]
    drop = was - now
    lost = {
        name: round(float(before.scores[name] or 0) - float(after.scores[name] or 0), 2)
        for name in both
        if float(before.scores[name] or 0) - float(after.scores[name] or 0) > 0.05  # of 5 points
    }
    verdict: Verdict = "pass" if both else "info"
    if newly or drop > allowed:
        is_bad = any(one["severity"] == "error" for one in newly) or drop > 2 * allowed
        verdict = "fail" if is_bad else "warn"
    figures = {
        "score": round(now, 2) if both else None,
        "before": round(was, 2) if both else None,
        "of": OF,
        "drop": round(drop, 2) if both else None,
        "allowed": allowed,
        "dimensions": both,
        "lost": lost,
        "newly_broken": list(newly),
        "against": before.what,
    }
    parents = tuple(one.evidence for one in (after, before) if one.evidence)
    return Evidence(KIND, subject, verdict, _summary(figures, after.what, newly), figures, parents)


def of_columns(name: str, frame: pl.LazyFrame, source: Source, *, what: str) -> Found:
    """Completeness, accuracy and formats of some columns of a source, so that two samples of them can be compared.

    Args:
        name: Of the source.
        frame: Holds some of its columns.
        source: Its declaration; rules about columns that `frame` lacks are left out.
        what: Names the sample.
    """
    narrowed = narrowed_to(source, frame.collect_schema().names())
    rules = rules_of(name, frame, narrowed)
    failures = failures_of(name, frame, rules, narrowed)
    measured = {
        "completeness": dimensions.completeness(frame, narrowed),
        "accuracy": dimensions.accuracy(row_count(frame), len(rules), failures),
        "formats": dimensions.formats(frame, narrowed),
    }
    return Found(
        {part: one.score for part, one in measured.items()},
        [
            {"column": one.column, "rule": one.rule, "severity": one.severity, "count": one.count, "share": one.share,
             "examples": one.examples}
            for one in failures
        ],
        what,
    )  # fmt: skip


def narrowed_to(source: Source, columns: Sequence[str]) -> Source:
    """The declaration as far as it is about single rows that hold only `columns`."""
    kept = []
    for one in source.expectations:
        about_column = one.column if one.column in columns else None
        rule = one.rule if one.rule and set(pl.sql_expr(one.rule).meta.root_names()) <= set(columns) else None
        if about_column or rule:
            kept.append(one.model_copy(update={"column": about_column, "rule": rule, "unique": None}))
    nothing: dict[str, Any] = {"key": (), "time": None, "known_before": (), "truth": None, "refresh": None}
    return source.model_copy(update={**nothing, "expectations": tuple(kept)})


def _known(score: float | None) -> bool:
    return score is not None and not math.isnan(score)


def _score(scores: Mapping[str, float | None], names: Sequence[str]) -> float:
    """Points of 30 over these dimensions."""
    return (
        sum(float(scores[name] or 0.0) for name in names) * OF / (dimensions.FULL * len(names)) if names else math.nan
    )


def _title(failure: Mapping[str, Any]) -> tuple[str, str]:
    """What tells one broken rule from another; that rows are late names a date, which differs each time."""
    rule = "freshness" if failure.get("about") == "freshness" else str(failure["rule"])
    return str(failure.get("source", "")) + str(failure["column"]), rule


def _summary(figures: Mapping[str, Any], what: str, newly: Failures) -> str:
    if figures["score"] is None:
        return f"quality of {what}: nothing to compare with {figures['against']}"
    direction = "down" if figures["drop"] > 0 else "up"
    moved = f"{direction} {abs(figures['drop']):.1f} from {figures['before']:.1f} ({figures['allowed']:g} allowed)"
    said = f"quality of {what}: {figures['score']:.1f} of {OF}, {moved}, against {figures['against']}"
    lost = ", ".join(f"{name} -{points:.1f}" for name, points in figures["lost"].items())
    said += f"; lost {lost} of 5" if lost else ""
    if newly:
        said += f"; newly broken: {'; '.join(told(one) for one in newly[:SHOWN])}"
    return said
