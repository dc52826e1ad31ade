"""Measuring: what scores are worth on one part of the rows, alone and beside others; each figure is recorded.

The same functions serve the training pipeline on validation rows and the release pipeline on the holdout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from assay.data.holdout import LEVEL
from assay.errors import ConfigError, KillCriterionFired
from assay.evaluation.compare import compare
from assay.evaluation.evaluate import Evaluation, evaluate
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.models.signature import Task
from assay.pipelines.run import Run
from assay.pipelines.values import Scores
from assay.pipelines.workspace import Workspace
from assay.training import baselines

MOST_RESAMPLES = 20_000
LEARNT = ("classification", "regression", "anomaly_detection", "")  # an empty one is the brief's to refuse
DEFAULT_PRIMARY: dict[Task, str] = {"classification": "log_loss", "regression": "mae"}


def task_of(workspace: Workspace) -> Task:
    """The task of the brief, as the estimators name it; labelled anomalies are a class like any other.

    Raises:
        ConfigError: Nothing here learns the brief's task.
    """
    named = workspace.settings.brief.ml_task_type
    if named not in LEARNT:
        raise ConfigError(
            f"brief.ml_task_type: nothing here learns {named} yet. Tables with two classes (classification) or with "
            "a number (regression) can be learnt; name one of these where the question can be put so."
        )
    return "regression" if named == "regression" else "classification"


def primary_metric(workspace: Workspace) -> str:
    """The figure that decides: the configured one, or the task's default."""
    return workspace.settings.evaluation.primary or DEFAULT_PRIMARY[task_of(workspace)]


def measure(
    run: Run,
    frame: LabelledFrame,
    scores: Scores,
    *,
    subject: str,
    floor: baselines.Baseline,
    part: str,
    role: str = "candidate",
    level: float = LEVEL,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Measure `scores` on `frame` by every figure and slice, beside no information; recorded."""
    settings = run.workspace.settings.evaluation
    evaluation = evaluate(
        frame.truth,
        scores,
        task=task_of(run.workspace),
        primary=primary_metric(run.workspace),
        secondary=settings.secondary,
        subject=subject,
        rng=run.rng,
        resamples=resamples(run.workspace, level=level),
        slices=_segments(frame, settings.slices),
        no_information=floor.predict(frame.questions),
        part=part,
        role=role,
        level=level,
        notes=notes,
    )
    return replace(evaluation, evidence=run.record(evaluation.evidence))


def refuse_unknown_slices(slices: Sequence[str], columns: Sequence[str]) -> None:
    """Raise where a slice is no column of the labelled rows.

    Raises:
        ConfigError: It names the slice and the columns there are.
    """
    unknown = [column for column in slices if column not in columns]
    if unknown:
        raise ConfigError(
            f"evaluation.slices: no column is called {unknown[0]!r}; list it in target.context. "
            f"Known: {', '.join(columns)}"
        )


def _segments(frame: LabelledFrame, columns: Sequence[str]) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    refuse_unknown_slices(columns, frame.rows.columns)
    return {column: frame.rows[column].cast(pl.String).to_numpy() for column in columns}


def resamples(workspace: Workspace, *, level: float) -> int:
    """Bootstrap samples: as many as configured for 95 %, and more the fewer of them a higher level leaves outside."""
    wanted = workspace.settings.evaluation.bootstrap
    return max(wanted, min(MOST_RESAMPLES, round(wanted * (1 - LEVEL) / (1 - level))))


def against(
    run: Run,
    frame: LabelledFrame,
    scores: Scores,
    theirs: Scores,
    names: tuple[str, str],
    part: str,
    *,
    level: float = LEVEL,
) -> Evidence:
    """Compare two sets of scores on the same rows by the primary metric."""
    return compare(
        frame.truth,
        scores,
        theirs,
        metric=primary_metric(run.workspace),
        rng=run.rng,
        resamples=resamples(run.workspace, level=level),
        names=names,
        level=level,
        part=part,
    ).evidence


def stop_if_fired(asked: list[Evidence]) -> None:
    """End the run when a kill criterion holds.

    Raises:
        KillCriterionFired: With the figures of every criterion that fired.
    """
    fired = [one for one in asked if one.verdict == "fail"]
    if fired:
        raise KillCriterionFired("; ".join(f"{one.summary} [{one.id}]" for one in fired))
