"""A person's word on a version: approval into the next stage, an override of a gate, or a rollback.

What a gate asks is told in `release`; here it is asked again only where no run has asked it yet.
"""

from __future__ import annotations

from typing import Literal

from assay.errors import GateRefused, UsageError
from assay.ledger.evidence import Evidence
from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.pipelines import run as runs
from assay.pipelines.experiment import conclude_promoted
from assay.pipelines.feature import run_features
from assay.pipelines.release import decide_production
from assay.pipelines.training import labelled
from assay.pipelines.workspace import Workspace
from assay.release import gates
from assay.release.versions import ModelVersion


def promote(
    workspace: Workspace, reference: str | None, *, actor: str, reason: str, override: bool = False
) -> Evidence:
    """Move a version one stage on by a person's word; a gate that said no is passed only by a reasoned override.

    Raises:
        GateRefused: The version's last gate said no and no override was given.
        UsageError: The person or the reason is missing, or the gate was never asked.
    """
    gates.require_person(actor, reason)
    version = workspace.registry.get(reference or "latest", name=workspace.settings.name)
    to: Literal["staging", "production"] = "staging" if version.stage == "development" else "production"
    last = workspace.ledger.latest(f"gate.{to}", version.subject)
    if last is None and to == "production":
        last = ask_production_gate(workspace, version)
    decided = workspace.ledger.record(
        gates.approve(to, last, subject=version.subject, actor=actor, reason=reason, override=override)
    )
    gates.refuse(decided)
    if to == "staging":
        return workspace.registry.move(version, to, because=[decided.id], actor=actor, reason=reason)
    staged = workspace.ledger.latest("gate.staging", version.subject)
    because = [gate.id for gate in (staged, decided) if gate is not None]
    moved = workspace.registry.move(version, to, because=because, actor=actor, reason=reason)
    conclude_promoted(workspace, version, because=[moved.id])
    return moved


def ask_production_gate(workspace: Workspace, version: ModelVersion) -> Evidence:
    """Ask the production gate about a version that a person's override took to staging: no run has tried it yet.

    Raises:
        GateRefused: The rows of today cannot be asked: they lack what the version reads, or are too poor.
    """
    with workspace.alone("assay promote"):
        run = runs.begin(workspace)
        features = run_features(run, months=workspace.settings.training.months)
        rows = labelled(workspace, features.validation)
        model = from_bundle(Bundle.load(workspace.artifacts, version.bundle))
        lacking = [name for name in model.signature.names if name not in rows.rows.columns]
        if lacking:
            raise GateRefused(
                f"{version.reference} cannot be tried: it reads {lacking}, which the definitions no longer make. "
                "Restore these features, or train a new version with `assay run`."
            )
        return decide_production(run, version, model, rows)


def rollback(workspace: Workspace, *, actor: str, reason: str) -> Evidence:
    """Put the version that served before back into production.

    Raises:
        UsageError: Nothing served before, or the person or the reason is missing.
    """
    if not actor.strip():
        raise UsageError("a rollback is recorded with the person who asked for it; give --by NAME.")
    _, evidence = workspace.registry.rollback(workspace.settings.name, actor=actor, reason=reason)
    return evidence
