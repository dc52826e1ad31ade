"""The training pipeline: features become a candidate version, with the proof of what it is worth.

Reads offline features and labels; writes evaluations, an experiment and the candidate's bundle. It never sees the
holdout: that is opened once, by the release pipeline.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import polars as pl

from assay.config.settings import Training
from assay.data import leakage
from assay.evaluation.evaluate import Evaluation
from assay.features import offline
from assay.features.frame import training_frame
from assay.framing import kill_criteria
from assay.ledger.evidence import Evidence, plain
from assay.models.bundle import Bundle
from assay.models.frame import LabelledFrame
from assay.models.model import Model, from_bundle, to_bundle
from assay.monitoring.summaries import profile
from assay.pipelines import values
from assay.pipelines.behaving import rehearse_changes
from assay.pipelines.building import join_of
from assay.pipelines.experiment import begin_experiment, record_experiment, record_interrupted
from assay.pipelines.feature import FeatureOutcome, refuse_leak
from assay.pipelines.leaks import check_leakage, prove_order
from assay.pipelines.measuring import against, measure, primary_metric, stop_if_fired, task_of
from assay.pipelines.reconciling import reconcile_frames
from assay.pipelines.run import Run, Step
from assay.pipelines.workspace import Workspace
from assay.training import baselines
from assay.training.calibrate import calibrate
from assay.training.progress import Progress as SearchProgress
from assay.training.search import SearchOutcome, search

PARITY_ROWS = 2_000
PROFILE = "profile.json"


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """A candidate, and what it was measured against.

    Attributes:
        experiment: Its id, `EXP-2026-11-21-001`.
        model: The candidate, loaded back from its own bundle.
        bundle_digest: Where the bundle is stored.
        no_information: Predicts the training mean for every row.
        heuristic: The project's rule, where the brief names one.
        evaluation: The candidate on the validation rows.
        search: How its hyperparameters were found.
        validation: The rows it was judged on.
        experiment_evidence: The record of the experiment.
    """

    experiment: str
    model: Model
    bundle_digest: str
    no_information: baselines.Baseline
    heuristic: baselines.Baseline | None
    evaluation: Evaluation
    search: SearchOutcome
    validation: LabelledFrame
    experiment_evidence: Evidence

    def to_json(self) -> dict[str, Any]:
        """What the command line prints of it with `--json`."""
        return {
            "experiment": self.experiment,
            "estimator": self.search.estimator,
            "params": plain(self.search.params),
            "primary": self.evaluation.primary,
            "metrics": {name: estimate.to_json() for name, estimate in self.evaluation.metrics.items()},
            "part": "validation",
            "bundle": self.bundle_digest,
            "evidence": self.experiment_evidence.id,
        }


def run_training(
    run: Run, features: FeatureOutcome, *, trials: int, fixed: tuple[str, dict[str, Any]] | None = None
) -> TrainingOutcome:
    """Turn features and labels into a candidate, and prove what it is worth on rows it was not fitted on.

    Args:
        run: The run to record under.
        features: What the feature pipeline left.
        trials: How many hyperparameter settings to try, the defaults included.
        fixed: An estimator and its hyperparameters, to refit instead of searching.

    Raises:
        LeakageFound: A feature knows what it cannot know.
        KillCriterionFired: The brief says to stop here.
    """
    started = time.monotonic()
    record_interrupted(run.workspace)
    experiment = begin_experiment(run, features)
    try:
        train, validation = frames_for(run, features)
        rehearse_changes(run, validation)
        check_leakage(run, features, train, validation)
        no_information, heuristic = baselines_for(run, train)
        found = find_model(run, train, validation, trials=trials, fixed=fixed)
        prove_order(run, train, validation)
        model, digest = store_candidate(run, found, train, validation)
        evaluation = judge_on_validation(run, model, validation, no_information, heuristic, experiment)
        ask_kill_criteria(run, evaluation, no_information, heuristic, validation)
    except BaseException as failure:
        record_experiment(run, experiment, started, features, notes=f"{type(failure).__name__}: {failure}")
        raise
    evidence = record_experiment(
        run, experiment, started, features, model=model, search=found, evaluation=evaluation, digest=digest
    )
    return TrainingOutcome(
        experiment, model, digest, no_information, heuristic, evaluation, found, validation, evidence
    )


def frames_for(run: Run, features: FeatureOutcome) -> tuple[LabelledFrame, LabelledFrame]:
    """Join features to the training and validation rows, each value strictly older than its prediction.

    Raises:
        DataError: A row was lost or doubled on the way.
    """
    run.progress(Step("training frame"))
    train, validation = labelled(run.workspace, features.train), labelled(run.workspace, features.validation)
    reconcile_frames(run, {"train": (features.train, train), "validation": (features.validation, validation)})
    return train, validation


def labelled(workspace: Workspace, rows: pl.DataFrame) -> LabelledFrame:
    """Label rows with their features from the offline store, in the model's order."""
    target = workspace.settings.target
    joined, names = training_frame(
        rows,
        target=target,
        definitions=workspace.definitions,
        rows_of=lambda view: offline.stored(view, workspace.tables),
        join_rows=join_of(workspace),
    )
    return LabelledFrame(joined, target.key, target.label, names, target.time, target.group)


def baselines_for(run: Run, train: LabelledFrame) -> tuple[baselines.Baseline, baselines.Baseline | None]:
    """What every model is measured against: no information at all, and the project's own rule."""
    named = run.workspace.settings.brief.baseline
    no_information = baselines.no_information(train, task_of(run.workspace))
    if not named.startswith("rules:"):
        return no_information, None
    module = run.workspace.settings.rules.removesuffix(".py")
    function = run.workspace.function(f"{module}:{named.removeprefix('rules:')}", field="brief.baseline")
    return no_information, baselines.rule(named, function, task=task_of(run.workspace))


def find_model(
    run: Run,
    train: LabelledFrame,
    validation: LabelledFrame,
    *,
    trials: int,
    fixed: tuple[str, dict[str, Any]] | None,
) -> SearchOutcome:
    """Search estimators and hyperparameters, or refit given ones; finished trials survive an interruption."""
    settings = run.workspace.settings

    def show(progress: SearchProgress) -> None:
        run.progress(Step("tuning", progress.done, progress.of, progress.note))

    found = search(
        train,
        validation,
        estimators=settings.training.estimators,
        task=task_of(run.workspace),
        trials=trials,
        seed=settings.training.seed,
        metric=primary_metric(run.workspace),
        study_path=run.workspace.state / "studies",
        study_name=settings.name,
        progress=show,
        fixed=fixed,
        training=with_folders(run.workspace),
        timeout=settings.training.timeout,
    )
    run.record(found.evidence)
    if found.selection is not None:
        run.record(found.selection)
    for one in found.prepared.encodings:
        refuse_leak(
            run.record(
                leakage.check_target_encoding(one.values, train.rows[one.source], train.truth, one.folds, name=one.name)
            )
        )
    fitted = leakage.check_fitted_on_train(found.best.fitted_arrays(), found.best.refit_preprocessing(train))
    refuse_leak(run.record(fitted))
    return found


def with_folders(workspace: Workspace) -> Training:
    """The settings of training, with the folders of text models as seen from the project."""
    training = workspace.settings.training
    rules = tuple(
        rule if rule.model is None else rule.model_copy(update={"model": str(workspace.folder / rule.model)})
        for rule in training.transforms
    )
    return training.model_copy(update={"transforms": rules})


def store_candidate(
    run: Run, found: SearchOutcome, train: LabelledFrame, validation: LabelledFrame
) -> tuple[Model, str]:
    """Calibrate, export to open formats with the reference profile beside, store, and load back what was stored."""
    run.progress(Step("export"))
    best = found.best
    raw = best.predict(validation.inputs)
    calibrator = None
    if task_of(run.workspace) == "classification":
        calibrator = calibrate(raw, validation.truth, method=run.workspace.settings.evaluation.calibrate)
        raw = calibrator.apply(raw)
    limit = values.best_threshold(run.workspace, raw, validation)
    bundle = to_bundle(
        best,
        sample=train.inputs.head(PARITY_ROWS),
        calibrator=calibrator,
        metadata={values.THRESHOLD: limit} if limit is not None else {},
    )
    scores = from_bundle(bundle).predict(train.inputs)
    reference = json.dumps(profile(train.inputs, scores=scores).to_json()).encode()
    digest = bundle.with_file(PROFILE, reference).save(run.workspace.artifacts)
    return from_bundle(Bundle.load(run.workspace.artifacts, digest)), digest


def judge_on_validation(
    run: Run,
    model: Model,
    validation: LabelledFrame,
    no_information: baselines.Baseline,
    heuristic: baselines.Baseline | None,
    experiment: str,
) -> Evaluation:
    """Measure the candidate with intervals, and every baseline beside it on the same rows."""
    run.progress(Step("evaluation"))
    scores = model.predict(validation.inputs)
    subject = f"experiment:{experiment}"
    evaluation = measure(run, validation, scores, subject=subject, floor=no_information, part="validation")
    run.record(leakage.check_model_score(validation.truth, scores, task=task_of(run.workspace), subject=subject))
    limit = model.metadata.get(values.THRESHOLD)
    earned = values.worth(run.workspace, validation, scores, threshold=limit, subject=subject)
    if earned is not None:
        run.record(earned)
    for other in filter(None, (no_information, heuristic)):
        run.record(
            against(run, validation, scores, other.predict(validation.questions), (subject, other.name), "validation")
        )
    return evaluation


def ask_kill_criteria(
    run: Run,
    evaluation: Evaluation,
    no_information: baselines.Baseline,
    heuristic: baselines.Baseline | None,
    validation: LabelledFrame,
) -> None:
    """Ask the criteria whose evidence is there: is the rule nearly as good, and the project's own.

    Raises:
        KillCriterionFired: At least one holds.
    """
    metric = primary_metric(run.workspace)
    asked = []
    if heuristic is not None:
        theirs = measure(
            run,
            validation,
            heuristic.predict(validation.questions),
            subject=f"rule:{heuristic.name}",
            floor=no_information,
            part="validation",
            role="heuristic",
        )
        level = evaluation.no_information[metric]
        asked.append(kill_criteria.heuristic_close(evaluation.estimate, theirs.estimate, level, metric=metric))
    figures = {"evaluation": evaluation.evidence.to_json()["figures"]["metrics"]}
    asked.extend(kill_criteria.custom(one, figures) for one in run.workspace.settings.brief.kill_criteria)
    stop_if_fired(run.record_all(asked))
