"""Looking at goals: the figure of each from what monitoring recorded, from the log, or from the release; recorded."""

from __future__ import annotations

import math
from datetime import datetime

import polars as pl

from assay.config.durations import format_duration
from assay.config.settings import Goal
from assay.errors import ConfigError
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import Estimate
from assay.metrics.index import METRICS
from assay.monitoring.goals import COUNT, Seen, judge, quantile_estimate
from assay.pipelines.audit import exam_of
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.serving import log_frames

LATENCIES = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95, "latency_p99_ms": 0.99}
PREDICTIONS = "predictions"


def look_at_goals(workspace: Workspace) -> list[Evidence]:
    """Judge every goal of the settings, and record it.

    Raises:
        ConfigError: A goal names a metric that nobody measures.
    """
    settings, now = workspace.settings, workspace.clock()
    version = workspace.registry.production(settings.name)
    model = version.reference if version is not None else ""
    seen = [figure_of(workspace, goal, version, now=now) for goal in settings.goals]
    judged = [
        judge(goal, one, owner=settings.owner, model=model) for goal, one in zip(settings.goals, seen, strict=True)
    ]
    return workspace.ledger.record_all(judged) if judged else []


def figure_of(workspace: Workspace, goal: Goal, version: ModelVersion | None, *, now: datetime) -> Seen:
    """The newest figure that a goal can be held against.

    Raises:
        ConfigError: Its metric is one that nobody measures.
    """
    if goal.metric not in METRICS and goal.metric not in LATENCIES and goal.metric != PREDICTIONS:
        known = ", ".join((*METRICS, *LATENCIES, PREDICTIONS))
        raise ConfigError(f"assay.yaml, goals: nobody measures {goal.metric!r}. Choose from: {known}.")
    if version is None:
        return Seen(None, "nothing is in production")
    if goal.metric in METRICS:
        return _monitored(workspace, goal, version, now=now) or _at_release(workspace, goal, version)
    return _logged(workspace, goal, now=now)


def _monitored(workspace: Workspace, goal: Goal, version: ModelVersion, *, now: datetime) -> Seen | None:
    """What `assay monitor` measured over the goal's window, no longer ago than that window."""
    window = format_duration(goal.window)
    found = workspace.ledger.find(
        kind="monitoring.performance", subject=version.subject, since=now - goal.window, newest_first=True
    )
    for one in found:
        figures = one.figures
        if figures.get("metric") == goal.metric and figures.get("window") == window and figures.get("current"):
            return Seen(
                Estimate.from_json(figures["current"]), f"labels that arrived, measured {one.time[:10]}", one.id
            )
    return None


def _at_release(workspace: Workspace, goal: Goal, version: ModelVersion) -> Seen:
    exam = exam_of(workspace, version)
    data = exam.figures["metrics"].get(goal.metric) if exam is not None else None
    if exam is None or data is None:
        return Seen(None, f"{goal.metric} was neither monitored nor measured at release")
    return Seen(Estimate.from_json(data), "holdout at release; nothing monitored over this window yet", exam.id)


def _logged(workspace: Workspace, goal: Goal, *, now: datetime) -> Seen:
    logged = log_frames.predictions(workspace.predictions, since=now - goal.window)
    source = "prediction log"
    if goal.metric == PREDICTIONS:
        n = int(logged.select(pl.len()).collect().item())
        return Seen(Estimate(float(n), math.nan, math.nan, n, COUNT), source)
    values = logged.select(pl.col("latency_ms")).collect()["latency_ms"].drop_nulls()
    if values.is_empty():
        return Seen(None, "no prediction was logged over this window")
    return Seen(quantile_estimate(values.to_numpy(), LATENCIES[goal.metric]), source)
