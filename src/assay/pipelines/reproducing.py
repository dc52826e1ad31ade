"""Reproducing an experiment (EX-4): train again from its snapshots as it was asked then, and hold the two together.

The training happens in a replica, so that the project is as it was; only the verdict is recorded. On the same machine
with the same versions a bundle comes out byte for byte. Where it does not, what differs is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from assay.config.settings import Settings, moment_of
from assay.data import snapshots
from assay.errors import AssayError, IntegrityError, NotFound, UsageError
from assay.evaluation.records import Records
from assay.evaluation.side_by_side import NOT_TOLD, told_to
from assay.ledger.evidence import Evidence, plain
from assay.models.bundle import Bundle
from assay.pipelines import loop
from assay.pipelines.comparing import experiment
from assay.pipelines.replica import Replica
from assay.pipelines.run import Progress, silent
from assay.pipelines.training import TrainingOutcome
from assay.pipelines.workspace import Workspace
from assay.stores.artifacts import ArtifactStore

KIND = "training.reproduction"
OF_THE_PLACE = ("stores.", "serving.")  # settings that say where a replica works, not what it learns


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was not the same the second time."""

    what: str
    recorded: str
    now: str

    def to_json(self) -> dict[str, str]:
        return {"what": self.what, "recorded": self.recorded, "now": self.now}


@dataclass(frozen=True, slots=True)
class Original:
    """An experiment that can be asked for again.

    Attributes:
        record: Its last record.
        run: The records of its run.
        settings: The settings it had.
        frozen: Digest of each source's snapshot.
        asked: `trials`, `months`, `fixed`.
        as_of: The run's moment.
    """

    record: Evidence
    run: tuple[Evidence, ...]
    settings: Settings
    frozen: Mapping[str, str]
    asked: Mapping[str, Any]
    as_of: str

    @property
    def bundle(self) -> str:
        return str(self.record.figures["artifacts"]["bundle"])


def reproduce(workspace: Workspace, name: str, *, progress: Progress = silent) -> Evidence:
    """Train an experiment again and record whether it came out the same; `fail` where it did not.

    Raises:
        NotFound: There is no experiment of that name.
        UsageError: It left no model, or was recorded before runs said what was asked of them.
    """
    original = original_of(workspace, name)
    with workspace.alone("assay reproduce"):
        gone = missing_snapshots(workspace, original)
        if gone:
            return workspace.ledger.record(_verdict(original, gone, problem="snapshots are gone or were changed"))
        with TemporaryDirectory(dir=workspace.state, prefix="reproduce-") as place:
            replica = Replica(workspace, original.settings, state=Path(place), frozen=original.frozen)
            try:
                found = _train_again(workspace, replica, original, progress)
            finally:
                replica.close()
        return workspace.ledger.record(found)


def original_of(workspace: Workspace, name: str) -> Original:
    """Everything that the ledger says of how an experiment was made.

    Raises:
        NotFound: There is no experiment of that name.
        UsageError: It left no model, or its run does not say what was asked of it.
    """
    record = experiment(workspace, name)
    if not record.figures.get("artifacts", {}).get("bundle"):
        raise UsageError(f"{name} left no model to compare with: {record.summary}.")
    run = tuple(workspace.ledger.find(run=record.run))
    started = next((one for one in run if one.kind == "run.started"), None)
    if started is None or "asked" not in started.figures:
        raise UsageError(f"{name} was made by an Assay that did not record what was asked of a run. Train it again.")
    figures = started.to_json()["figures"]
    try:
        settings = Settings.model_validate(figures["settings"])
    except ValidationError as problem:
        fields = ", ".join(".".join(map(str, one["loc"])) for one in problem.errors())
        raise UsageError(
            f"the settings of {name}, recorded in {started.id}, are no longer understood: {fields}. Reproduce it with "
            f"Assay {figures['code'].get('assay')}, or train it again."
        ) from problem
    taken = {one.subject.partition(":")[2]: one.figures["digest"] for one in run if one.kind == "data.snapshot"}
    return Original(record, run, settings, taken, figures["asked"], figures["as_of"])


def missing_snapshots(workspace: Workspace, original: Original) -> list[Difference]:
    """Snapshots that cannot be read as they were taken."""
    root, missing = workspace.state / "snapshots", []
    for source, digest in original.frozen.items():
        try:
            snapshots.load(digest, root)
        except NotFound:
            missing.append(Difference(f"snapshot {source}", digest, "gone"))
        except IntegrityError:
            missing.append(Difference(f"snapshot {source}", digest, "changed since it was taken"))
    return missing


def _train_again(workspace: Workspace, replica: Replica, original: Original, progress: Progress) -> Evidence:
    asked, outcome, problem = original.asked, None, ""
    fixed = None if asked["fixed"] is None else (asked["fixed"]["estimator"], dict(asked["fixed"]["params"]))
    try:
        outcome = loop.train_only(
            replica,
            trials=asked["trials"],
            as_of=moment_of(original.as_of),
            months=asked["months"],
            fixed=fixed,
            progress=progress,
        )
    except AssayError as failure:
        problem = f"training ended early: {failure}"
    differences = what_differs(original, replica)
    if outcome is None:
        return _verdict(original, differences, problem=problem)
    files = differing_files(workspace.artifacts, original.bundle, replica.artifacts, outcome.bundle_digest)
    return _verdict(original, [*differences, *files], outcome=outcome)


def what_differs(original: Original, replica: Replica) -> list[Difference]:
    """What the two were told that is not the same: code, definitions, libraries, machine, choices, data."""
    again = replica.ledger.find()
    made = [one for one in again if one.kind == original.record.kind] or [
        Evidence(original.record.kind, "", "info", "")
    ]
    before = told_to(Records([original.record]).all[0], Records(original.run))
    after = told_to(Records(made[-1:]).all[0], Records(again))
    names = [name for name in dict.fromkeys((*before, *after)) if not name.startswith(OF_THE_PLACE)]
    pairs = ((name, before.get(name, NOT_TOLD), after.get(name, NOT_TOLD)) for name in names)
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def differing_files(theirs: ArtifactStore, recorded: str, ours: ArtifactStore, now: str) -> list[Difference]:
    """Files of the two bundles that are not the same; one difference where the recorded bundle cannot be read."""
    if recorded == now:
        return []
    try:
        old = Bundle.load(theirs, recorded).files
    except (NotFound, IntegrityError) as problem:
        return [Difference("bundle", f"cannot be read: {problem}", now)]
    new = Bundle.load(ours, now).files
    return [
        Difference(f"bundle file {name}", _size(old.get(name)), _size(new.get(name)))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _size(content: bytes | None) -> str:
    return "not there" if content is None else f"{len(content):,} bytes"


def _verdict(
    original: Original, differences: list[Difference], *, outcome: TrainingOutcome | None = None, problem: str = ""
) -> Evidence:
    """Kind `training.reproduction`: `pass` where bundle and metrics are equal, whatever else differs."""
    recorded = plain(original.record.figures["metrics"])
    now = {} if outcome is None else plain(outcome.evaluation.metrics)
    metrics = {name: {"recorded": recorded.get(name), "now": now.get(name)} for name in {**recorded, **now}}
    unequal = [name for name, both in metrics.items() if both["recorded"] != both["now"]]
    digest = "" if outcome is None else outcome.bundle_digest
    is_equal = digest == original.bundle and not unequal
    name = original.record.subject.partition(":")[2]
    return Evidence(
        kind=KIND,
        subject=original.record.subject,
        verdict="pass" if is_equal else "fail",
        summary=_summary(name, original.bundle, digest, unequal, problem, is_equal=is_equal),
        figures={
            "equal": is_equal,
            "bundle": {"recorded": original.bundle, "now": digest},
            "metrics": metrics,
            "unequal": unequal,
            "differences": differences,
            "problem": problem,
        },
        parents=(original.record.id,),
    )


def _summary(name: str, bundle: str, digest: str, unequal: list[str], problem: str, *, is_equal: bool) -> str:
    if is_equal:
        return f"{name} reproduced: bundle {bundle[:12]} byte for byte, every metric equal"
    if problem:
        return f"{name} not reproduced: {problem}"
    same = "the same bundle" if bundle == digest else f"bundle {digest[:12]} instead of {bundle[:12]}"
    return f"{name} not reproduced: {same}; metrics that differ: {', '.join(unequal) or 'none'}"
