"""The monitoring pipeline: what production saw and what came true, held against what was promised at release.

Reads the prediction log, labels and the reference profile; writes drift, performance, triggers, and on a trigger runs
the loop again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from assay.errors import NotFound, UsageError
from assay.evaluation.intervals import bootstrap
from assay.features import freshness, offline
from assay.features.definitions import FeatureView
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import Estimate
from assay.metrics.index import METRICS
from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.monitoring import drift, performance, retraining
from assay.monitoring.summaries import Profile
from assay.pipelines.audit import exam_of
from assay.pipelines.loop import RunOutcome, run_loop
from assay.pipelines.measuring import primary_metric
from assay.pipelines.quality_watch import measure_inputs
from assay.pipelines.replaying import replay_predictions
from assay.pipelines.run import Progress, silent
from assay.pipelines.training import PROFILE
from assay.pipelines.values import Scores
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.serving import log_frames

STARTED = "run.started"
CHILDREN = 100  # of a trigger, which come before all that came of them


@dataclass(frozen=True, slots=True)
class Watched:
    """The version in production, with what it promised.

    Attributes:
        version: Which one.
        profile: Of its training rows and scores.
        importance: Its features, most important first.
        estimator: How it was made, for a refit.
        params: With which hyperparameters.
    """

    version: ModelVersion
    profile: Profile
    importance: tuple[str, ...]
    estimator: str
    params: Mapping[str, Any]


def run_monitoring(workspace: Workspace, *, since: datetime | None = None) -> list[Evidence]:
    """Measure drift, performance and the quality of what came in, and call for retraining where they ask for it.

    Raises:
        NotFound: Nothing is in production.
    """
    found = [measure_drift(workspace, since=since), *measure_performance(workspace, since=since)]
    found += [measure_skew(workspace, since=since), *measure_freshness(workspace)]
    found += measure_inputs(workspace, watch(workspace).version, since=since)
    trigger = retraining.triggers(
        [*workspace.ledger.find(kind="monitoring.*"), *found],
        now=workspace.clock(),
        retraining=workspace.settings.retraining,
        last=workspace.ledger.latest(retraining.KIND),
        waiting=waiting_trigger(workspace) is not None,
    )
    return found if trigger is None else [*found, workspace.ledger.record(trigger)]


def measure_drift(workspace: Workspace, *, since: datetime | None = None) -> Evidence:
    """Compare the features and scores of logged predictions with those of the training rows.

    Args:
        workspace: The project.
        since: Look at predictions made from then on; all of the version in production by default.
    """
    watched = watch(workspace)
    seen = _predictions(workspace, watched, since)
    features = seen.select("features").unnest("features") if seen.height else pl.DataFrame()
    scores = seen.select(pl.coalesce("probability", "value")).to_series().to_numpy()
    found = drift.compare(
        watched.profile,
        features,
        scores=scores,
        monitoring=workspace.settings.monitoring,
        top=watched.importance,
        subject=watched.version.subject,
    )
    return workspace.ledger.record(replace(found, parents=(watched.version.deployment,)))


def measure_performance(workspace: Workspace, *, since: datetime | None = None) -> list[Evidence]:
    """Measure the primary metric on the labels that arrived, beside its value on the holdout at release."""
    watched = watch(workspace)
    exam = exam_of(workspace, watched.version)
    if exam is None:
        return []
    metric = METRICS[primary_metric(workspace)]
    rng = np.random.default_rng(workspace.settings.training.seed)
    resamples = workspace.settings.evaluation.bootstrap
    pairs = performance.join_labels(
        _predictions(workspace, watched, since).lazy(), log_frames.labels(workspace.predictions)
    )
    found = performance.measure(
        pairs,
        metric=metric,
        interval=lambda truth, scores: bootstrap(
            metric, *_in_fixed_order(truth, scores), n_resamples=resamples, rng=rng
        ),
        reference=Estimate.from_json(exam.figures["metrics"][metric.name]),
        monitoring=workspace.settings.monitoring,
        subject=watched.version.subject,
    )
    return [workspace.ledger.record(replace(found, parents=(watched.version.deployment, exam.id)))]


def measure_skew(workspace: Workspace, *, since: datetime | None = None) -> Evidence:
    """Replay the served vectors of the version in production offline; by default those since the last replay."""
    version = watch(workspace).version
    found = replay_predictions(workspace, version, since=since)
    return workspace.ledger.record(replace(found, parents=(version.deployment,)))


def measure_freshness(workspace: Workspace) -> list[Evidence]:
    """Hold the last build and the newest row of each view against what the view promises."""
    return workspace.ledger.record_all([freshness_of(workspace, view) for view in workspace.definitions.views])


def freshness_of(workspace: Workspace, view: FeatureView) -> Evidence:
    """The freshness of one view, not recorded."""
    latest = workspace.ledger.latest
    fed = [latest("features.build", subject=f"view:{view.name}")]
    state = offline.state_of(view, workspace.tables)
    if view.stream is not None:  # its newest rows are online only, until the next build
        fed.append(latest("features.stream", subject=f"topic:{view.stream}"))
        state = None
    times = [datetime.fromisoformat(one.time) for one in fed if one is not None]
    newest = None if state is None else state.watermark
    found = freshness.judge(view, built=max(times, default=None), newest=newest, now=workspace.clock())
    return replace(found, parents=tuple(one.id for one in fed if one is not None))


def run_retraining(
    workspace: Workspace,
    *,
    reason: str = "",
    actor: str = "",
    as_of: datetime | None = None,
    progress: Progress = silent,
) -> RunOutcome:
    """Run the loop for the trigger that waits, or for a person's reason, through the same gates.

    Production's hyperparameters are fitted anew on the last months, unless `retraining.tune` asks for a search.

    Raises:
        UsageError: No trigger waits and no reason was given.
        NotFound: Nothing is in production.
    """
    watched = watch(workspace)
    settings = workspace.settings.retraining
    trigger = waiting_trigger(workspace)
    if trigger is None:
        if not reason.strip():
            raise UsageError("nothing calls for retraining. `assay monitor` looks; or say why: --reason TEXT.")
        asked = retraining.requested(
            reason,
            subject=watched.version.subject,
            actor=actor or "a person",
            now=workspace.clock(),
            retraining=settings,
        )
        trigger = workspace.ledger.record(asked)
    fixed = None if settings.tune else (watched.estimator, dict(watched.params))
    return run_loop(workspace, as_of=as_of, months=settings.months, fixed=fixed, because=trigger, progress=progress)


def waiting_trigger(workspace: Workspace) -> Evidence | None:
    """The newest trigger, if no run has been started for it."""
    trigger = workspace.ledger.latest(retraining.KIND)
    if trigger is None:
        return None
    answered = workspace.ledger.lineage(trigger.id, direction="forward", limit=CHILDREN).nodes
    return None if any(one.kind == STARTED for one in answered) else trigger


def watch(workspace: Workspace) -> Watched:
    """The version in production with its profile.

    Raises:
        NotFound: Nothing is in production.
    """
    version = workspace.registry.production(workspace.settings.name)
    if version is None:
        raise NotFound(f"{workspace.settings.name}: nothing is in production to watch. `assay run` makes a version.")
    bundle = Bundle.load(workspace.artifacts, version.bundle)
    metadata = from_bundle(bundle).metadata
    return Watched(
        version=version,
        profile=Profile.from_json(json.loads(bundle.read(PROFILE))),
        importance=most_important_first(metadata["importance"]),
        estimator=metadata["estimator"],
        params=metadata["params"],
    )


def most_important_first(importance: Mapping[str, float]) -> tuple[str, ...]:
    """Features by falling importance; stored metadata has its keys in the order of the alphabet."""
    return tuple(sorted(importance, key=lambda name: (-importance[name], name)))


def _in_fixed_order(truth: Scores, scores: Scores) -> tuple[Scores, Scores]:
    """Both in an order that does not depend on which of several clients was answered first."""
    order = np.lexsort((scores, truth))
    return truth[order], scores[order]


def _predictions(workspace: Workspace, watched: Watched, since: datetime | None) -> pl.DataFrame:
    """Logged predictions of the watched version."""
    logged = log_frames.predictions(workspace.predictions, since=since)
    return logged.filter(pl.col("model") == watched.version.reference).collect()
