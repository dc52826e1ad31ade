"""The quality score: six dimensions of 0 to 5 from the data itself, and what to fix first (DQ-1, DQ-2).

How each dimension is measured is `dimensions`; whether the run goes on is the pipeline's gate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from assay.config.settings import Source
from assay.data import dimensions
from assay.data.dimensions import FULL, Dimension
from assay.data.event_time import KNOWN_AT
from assay.data.expectations import failures_of, row_count
from assay.data.rules import rules_of
from assay.data.truth import reconcile
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame

OF = 30
FIXED_ENOUGH = 4.5


def assess(
    frames: Mapping[str, pl.LazyFrame],
    sources: Mapping[str, Source],
    *,
    labels: LabelledFrame | None,
    now: datetime,
    minimum: float,
    newest: Mapping[str, datetime | None] | None = None,
    truths: Mapping[str, pl.LazyFrame] | None = None,
) -> Evidence:
    """Score the data of a project from 0 to 30.

    Completeness, accuracy, consistency and timeliness are measured for each source; their score is halfway between
    the mean and the worst source, for a model is no better than what it must join. Relevance and volume are measured
    on the labelled rows. A dimension that cannot be measured (no rules, no refresh, no labels) has no score, and the
    others are scaled to 30.

    Args:
        frames: The sources' rows, holdout left out.
        sources: Their declarations.
        labels: The training part of the labelled rows, with or without features; None where it could not be made,
            which leaves relevance undefined and judges volume by the largest source.
        now: The moment against which the age of rows is judged.
        minimum: Below this score the verdict is `fail`.
        newest: When the newest row of each source was known, where `frames` end earlier (their holdout cut off).
        truths: What a declared `truth` is read from; `frames` by default.

    Raises:
        ConfigError: A declared rule is not SQL, or does not fit its column.
    """
    measured: dict[str, dict[str, Dimension]] = {}
    n_rows = 0
    for name, frame in frames.items():
        n_rows = max(n_rows, row_count(frame))
        known = newest[name] if newest and name in newest else _newest(frame)
        truth = sources[name].truth
        other = (truths or frames).get(truth.source) if truth else None
        measured[name] = _of_source(name, frame, sources[name], newest=known, now=now, truth=other)
    whole = {
        dimension: _together({name: of[dimension] for name, of in measured.items()})
        for dimension in ("completeness", "accuracy", "consistency", "timeliness")
    }
    whole |= {"relevance": dimensions.relevance(labels), "volume": dimensions.volume(labels, n_rows)}
    return _evidence(whole, measured, minimum=minimum)


def _of_source(
    name: str,
    frame: pl.LazyFrame,
    source: Source,
    *,
    newest: datetime | None,
    now: datetime,
    truth: pl.LazyFrame | None,
) -> dict[str, Dimension]:
    return {
        "completeness": dimensions.completeness(frame, source),
        "accuracy": _accuracy(name, frame, source, truth),
        "consistency": dimensions.consistency(frame, source),
        "timeliness": dimensions.timeliness(newest, source, now=now),
    }


def _accuracy(name: str, frame: pl.LazyFrame, source: Source, truth: pl.LazyFrame | None) -> Dimension:
    """Declared rules, and agreement with the declared truth where its rows are at hand."""
    rules = rules_of(name, frame, source)
    failures = failures_of(name, frame, rules, source)
    if source.truth is None or truth is None:
        return dimensions.accuracy(row_count(frame), len(rules), failures)
    found = reconcile(name, frame, truth, source.truth)
    shares = {"missing": found.missing, "disagreeing": found.disagreeing}
    return dimensions.accuracy(row_count(frame), len(rules) + found.n_rules, [*failures, *found.failures], shares)


def _newest(frame: pl.LazyFrame) -> datetime | None:
    if KNOWN_AT not in frame.collect_schema():
        return None
    found = frame.select(pl.col(KNOWN_AT).max()).collect(engine="streaming").item()
    return found if isinstance(found, datetime) else None


def _together(by_source: Mapping[str, Dimension]) -> Dimension:
    """One dimension over all sources: halfway between the mean and the worst; told by the worst."""
    scored = {name: one for name, one in by_source.items() if not math.isnan(one.score)}
    if not scored:
        return next(iter(by_source.values()), Dimension(math.nan, {}, "there are no sources"))
    worst = min(scored, key=lambda name: scored[name].score)
    mean = sum(one.score for one in scored.values()) / len(scored)
    figures = {name: {"score": one.score, **one.figures} for name, one in by_source.items()}
    told = scored[worst]
    return Dimension((mean + told.score) / 2, figures, f"{worst}: {told.why}", f"{worst}: {told.fix}")


def _evidence(
    whole: Mapping[str, Dimension], measured: Mapping[str, Mapping[str, Dimension]], *, minimum: float
) -> Evidence:
    defined = {name: one.score for name, one in whole.items() if not math.isnan(one.score)}
    score = round(sum(defined.values()) * OF / (FULL * len(defined)), 2)
    fixes = _fixes(whole, scale=OF / (FULL * len(defined)))
    parts = ", ".join(f"{name} {defined[name]:.1f}" if name in defined else f"{name} –" for name in whole)
    summary = f"data quality {score:.1f} of {OF} (minimum {minimum:g}): {parts}"
    if score < minimum:
        summary += f"; fix first: {fixes[0]['what']}" if fixes else ""
    figures = {
        "score": score,
        "of": OF,
        "minimum": minimum,
        "dimensions": {
            name: {"score": one.score, "of": FULL, "figures": one.figures, "why": one.why}
            for name, one in whole.items()
        },
        "undefined": [name for name in whole if name not in defined],
        "sources": {name: {part: one.score for part, one in of.items()} for name, of in measured.items()},
        "fixes": fixes,
    }
    subject = f"sources:{','.join(sorted(measured))}"
    return Evidence("data.quality", subject, "fail" if score < minimum else "pass", summary, figures)


def _fixes(whole: Mapping[str, Dimension], *, scale: float) -> Sequence[dict[str, object]]:
    """What to do, the dimension that costs most points first."""
    wanting = {name: one for name, one in whole.items() if one.score < FIXED_ENOUGH}
    ordered = sorted(wanting.items(), key=lambda item: item[1].score)
    return [
        {"dimension": name, "points": round((FULL - one.score) * scale, 2), "why": one.why, "what": one.fix}
        for name, one in ordered
    ]
