"""An experiment from its number to its conclusion (EX-1): written when training ends, again when a gate has decided."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from assay.evaluation.evaluate import Evaluation
from assay.ledger.evidence import Evidence
from assay.models.model import Model
from assay.pipelines.feature import FeatureOutcome
from assay.pipelines.run import Run
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.training.experiments import KIND, ExperimentVerdict, concluded, experiment_evidence
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


def conclude(
    run: Run, experiment: Evidence, verdict: Literal["promoted", "archived"], *, notes: str, because: Sequence[str]
) -> Evidence:
    """Write down what became of the experiment's model, and which records decided."""
    return run.record(concluded(experiment, verdict, notes=notes, because=because))


def conclude_promoted(workspace: Workspace, version: ModelVersion, *, because: Sequence[str]) -> Evidence | None:
    """The same after a person's word, when the run that made the version is long over; None where it kept no record."""
    records = workspace.ledger.find(kind=KIND, run=version.run)
    if not records:
        return None
    promoted = concluded(records[-1], "promoted", notes=f"{version.reference} in production", because=because)
    return workspace.ledger.record(promoted, run=version.run)
