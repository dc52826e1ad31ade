"""The registry: registers model versions, moves them between stages, rolls back, and answers what served when.

It has no table of its own: every answer is the fold of `versions.py` over the ledger, so the registry cannot say
anything that the hash chain does not prove, and the past is the same fold up to an instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from assay.errors import NotFound, UsageError
from assay.ledger.evidence import Evidence
from assay.models.bundle import BlobStore, Bundle
from assay.release.versions import ALLOWED, REGISTERED, STAGE, ModelVersion, Period, Shelf, Stage, fold


class Records(Protocol):
    """The part of the ledger that the registry uses."""

    def record(self, evidence: Evidence, *, run: str = "") -> Evidence: ...

    def find(self, *, kind: str | None = None, until: datetime | None = None) -> list[Evidence]: ...

    def next_number(self, series: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Registry:
    """Versions by name.

    Attributes:
        ledger: Where everything is recorded and read from.
        artifacts: Where the bundles are. Every byte of a bundle is read and verified before its version is
            registered or enters production, so that nothing broken is promoted or rolled back to.
    """

    ledger: Records
    artifacts: BlobStore

    def register(
        self,
        name: str,
        digest: str,
        *,
        signature_digest: str,
        profile_digest: str = "",
        parents: Sequence[str] = (),
        run: str = "",
    ) -> ModelVersion:
        """Give the bundle a version number in development; the same bundle again gets the version it has.

        The first is 1.0.0; a changed signature raises the major, anything else the minor. Numbers are claimed with
        an atomic counter, so two runs at once get two numbers; a run killed in between leaves a gap.
        """
        Bundle.load(self.artifacts, digest)
        shelf = self._shelf(name)
        for version in shelf.versions.values():
            if version.bundle == digest:
                return version
        number = self._claim(name, shelf.newest, signature_digest)
        figures = {
            "name": name,
            "number": number,
            "bundle": digest,
            "signature_digest": signature_digest,
            "profile_digest": profile_digest,
        }
        summary = f"{name}@{number} registered, bundle {digest[:12]}"
        evidence = Evidence(REGISTERED, f"model:{name}@{number}", "info", summary, figures, tuple(parents))
        self.ledger.record(evidence, run=run)
        return self.get(f"{name}@{number}")

    def move(
        self,
        version: ModelVersion,
        stage: Stage,
        *,
        because: Sequence[str],
        actor: str,
        reason: str = "",
        run: str = "",
    ) -> Evidence:
        """Move a version to a stage; entering production archives the version that was there.

        Args:
            because: Ids of the evidence that decided, usually the gate; never empty.
            actor: Person or automation that acts, for the record.

        Raises:
            UsageError: The stage cannot be reached from the present one, or nothing decided it.
            IntegrityError: The version's bundle is damaged.
        """
        current = self.get(version.reference)
        allowed = tuple(one for one in ALLOWED[current.stage] if (current.stage, one) != ("archived", "production"))
        if stage not in allowed:
            raise UsageError(
                f"{current.reference} is in {current.stage} and can go to {' or '.join(allowed)}, not to {stage}."
            )
        if not because:
            raise UsageError(f"{current.reference} moves to {stage} only because of evidence; name the records.")
        return self._record_move(current, stage, action="move", because=because, actor=actor, reason=reason, run=run)

    def rollback(self, name: str, *, actor: str, reason: str, run: str = "") -> tuple[ModelVersion, Evidence]:
        """Put the version that served before back into production, in one record.

        A second rollback goes one further back; a version rolled back from is never returned to this way.

        Raises:
            UsageError: No reason was given, or nothing served before.
            IntegrityError: The earlier version's bundle is damaged.
        """
        if not reason.strip():
            raise UsageError("a rollback is recorded with its reason; give one.")
        shelf = self._shelf(name)
        if shelf.production is None or len(shelf.served) < 2:
            serving = shelf.production.reference if shelf.production else "nothing"
            raise UsageError(
                f"{name}: {serving} is in production and no version served before it; promote another version."
            )
        earlier = shelf.versions[shelf.served[-2]]
        because = [shelf.production.deployment, earlier.deployment]
        evidence = self._record_move(
            earlier, "production", action="rollback", because=because, actor=actor, reason=reason, run=run
        )
        return self.get(earlier.reference), evidence

    def get(self, reference: str, *, name: str = "") -> ModelVersion:
        """Find `name@1.2.0`, or with `name` one of the aliases `production`, `staging`, `latest`, or a bare number.

        Raises:
            NotFound: No such version; the message lists those there are.
        """
        if "@" in reference:
            name, reference = reference.split("@", 1)
        shelf = self._shelf(name)
        found = _by_alias(shelf, reference) or shelf.versions.get(reference)
        if found is None:
            known = ", ".join(shelf.versions) or "none"
            raise NotFound(f"the registry has no {name}@{reference}. Versions of {name or 'that model'}: {known}.")
        return found

    def versions(self, name: str) -> list[ModelVersion]:
        """Every version of a model, oldest first."""
        return list(self._shelf(name).versions.values())

    def names(self) -> list[str]:
        return sorted(self._fold())

    def production(self, name: str, at: datetime | None = None) -> ModelVersion | None:
        """What serves now, or served at a past instant; None where nothing did."""
        return self._shelf(name, until=at).production

    def staging(self, name: str) -> ModelVersion | None:
        """The version that entered staging last; None where none is there."""
        return _by_alias(self._shelf(name), "staging")

    def served(self, name: str) -> list[Period]:
        """Every stretch of production, oldest first: version, from when to when, share, and the record."""
        return list(self._shelf(name).periods)

    def _record_move(
        self,
        version: ModelVersion,
        stage: Stage,
        *,
        action: str,
        because: Sequence[str],
        actor: str,
        reason: str,
        run: str,
    ) -> Evidence:
        if stage == "production":
            Bundle.load(self.artifacts, version.bundle)
        before = self.production(version.name)
        replaced = before.reference if stage == "production" and before else None
        figures = {
            "name": version.name,
            "number": version.number,
            "stage": stage,
            "from": version.stage,
            "action": action,
            "replaced": replaced,
            "actor": actor,
            "reason": reason,
        }
        summary = f"{version.reference}: {version.stage} → {stage}" + (f", replacing {replaced}" if replaced else "")
        summary += f" ({action} by {actor})" if action != "move" else f" (by {actor})"
        parents = tuple(dict.fromkeys([version.registered, *because]))
        return self.ledger.record(Evidence(STAGE, version.subject, "info", summary, figures, parents), run=run)

    def _claim(self, name: str, newest: ModelVersion | None, signature_digest: str) -> str:
        """The next free number: the counter of each number gives 1 to exactly one caller."""
        major, minor = _next_number(newest, signature_digest)
        while self.ledger.next_number(f"model:{name}@{major}.{minor}.0") != 1:
            minor += 1
        return f"{major}.{minor}.0"

    def _shelf(self, name: str, *, until: datetime | None = None) -> Shelf:
        return self._fold(until=until).get(name, Shelf({}, [], []))

    def _fold(self, *, until: datetime | None = None) -> dict[str, Shelf]:
        registered = self.ledger.find(kind=REGISTERED, until=until)
        return fold(registered, self.ledger.find(kind=STAGE, until=until))


def _next_number(newest: ModelVersion | None, signature_digest: str) -> tuple[int, int]:
    if newest is None:
        return 1, 0
    if newest.signature_digest != signature_digest:
        return newest.major + 1, 0
    return newest.major, int(newest.number.split(".")[1]) + 1


def _by_alias(shelf: Shelf, alias: str) -> ModelVersion | None:
    if alias == "production":
        return shelf.production
    if alias == "latest":
        return shelf.newest
    if alias == "staging":
        found = [one for one in shelf.versions.values() if one.stage == "staging"]
        return max(found, key=lambda one: one.since, default=None)
    return None
