"""Gates: a named list of conditions, each answered from recorded evidence, and one verdict.

Knows nothing of what the conditions are about; the default ones are made in `conditions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.errors import GateRefused, UsageError
from assay.ledger.evidence import Evidence, Verdict

GateName = Literal["staging", "production"]


@dataclass(frozen=True, slots=True)
class Override:
    """A named person lets a failed condition pass, and says why."""

    condition: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One question of a gate and its answer.

    Attributes:
        name: `beats production`; overrides and messages use it.
        verdict: `fail` closes the gate; `warn` and `info` do not.
        reason: The figures that decided, in one line.
        evidence: Ids of the records that decided; empty only where the failure is that there are none.
        override: Who let a failure pass; None where nobody did.
    """

    name: str
    verdict: Verdict
    reason: str
    evidence: tuple[str, ...] = ()
    override: Override | None = None

    @property
    def closes(self) -> bool:
        return self.verdict == "fail" and self.override is None

    def to_json(self) -> dict[str, Any]:
        override = self.override
        return {
            "name": self.name,
            "verdict": self.verdict,
            "reason": self.reason,
            "evidence": list(self.evidence),
            "override": {"by": override.by, "reason": override.reason} if override else None,
        }


def decide(
    name: GateName, conditions: Sequence[Condition], *, subject: str, overrides: Sequence[Override] = ()
) -> Evidence:
    """Answer a gate: `pass`; `warn` where a condition warns or was overridden; `fail` where one closes it.

    Raises:
        UsageError: An override lacks a person or a reason, or names no failed condition; or there are no conditions.
    """
    if not conditions:
        raise UsageError(f"the {name} gate has no conditions; a gate that asks nothing proves nothing.")
    judged = _with_overrides(conditions, overrides)
    closing = [one.name for one in judged if one.closes]
    notable = [one.name for one in judged if one.override or one.verdict == "warn"]
    verdict: Verdict = "fail" if closing else "warn" if notable else "pass"
    summary = f"{name} gate: {len(judged) - len(closing)} of {len(judged)} conditions hold"
    summary += f"; refused by {', '.join(closing)}" if closing else ""
    overridden = [f"{one.name} by {one.override.by}" for one in judged if one.override]
    summary += f"; overridden: {', '.join(overridden)}" if overridden else ""
    parents = tuple(dict.fromkeys(one_id for one in judged for one_id in one.evidence))
    figures = {"gate": name, "conditions": [one.to_json() for one in judged]}
    return Evidence(f"gate.{name}", subject, verdict, summary, figures, parents)


def approve(
    name: GateName, last: Evidence | None, *, subject: str, actor: str, reason: str, override: bool = False
) -> Evidence:
    """A person's word on a gate that has decided before: approval of what held, or an override of what failed.

    Args:
        last: The gate's last decision on this subject; None where it was never asked.
        override: Let every failed condition other than the approval itself pass, in this person's name.

    Raises:
        UsageError: The gate was never asked, or no person or no reason is named.
    """
    if last is None:
        raise UsageError(f"the {name} gate was never asked about {subject}; run `assay run` first.")
    require_person(actor, reason)
    conditions = [_reread(one, last.id) for one in last.figures["conditions"]]
    conditions = [
        replace(one, verdict="pass", reason=f"approved by {actor}: {reason}") if one.name == "approval" else one
        for one in conditions
    ]
    failed = [one.name for one in conditions if one.closes]
    overrides = [Override(one, actor, reason) for one in failed] if override else []
    return decide(name, conditions, subject=subject, overrides=overrides)


def require_person(actor: str, reason: str) -> None:
    """See that a decision has a name and a reason before anything is done for it.

    Raises:
        UsageError: One of them is missing.
    """
    if not actor.strip() or not reason.strip():
        raise UsageError("who lets the version through its gate, and why? Both are recorded: --by NAME --reason TEXT.")


def refuse(gate: Evidence) -> None:
    """Raise what a closed gate found.

    Raises:
        GateRefused: The gate's verdict is `fail`; the message names each condition, its figures and its records.
    """
    if gate.verdict != "fail":
        return
    failed = [one for one in gate.figures["conditions"] if one["verdict"] == "fail" and one["override"] is None]
    lines = [f"  {one['name']}: {one['reason']} [{', '.join(one['evidence']) or 'no record'}]" for one in failed]
    raise GateRefused(
        f"the {gate.figures['gate']} gate refused {gate.subject} ({gate.id or 'unrecorded'}):\n"
        + "\n".join(lines)
        + "\nMend what failed, or let a named person override it with a reason."
    )


def _with_overrides(conditions: Sequence[Condition], overrides: Sequence[Override]) -> list[Condition]:
    failed = {one.name for one in conditions if one.verdict == "fail"}
    by_name = {one.condition: one for one in overrides}
    for override in overrides:
        if not override.by.strip() or not override.reason.strip():
            raise UsageError(f"an override of {override.condition!r} needs a person's name and a reason.")
    idle = sorted(set(by_name) - failed)
    if idle:
        raise UsageError(f"nothing to override in {', '.join(idle)}; failed: {', '.join(sorted(failed)) or 'none'}.")
    return [replace(one, override=by_name.get(one.name, one.override)) for one in conditions]


def _reread(recorded: Mapping[str, Any], gate: str) -> Condition:
    """A condition as a gate recorded it, resting on that gate's record as well as on its own."""
    given = recorded["override"]
    override = Override(recorded["name"], given["by"], given["reason"]) if given else None
    return Condition(recorded["name"], recorded["verdict"], recorded["reason"], (gate, *recorded["evidence"]), override)
