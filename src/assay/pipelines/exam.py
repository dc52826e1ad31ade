"""The exam: the sealed holdout, opened once and on the record, and the candidate beside everybody it must beat.

Measures and compares; who passes is decided by the gates, in the release pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from assay.data import holdout
from assay.evaluation.evaluate import Evaluation
from assay.framing import kill_criteria
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import level_text
from assay.models.bundle import Bundle
from assay.models.frame import LabelledFrame
from assay.models.model import from_bundle
from assay.pipelines import values
from assay.pipelines.experiment import conclude
from assay.pipelines.feature import FeatureOutcome
from assay.pipelines.measuring import against, measure, primary_metric, stop_if_fired
from assay.pipelines.reconciling import reconcile_holdout
from assay.pipelines.run import Run, Step
from assay.pipelines.training import TrainingOutcome, labelled
from assay.pipelines.values import Scores


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody the candidate must beat.

    Attributes:
        name: As comparisons name it.
        predict: Scores of labelled rows with their features.
        threshold: From which score it acts; None: chosen on validation.
    """

    name: str
    predict: Callable[[pl.DataFrame], Scores]
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Exam:
    """The opened holdout.

    Attributes:
        frame: Its rows with their features.
        openings: How often such rows were opened, this time included.
        rows: As they were sealed.
    """

    frame: LabelledFrame
    openings: holdout.Openings
    rows: pl.DataFrame

    @property
    def level(self) -> float:
        """Coverage of every interval on these rows."""
        return self.openings.level

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know of the rows."""
        n = self.openings.decision
        if n == 1:
            return ()
        note = (
            f"These holdout rows, or most of them, were opened {n} times by now: each interval covers "
            f"{level_text(self.level)}, so that those of all openings together cover {level_text(holdout.LEVEL)}."
        )
        return (note,)


def open_holdout(run: Run, features: FeatureOutcome, training: TrainingOutcome) -> Exam:
    """Break the seal, on the record, and join features to the rows."""
    run.progress(Step("holdout"))
    workspace, model = run.workspace, f"bundle:{training.bundle_digest[:16]}"
    earlier = workspace.ledger.find(kind=holdout.KIND)
    key = workspace.settings.target.key
    openings = holdout.count_openings(features.sealed, workspace.state, earlier, key=key, model=model)
    rows = holdout.open_sealed(
        features.sealed,
        workspace.state,
        record=run.record,
        reason=f"final examination in {run.id}",
        openings=openings,
        model=model,
    )
    return Exam(labelled(workspace, rows), openings, rows)


def examine(run: Run, exam: Exam, training: TrainingOutcome) -> tuple[Evaluation, list[Evidence]]:
    """Measure the candidate on the holdout beside every baseline and the version in production.

    Returns:
        Its figures, and the comparisons that decide: by business value where the brief counts it, otherwise by the
        primary metric.

    Raises:
        KillCriterionFired: It does not beat no information by more than a tenth.
    """
    metric = primary_metric(run.workspace)
    frame = exam.frame
    scores = training.model.predict(frame.inputs)
    reconcile_holdout(run, exam.rows, frame, n_scores=len(scores))
    subject = f"experiment:{training.experiment}"
    evaluation = measure(
        run,
        frame,
        scores,
        subject=subject,
        floor=training.no_information,
        part="holdout",
        level=exam.level,
        notes=exam.notes,
    )
    level = evaluation.no_information[metric]
    asked = run.record(kill_criteria.no_better_than_random(evaluation.estimate, level, metric=metric))
    if asked.verdict == "fail":
        conclude(run, training.experiment_evidence, "archived", notes=asked.summary, because=[asked.id])
    stop_if_fired([asked])
    rivals = rivals_of(run, training)
    by_metric = run.record_all(
        against(run, frame, scores, rival.predict(frame.questions), (subject, rival.name), "holdout", level=exam.level)
        for rival in rivals
    )
    return evaluation, by_value(run, exam, training, rivals) or by_metric


def rivals_of(run: Run, training: TrainingOutcome) -> list[Rival]:
    """Whom the candidate must beat: no information, the project's rule, and what is in production."""
    rivals = [Rival(one.name, one.predict) for one in (training.no_information, training.heuristic) if one is not None]
    incumbent = run.workspace.registry.production(run.workspace.settings.name)
    if incumbent is not None:
        model = from_bundle(Bundle.load(run.workspace.artifacts, incumbent.bundle))
        if set(model.signature.names) <= set(training.validation.rows.columns):
            rivals.append(Rival(incumbent.reference, model.predict, model.metadata.get(values.THRESHOLD)))
    return rivals


def by_value(run: Run, exam: Exam, training: TrainingOutcome, rivals: Sequence[Rival]) -> list[Evidence]:
    """What the candidate and its rivals are worth on the same rows; empty where the brief counts no value.

    Each acts from its own threshold: production's is the one it serves with, the others' are chosen on validation.
    """
    workspace, subject = run.workspace, f"experiment:{training.experiment}"
    frame = exam.frame
    scores, limit = training.model.predict(frame.inputs), training.model.metadata.get(values.THRESHOLD)
    earned = values.worth(workspace, frame, scores, threshold=limit, subject=subject)
    if earned is None:
        return []
    run.record(earned)
    compared = []
    for rival in rivals:
        theirs = rival.threshold
        if theirs is None:
            chosen = rival.predict(training.validation.questions)
            theirs = values.best_threshold(workspace, chosen, training.validation)
        compared.append(
            values.compare(
                workspace,
                frame,
                (scores, rival.predict(frame.questions)),
                thresholds=(limit, theirs),
                names=(subject, rival.name),
                level=exam.level,
            )
        )
    return run.record_all(one for one in compared if one is not None)
