"""An experiment from its number to its conclusion (EX-1): written when training ends, again when a gate has decided."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from assay.evaluation.evaluate import Evaluation
from assay.ledger.evidence import Evidence
from assay.models.model import Model
from assay.pipelines import interruptions
from assay.pipelines.feature import FeatureOutcome
from assay.pipelines.run import Run
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.training.experiments import KIND, ExperimentVerdict, concluded, experiment_evidence
from assay.training.search import SearchOutcome


def begin_experiment(run: Run, features: FeatureOutcome) -> str:
    """The day's next experiment id, noted beside the ledger so that it is told of even where the process is killed."""
    day = run.workspace.clock().strftime("%Y-%m-%d")
    experiment = f"EXP-{day}-{run.workspace.ledger.next_number(f'EXP-{day}'):03d}"
    begun = interruptions.Begun(
        experiment,
        run.id,
        run.workspace.settings.training.hypothesis,
        tuple(features.snapshots),
        tuple(one.id for one in run.evidence if one.kind != "run.started"),
    )
    interruptions.note(run.workspace.state, begun)
    return experiment


def record_interrupted(workspace: Workspace) -> list[Evidence]:
    """Write down experiments whose process died without a word; to be called by whoever holds the project's lock."""
    recorded = []
    for begun in interruptions.left(workspace.state):
        known = workspace.ledger.latest(KIND, f"experiment:{begun.experiment}")
        if known is None:
            found = experiment_evidence(
                experiment_id=begun.experiment,
                verdict="interrupted",
                hypothesis=begun.hypothesis,
                snapshots=begun.snapshots,
                baseline=workspace.settings.brief.baseline,
                notes="the process ended without a word: it was killed, or the machine stopped",
                parents=begun.parents,
            )
            recorded.append(workspace.ledger.record(found, run=begun.run))
        interruptions.over(workspace.state, begun.experiment)
    return recorded


def settle_interrupted(workspace: Workspace) -> None:
    """The same, where something was left and nobody is at work; otherwise nothing."""
    if any(interruptions.left(workspace.state)):
        with workspace.alone_if_free("assay experiments") as is_alone:
            if is_alone:
                record_interrupted(workspace)


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
    proof = evaluation.evidence if evaluation is not None else None
    artifacts = {"bundle": digest, "evaluation": proof.id if proof is not None else ""}
    recorded = run.record(
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
            comparisons=_comparisons(run, experiment),
            confusion=proof.figures.get("confusion") if proof is not None else None,
            verdict=verdict,
            notes=notes,
            artifacts={name: place for name, place in artifacts.items() if place},
            parents=tuple(one.id for one in run.evidence if one.kind != "run.started"),
        )
    )
    interruptions.over(run.workspace.state, experiment)
    return recorded


def _comparisons(run: Run, experiment: str) -> list[dict[str, Any]]:
    """The model beside each baseline on the validation rows."""
    wanted = ("metric", "candidate", "other", "difference", "better", "significant", "part")
    compared = [one for one in run.of_kind("model.comparison") if one.subject == f"experiment:{experiment}"]
    return [{name: one.figures.get(name) for name in wanted} | {"evidence": one.id} for one in compared]


def conclude(
    run: Run, experiment: Evidence, verdict: Literal["promoted", "archived"], *, notes: str, because: Sequence[str]
) -> Evidence:
    """Write down what became of the experiment's model, and which records decided."""
    report = {"report": str(run.report.relative_to(run.workspace.folder))}
    return run.record(concluded(experiment, verdict, notes=notes, because=because, artifacts=report))


def conclude_promoted(workspace: Workspace, version: ModelVersion, *, because: Sequence[str]) -> Evidence | None:
    """The same after a person's word, when the run that made the version is long over; None where it kept no record."""
    records = workspace.ledger.find(kind=KIND, run=version.run)
    if not records:
        return None
    promoted = concluded(records[-1], "promoted", notes=f"{version.reference} in production", because=because)
    return workspace.ledger.record(promoted, run=version.run)
