"""Model versions as a fold over ledger evidence: which exist, in which stage, and what served when.

Pure: takes the recorded evidence in order and calculates. Reading and writing the ledger is `registry.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.ledger.evidence import Evidence

REGISTERED = "model.registered"
STAGE = "model.stage"

Stage = Literal["development", "staging", "production", "archived"]

ALLOWED: Mapping[Stage, tuple[Stage, ...]] = {
    "development": ("staging", "archived"),
    "staging": ("production", "development", "archived"),
    "production": ("archived",),
    "archived": ("staging", "production"),  # production again only by rollback, see `Registry.rollback`
}


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version that the registry knows.

    Attributes:
        name: The model, `win-probability`.
        number: Semantic version, `1.2.0`: a new signature is a new major, a new fit of the same one a new minor.
        bundle: Digest of the bundle's manifest in the artifact store.
        signature_digest: Of what it reads and answers.
        profile_digest: Of the reference profile; empty where none was kept.
        stage: Where it is now, or was at the instant asked about.
        registered: Id of the evidence that registered it.
        since: When it entered the stage, RFC 3339.
        deployment: Id of the evidence that moved it there; the registration where nothing has moved it.
        run: The run that made it.
    """

    name: str
    number: str
    bundle: str
    signature_digest: str
    profile_digest: str
    stage: Stage
    registered: str
    since: str
    deployment: str
    run: str = ""

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.number}"

    @property
    def subject(self) -> str:
        return f"model:{self.reference}"

    @property
    def major(self) -> int:
        return parse_number(self.number)[0]

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.reference,
            "stage": self.stage,
            "bundle": self.bundle,
            "since": self.since,
            "registered": self.registered,
            "deployment": self.deployment,
            "run": self.run,
        }


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which one version answered; `until` is empty while it still does."""

    reference: str
    since: str
    until: str
    share: float
    evidence: str


@dataclass(slots=True)
class Shelf:
    """Everything known of one model name; `served` is the stack that rollback walks down."""

    versions: dict[str, ModelVersion]
    served: list[str]
    periods: list[Period]

    @property
    def production(self) -> ModelVersion | None:
        found = [one for one in self.versions.values() if one.stage == "production"]
        return found[0] if found else None

    @property
    def newest(self) -> ModelVersion | None:
        return max(self.versions.values(), key=lambda one: parse_number(one.number), default=None)


def parse_number(number: str) -> tuple[int, int, int]:
    """`1.2.0` as (1, 2, 0), so that 1.10.0 comes after 1.9.0."""
    major, minor, patch = (int(part) for part in number.split("."))
    return major, minor, patch


def fold(registered: Iterable[Evidence], moves: Iterable[Evidence]) -> dict[str, Shelf]:
    """Replay evidence, oldest first, into shelves by model name.

    Args:
        registered: Evidence of kind `model.registered`.
        moves: Evidence of kind `model.stage`.
    """
    shelves: dict[str, Shelf] = {}
    for evidence in registered:
        version = _registered(evidence)
        shelves.setdefault(version.name, Shelf({}, [], [])).versions[version.number] = version
    for evidence in moves:
        shelf = shelves.get(evidence.figures["name"])
        if shelf is not None and evidence.figures["number"] in shelf.versions:
            _apply(shelf, evidence)
    return shelves


def _registered(evidence: Evidence) -> ModelVersion:
    figures = evidence.figures
    return ModelVersion(
        name=figures["name"],
        number=figures["number"],
        bundle=figures["bundle"],
        signature_digest=figures["signature_digest"],
        profile_digest=figures["profile_digest"],
        stage="development",
        registered=evidence.id,
        since=evidence.time,
        deployment=evidence.id,
        run=evidence.run,
    )


def _apply(shelf: Shelf, evidence: Evidence) -> None:
    """Move one version; entering production archives whoever was there, in the same record."""
    number, stage = evidence.figures["number"], evidence.figures["stage"]
    before = shelf.production
    if stage == "production" and before is not None and before.number != number:
        shelf.versions[before.number] = _moved(before, "archived", evidence)
    shelf.versions[number] = _moved(shelf.versions[number], stage, evidence)
    if evidence.figures.get("action") == "rollback" and shelf.served:
        shelf.served.pop()
    elif stage == "production":
        shelf.served.append(number)
    if shelf.production != before:
        _note_period(shelf, evidence)


def _moved(version: ModelVersion, stage: Stage, evidence: Evidence) -> ModelVersion:
    return replace(version, stage=stage, since=evidence.time, deployment=evidence.id)


def _note_period(shelf: Shelf, evidence: Evidence) -> None:
    if shelf.periods and not shelf.periods[-1].until:
        shelf.periods[-1] = replace(shelf.periods[-1], until=evidence.time)
    now = shelf.production
    if now is not None:
        shelf.periods.append(Period(now.reference, evidence.time, "", 1.0, evidence.id))
