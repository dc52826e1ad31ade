"""A run: one pass through some of the pipelines, under one id, with every result recorded under it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from assay.ledger.evidence import Evidence
from assay.pipelines.code_version import code_version
from assay.pipelines.environment import environment
from assay.pipelines.parentage import REGISTERED, parents_of
from assay.pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Step:
    """Where long work stands.

    Attributes:
        stage: What is being done, in a word or two.
        done: Units finished.
        of: Units in all; 0 when unknown.
        note: What a person would like to see beside the bar.
    """

    stage: str
    done: int = 0
    of: int = 0
    note: str = ""


Progress = Callable[[Step], None]

PASSWORD_OF_USER = re.compile(r"(?<=://)([^:/?#@]*):.*@")  # greedy: a password may hold an @ of its own
TOKEN_ALONE = re.compile(r"(?<=://)[^:/?#@]+(?=@)")  # before a host whose scheme has tokens and no user names
TOKEN_SCHEMES = ("nats://", "tls://", "http://", "https://")
PASSWORD_IN_QUERY = re.compile(r"([?&][^=&]*(?:pass|pwd|secret|token|key|credential)[^=&]*=)[^&#]*", re.IGNORECASE)


def silent(_step: Step) -> None:
    """A progress listener that shows nothing."""


@dataclass(slots=True)
class Run:
    """What the pipelines of one run share: where they work, under which id, as of when, with which randomness."""

    workspace: Workspace
    id: str
    as_of: datetime
    rng: np.random.Generator
    progress: Progress = silent
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def report(self) -> Path:
        """Where the run's report is written when it ends."""
        return self.workspace.state / "reports" / f"{self.id}.html"

    def record(self, evidence: Evidence) -> Evidence:
        """Put `evidence` in the ledger under this run and return it with its id; see `record_all`."""
        return self.record_all([evidence])[0]

    def record_all(self, evidences: Iterable[Evidence]) -> list[Evidence]:
        """Record several at once, in one transaction; each that names no parents is given those of `parentage`."""
        recorded = self.workspace.ledger.record_all([self._with_parents(one) for one in evidences], run=self.id)
        self.evidence.extend(recorded)
        return recorded

    def _with_parents(self, evidence: Evidence) -> Evidence:
        if evidence.parents:
            return evidence
        workspace = self.workspace
        parents = parents_of(
            evidence,
            self.evidence,
            settings=workspace.settings,
            views=workspace.definitions.views,
            registered=lambda subject: workspace.ledger.latest(REGISTERED, subject),
        )
        return replace(evidence, parents=parents)

    def of_kind(self, prefix: str) -> list[Evidence]:
        """This run's evidence whose kind starts with `prefix`, oldest first."""
        return [one for one in self.evidence if one.kind.startswith(prefix)]


def begin(
    workspace: Workspace,
    *,
    as_of: datetime | None = None,
    because: Evidence | None = None,
    asked: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Run:
    """Start a run: take the day's next number and note what is about to happen, why, with which code and settings.

    Args:
        workspace: The project.
        as_of: The run's moment; now by default.
        because: The trigger that asked for this run, where one did.
        asked: What was asked of training beside the settings, as `loop.asked_of_training` gives it.
        progress: Told where the work stands.
    """
    now = workspace.clock()
    day = now.strftime("%Y-%m-%d")
    run_id = _next_run(workspace, day)
    rng = np.random.default_rng(workspace.settings.training.seed)
    run = Run(workspace, run_id, as_of or now, rng, progress)
    definitions = workspace.definitions
    run.record(
        Evidence(
            kind="run.started",
            subject=f"run:{run_id}",
            verdict="info",
            summary=f"{workspace.settings.name}, as of {run.as_of:%Y-%m-%d %H:%M} UTC",
            figures={
                "as_of": run.as_of,
                "settings": without_passwords(workspace.settings.model_dump(mode="json", exclude={"serving"})),
                "definitions": {
                    **{view.name: view.digest for view in definitions.views},
                    **{view.name: view.digest for view in definitions.request_views},
                },
                "code": code_version(workspace.folder),
                "environment": environment(),
                **({"asked": dict(asked)} if asked is not None else {}),
            },
            parents=(because.id,) if because else (),
        )
    )
    return run


def _next_run(workspace: Workspace, day: str) -> str:
    """The day's next run that has no record yet: counters are not in the chain, and may have been set back."""
    while True:
        run_id = f"RUN-{day}-{workspace.ledger.next_number(f'RUN-{day}'):03d}"
        if not workspace.ledger.find(run=run_id, limit=1):
            return run_id


def without_passwords(settings: Any) -> Any:
    """The same settings with `***` for every password in a URL: what the ledger holds cannot be taken back."""
    if isinstance(settings, dict):
        return {key: without_passwords(value) for key, value in settings.items()}
    if isinstance(settings, list):
        return [without_passwords(value) for value in settings]
    if isinstance(settings, str) and "://" in settings:
        if settings.strip().lower().startswith(TOKEN_SCHEMES):
            settings = TOKEN_ALONE.sub("***", settings)
        return PASSWORD_IN_QUERY.sub(r"\1***", PASSWORD_OF_USER.sub(r"\1:***@", settings))
    return settings
