"""Generation (LK-9): does the making of the data tell the label, where only what was measured should?

Positives collected first and negatives afterwards, ids given out by class, one file for each hospital and disease: the
model need not read any of it to learn the fingerprint that came with it. Looks at training rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from assay.data.leakage.accepted import Accepted, settled, words
from assay.data.leakage.predictive import Strength, ground, strength
from assay.data.leakage.traces import Trace, traces
from assay.ledger.evidence import Evidence, Verdict
from assay.models.frame import LabelledFrame
from assay.models.signature import Task

KIND = "leakage.generation"
FALSE_ALARM = 0.01  # chance that any trace of an innocent data set is accused, shared among them (Bonferroni)
WARN, FAIL = 0.2, 0.8  # AUC 0.6 and 0.9, or correlations
CONFIRMED = 0.001  # of at most 2,000 permutations none may do as well, or one
LEAST_OF_CLASS = 20
MOST_ROWS = 100_000
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Told:
    """A trace that tells the label.

    Attributes:
        trace: In words.
        columns: Columns that it is read from.
        size: `2 AUC - 1`, or a correlation.
        p_value: Before Bonferroni's correction.
        is_read: The model reads one of the columns.
        is_area: The size is of an AUC.
    """

    trace: str
    columns: tuple[str, ...]
    size: float
    p_value: float
    is_read: bool
    is_area: bool

    def verdict(self, accepted: Accepted) -> Verdict:
        """`fail` where the model reads it, it tells nearly everything, and nobody vouches for it."""
        return "fail" if self.is_read and self.size >= FAIL and not settled(self.columns, accepted) else "warn"


def check_generation(
    train: LabelledFrame,
    *,
    task: Task,
    rng: np.random.Generator,
    entities: Sequence[str] = (),
    accepted: Accepted | None = None,
) -> Evidence:
    """Ask every trace of the data's making whether it tells the label, beyond time and entity.

    A trace is accused where the F test of the label over its groups stays below 1 % after Bonferroni's correction,
    permuted labels confirm it, and it is large: an AUC of 0.6, or a correlation of 0.2, on rows it was not learnt on.

    Args:
        train: Training rows in the order in which the source holds them (within their time, where they have one).
        task: Classification or regression.
        rng: Halves rows, permutes labels, draws rows where there are very many.
        entities: Columns of entities: rows of one are alike, which is no leak.
        accepted: Columns that somebody vouches for, with the reason.

    Returns:
        Evidence `leakage.generation`: `fail` where a trace that the model reads has an AUC of 0.9 or a correlation of
        0.8; `warn` for a smaller one, and for what the model does not read; `info` with fewer than 20 of a class.
    """
    rows = train.rows.filter(pl.col(train.label).is_not_null())
    if rows.height > MOST_ROWS:
        rows = rows[np.sort(rng.choice(rows.height, size=MOST_ROWS, replace=False))]
    frame = train.take(rows)
    subject, truth = f"target:{train.label}", frame.truth
    n_least = int(min((truth == 0).sum(), (truth == 1).sum())) if task == "classification" else len(truth) // 2
    if n_least < LEAST_OF_CLASS or len(np.unique(truth)) < 2:
        return Evidence(KIND, subject, "info", f"too few labelled rows ({len(truth):,}) to ask how they were made")
    named = [name for name in dict.fromkeys([*entities, *filter(None, [train.group])]) if name in rows.columns]
    base = ground(truth, time=rows[train.time] if train.time else None, entities=[rows[name] for name in named])
    asked = traces(frame, entities=named)
    limit = FALSE_ALARM / len(asked)
    found = [(one, strength(one.values, base, rng=rng, limit=limit, matters=WARN)) for one in asked]
    told = [
        _told(one, how, frame.features)
        for one, how in found
        if how.size >= WARN and how.p_value < max(limit, CONFIRMED)
    ]
    return _evidence(subject, told, [one.told for one in asked], accepted or {}, n_rows=len(truth))


def _told(trace: Trace, how: Strength, features: Sequence[str]) -> Told:
    return Told(trace.told, trace.columns, how.size, how.p_value, bool(set(trace.columns) & set(features)), how.is_area)


def _evidence(subject: str, found: list[Told], asked: Sequence[str], accepted: Accepted, *, n_rows: int) -> Evidence:
    found = sorted(found, key=lambda one: (one.verdict(accepted) != "fail", -one.size))
    figures: dict[str, Any] = {
        "rows": n_rows,
        "asked": list(asked),
        "findings": [asdict(one) | {"verdict": one.verdict(accepted)} for one in found],
        "accepted": {column: reason for one in found for column, reason in settled(one.columns, accepted).items()},
    }
    if not found:
        summary = f"none of {len(asked)} traces of how the data was made tells the label: row order, keys, gaps, times"
        return Evidence(KIND, subject, "pass", summary, figures)
    said = "; ".join(_said(one) + words(one.columns, accepted) for one in found[:SHOWN])
    more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
    verdict = found[0].verdict(accepted)
    remedy = (
        "Take it out of the features, or vouch for it under leakage.accept with the reason"
        if verdict == "fail"
        else "Ask how the rows came together: what was collected class by class is told apart by more than this"
    )
    return Evidence(KIND, subject, verdict, f"how the data was made tells the label: {said}{more}. {remedy}", figures)


def _said(one: Told) -> str:
    figure = f"AUC {(1 + one.size) / 2:.3f}" if one.is_area else f"correlation {one.size:.3f}"
    return f"{one.trace} ({figure}{', and the model reads it' if one.is_read else ''})"
