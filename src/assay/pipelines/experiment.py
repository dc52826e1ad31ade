"""An experiment from its number to its conclusion (EX-1): written when training ends, again when a gate has decided."""

from __future__ import annotations

import time

from assay.evaluation.evaluate import Evaluation
from assay.ledger.evidence import Evidence
from assay.models.model import Model
from assay.pipelines.feature import FeatureOutcome
from assay.pipelines.run import Run
from assay.training.experiments import ExperimentVerdict, experiment_evidence
from assay.training.search import SearchOutcome


def next_experiment(run: Run) -> str:
    """The day's next experiment id."""
    day = run.workspace.clock().strftime("%Y-%m-%d")
    return f"EXP-{day}-{run.workspace.ledger.next_number(f'EXP-{day}'):03d}"


def record_experiment(
    run: Run,
    experiment: str,
    started: float,
    features: FeatureOutcome,
    *,
    model: Model | None = None,
    search: SearchOutcome | None = None,
    evaluation: Evaluation | None = None,
    digest: str = "",
    notes: str = "",
) -> Evidence:
    """Write the experiment down, finished or not (EX-1)."""
    verdict: ExperimentVerdict = "iterate" if model is not None else "failed"
    return run.record(
        experiment_evidence(
            experiment_id=experiment,
            hypothesis=run.workspace.settings.training.hypothesis,
            snapshots=features.snapshots,
            features=model.signature.names if model is not None else (),
            estimator=search.estimator if search is not None else "",
            params=search.params if search is not None else {},
            seconds=round(time.monotonic() - started, 3),
            metrics=evaluation.metrics if evaluation is not None else {},
            baseline=run.workspace.settings.brief.baseline,
            verdict=verdict,
            notes=notes,
            artifacts={"bundle": digest} if digest else {},
            parents=tuple(one.id for one in run.evidence if one.kind != "run.started"),
        )
    )
