"""The release pipeline: a candidate sits its one exam on the sealed holdout and goes through the gates, or does not.

Reads the candidate and the holdout; writes the version, its gates, its stage and its card. Every move names the
records it acted on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import polars as pl

from assay.errors import GateRefused, UsageError
from assay.evaluation.evaluate import Evaluation
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.models.model import Model
from assay.pipelines.behaving import behave
from assay.pipelines.exam import examine, open_holdout
from assay.pipelines.experiment import conclude
from assay.pipelines.feature import FeatureOutcome
from assay.pipelines.inference import request_rows, serving_candidate
from assay.pipelines.run import Run, Step
from assay.pipelines.training import TrainingOutcome
from assay.release import checks, gates, trials
from assay.release.conditions import production_conditions, staging_conditions
from assay.release.versions import ModelVersion

Stage = Literal["development", "staging", "production"]
EXPECTED = "expected"
GOLDEN_ROWS = 256
TRIAL_ROWS = 64


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """How far the candidate came.

    Attributes:
        version: The registered version.
        stage: Where it stands now.
        evaluation: Its figures on the holdout.
        gates: The gates' decisions, in order.
    """

    version: ModelVersion
    stage: Stage
    evaluation: Evaluation
    gates: tuple[Evidence, ...]


def run_release(run: Run, features: FeatureOutcome, training: TrainingOutcome) -> ReleaseOutcome:
    """Examine the candidate once on the holdout, register it, and move it as far as the evidence carries it.

    Raises:
        GateRefused: It is the very model that is in production already.
        KillCriterionFired: On the holdout it is hardly better than knowing nothing.
        IntegrityError: The sealed holdout or the bundle was altered.
    """
    experiment, registry = training.experiment_evidence, run.workspace.registry
    refuse_what_serves(run, training)
    exam = open_holdout(run, features, training)
    evaluation, comparisons = examine(run, exam, training)
    version = register(run, training)
    staging = decide_staging(run, version, training, exam.frame, comparisons)
    if staging.verdict == "fail":
        conclude(run, experiment, "archived", notes=staging.summary, because=[staging.id])
        return ReleaseOutcome(version, "development", evaluation, (staging,))
    if version.stage != "staging":
        registry.move(version, "staging", because=[staging.id], actor="policy", run=run.id)
    production = decide_production(run, version, training.model, exam.frame)
    if production.verdict == "fail":
        return ReleaseOutcome(version, "staging", evaluation, (staging, production))
    moved = registry.move(version, "production", because=[staging.id, production.id], actor="policy", run=run.id)
    conclude(run, experiment, "promoted", notes=f"{version.reference} in production", because=[moved.id])
    return ReleaseOutcome(version, "production", evaluation, (staging, production))


def refuse_what_serves(run: Run, training: TrainingOutcome) -> None:
    """Stop where training gave the model that serves, byte for byte; the holdout need not be opened for it.

    Raises:
        GateRefused: The bundle is that of the version in production.
    """
    serving = run.workspace.registry.production(run.workspace.settings.name)
    if serving is None or serving.bundle != training.bundle_digest:
        return
    same = f"the same model as {serving.reference}, which is in production already [{serving.deployment}]"
    conclude(run, training.experiment_evidence, "archived", notes=same, because=[serving.deployment])
    raise GateRefused(f"training gave {same}: the data brought nothing new, and there is nothing to release.")


def register(run: Run, training: TrainingOutcome) -> ModelVersion:
    """Give the candidate its version number; its bundle is stored already."""
    signature = json.dumps(training.model.signature.to_json(), sort_keys=True)
    return run.workspace.registry.register(
        run.workspace.settings.name,
        training.bundle_digest,
        signature_digest=sha256(signature.encode()).hexdigest(),
        parents=(training.experiment_evidence.id, *(one.id for one in run.of_kind("model.evaluation"))),
        run=run.id,
    )


def decide_staging(
    run: Run, version: ModelVersion, training: TrainingOutcome, exam: LabelledFrame, comparisons: Sequence[Evidence]
) -> Evidence:
    """Development to staging: better than what serves, clean, within limits, the same one by one as in a batch."""
    limits = run.workspace.settings.gates
    run.progress(Step("gates"))
    rows, expected = golden_rows(run, exam)
    measured = run.record_all(
        [
            checks.golden(
                training.model, rows, subject=version.subject, expected=expected, tolerance=limits.golden_tolerance
            ),
            checks.size(training.model, subject=version.subject, limit_mb=limits.max_size_mb),
            checks.latency(training.model, rows, subject=version.subject, limit_ms=limits.max_latency_p99_ms),
        ]
    )
    behaviour = behave(run, training.model, exam, subject=version.subject, part="holdout")
    conditions = staging_conditions(
        comparisons=comparisons,
        production=run.workspace.registry.production(version.name),
        leakage=run.of_kind("leakage."),
        evaluation=run.of_kind("model.evaluation")[-1],
        kill_criteria=run.of_kind("framing.kill_criterion"),
        measured=measured,
        max_calibration_error=run.workspace.settings.evaluation.max_calibration_error,
        max_worst_slice_gap=limits.max_worst_slice_gap,
        custom=limits.staging,
        behaviour=behaviour,
    )
    return run.record(gates.decide("staging", conditions, subject=version.subject))


def golden_rows(run: Run, exam: LabelledFrame) -> tuple[pl.DataFrame, np.ndarray[Any, Any] | None]:
    """The project's golden set with its expected answers, or rows of the exam without."""
    named = run.workspace.settings.gates.golden
    if named is None:
        return exam.inputs.head(GOLDEN_ROWS), None
    path = run.workspace.folder / named
    if not path.is_file():
        raise UsageError(f"gates.golden: {path} is not there. Write the golden set, or remove the key.")
    golden = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    if EXPECTED not in golden.columns:
        raise UsageError(f"gates.golden: {path} has no column {EXPECTED!r}; it has {golden.columns}.")
    return golden.drop(EXPECTED), golden[EXPECTED].cast(pl.Float64).to_numpy()


def decide_production(run: Run, version: ModelVersion, model: Model, exam: LabelledFrame) -> Evidence:
    """Staging to production: it answers over HTTP as it did offline, under load, and whoever must approve has."""
    settings = run.workspace.settings
    measured = run.record_all(try_over_http(run, version, model, exam))
    conditions = production_conditions(
        measured=measured,
        version=version,
        production=run.workspace.registry.production(version.name),
        approval=settings.gates.approval,
        custom=settings.gates.production,
    )
    return run.record(gates.decide("production", conditions, subject=version.subject))


def try_over_http(run: Run, version: ModelVersion, model: Model, exam: LabelledFrame) -> list[Evidence]:
    """Serve the candidate on a free loopback port, ask it for known rows, and keep it busy for a moment."""
    run.progress(Step("trial over HTTP"))
    rows = request_rows(run.workspace, exam.rows.head(TRIAL_ROWS), model.signature.names)
    expected = model.predict(exam.inputs.head(TRIAL_ROWS))
    limit = run.workspace.settings.gates.max_latency_p99_ms
    with serving_candidate(run.workspace, model, version) as url:
        return [
            trials.integration_test(url, rows, expected=expected, subject=version.subject),
            trials.load_test(url, rows, subject=version.subject, limit_p99_ms=limit),
        ]
