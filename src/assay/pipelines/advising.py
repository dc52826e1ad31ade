"""Advice for a project (FR-6): from its brief, and from what the ledger knows of its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assay.framing import advice
from assay.framing.advice import Advice, Facts
from assay.ledger.evidence import Evidence
from assay.pipelines import run as runs
from assay.pipelines.measuring import task_of
from assay.pipelines.workspace import Workspace
from assay.training.estimators import estimators_named

SEEN = ("data.split", "data.quality", "training.experiment", "model.size")


def select(workspace: Workspace, *, topics: Sequence[str] = (), **given: Any) -> tuple[list[Advice], Evidence]:
    """What to choose for this project, and the record of it.

    Args:
        workspace: The project; data that was never assessed counts as not known yet.
        topics: Of `advice.TOPICS`; all by default.
        given: Facts that a person knows better, by the names of `Facts`; None leaves what was found.

    Raises:
        UsageError: There is no such topic.
    """
    facts, parents = facts_of(workspace)
    facts = replace(facts, **{name: value for name, value in given.items() if value is not None})
    found = advice.advise(facts, topics=tuple(topics) or advice.TOPICS)
    record = advice.evidence(found, facts, project=workspace.settings.name, parents=parents)
    return found, runs.begin(workspace).record(record)


def facts_of(workspace: Workspace) -> tuple[Facts, list[str]]:
    """What the brief and the newest records say, and the ids of these records."""
    settings = workspace.settings
    last = {kind: found[-1] for kind in SEEN if (found := workspace.ledger.find(kind=kind))}
    facts = Facts(settings.brief.ml_task_type, settings.brief.latency_requirement)
    if settings.brief.ml_task_type in ("classification", "regression"):
        spaces = [one.space for one in estimators_named(settings.training.estimators, task=task_of(workspace))]
        facts = replace(facts, hyperparameters=max(len(space) for space in spaces))
    for evidence in last.values():
        facts = replace(facts, **_learnt(evidence))
    return facts, [one.id for one in last.values()]


def _learnt(evidence: Evidence) -> dict[str, Any]:
    """The facts that a record holds."""
    figures = evidence.figures
    if evidence.kind == "data.split":
        return {"rows": figures["rows"]}
    if evidence.kind == "training.experiment":
        return {"columns": len(figures["features"])} if figures["features"] else {}
    if evidence.kind == "model.size":
        return {"model_mb": figures["megabytes"]}
    volume = figures["dimensions"]["volume"]["figures"]
    rarest, rows = volume.get("rarest_class"), volume.get("rows")
    return {"rarest_class": rarest, "positive_share": rarest / rows, "classes": 2} if rarest and rows else {}
