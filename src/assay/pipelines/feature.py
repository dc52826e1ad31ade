"""The feature pipeline: sources become snapshots, are checked and cut, and turn into feature rows.

Reads sources; writes snapshots, the sealed holdout, offline and online features. Learns nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from assay.config.settings import Source, Target
from assay.data import holdout, leakage, snapshots, splits
from assay.errors import DataError, GateRefused, LeakageFound
from assay.ledger.evidence import Evidence
from assay.pipelines.building import build_views
from assay.pipelines.frames import Frames, known_at, label_rows, rows_to_predict
from assay.pipelines.quality_gate import assess_quality, meet_expectations, pass_quality_gate, refuse_broken
from assay.pipelines.reconciling import reconcile_parts, reconcile_sources, source_step
from assay.pipelines.run import Run, Step
from assay.pipelines.understanding import write_reports


@dataclass(frozen=True, slots=True)
class FeatureOutcome:
    """What training starts from.

    Attributes:
        sources: Snapshot of each source, as it was known at the run's moment.
        train: Label rows to learn from.
        validation: Label rows to choose by.
        sealed: The holdout, cut off and closed.
        snapshots: Ids of the snapshots' evidence.
        quality: The quality assessment that let the run go on.
    """

    sources: Frames
    train: pl.DataFrame
    validation: pl.DataFrame
    sealed: holdout.Sealed
    snapshots: tuple[str, ...]
    quality: Evidence


def run_features(run: Run, *, months: int | None = None, full: bool | None = None) -> FeatureOutcome:
    """Turn sources into features that can be trusted, and cut off what nobody may look at yet.

    Args:
        run: The run to record under.
        months: Take only label rows of the last so many months; all by default.
        full: Build every view from its first row; by default only where its definition has changed.

    Raises:
        GateRefused: The data is not good enough to learn from.
        LeakageFound: An input, a split or a duplicate would give the answer away.
    """
    frames, snapshot_ids = take_snapshots(run)
    checked = meet_expectations(run, frames)
    cut = cut_or_assess(run, frames, months=months)
    sealed = holdout.seal(cut.holdout, run.workspace.state)
    assessment = pass_quality_gate(run, frames, cut)
    refuse_broken(checked)
    check_inputs(run, frames)
    build_views(run, frames, full=full)
    return FeatureOutcome(frames, cut.train, cut.validation, sealed, snapshot_ids, assessment)


def take_snapshots(run: Run) -> tuple[Frames, tuple[str, ...]]:
    """Freeze every source under its digest, and read it back as it was known at the run's moment.

    Raises:
        DataError: A source cannot be read, or its snapshot does not hold the same rows.
    """
    workspace = run.workspace
    frames: Frames = {}
    taken: list[Evidence] = []
    steps = []
    root = workspace.state / "snapshots"
    for number, (name, source) in enumerate(workspace.settings.sources.items()):
        run.progress(Step("snapshots", number, len(workspace.settings.sources), name))
        read = workspace.read_source(name)
        snapshot = snapshots.take(name, read, root)
        frozen = snapshots.load(snapshot, root)
        taken.append(snapshot.evidence)
        steps.append(source_step(name, source, read, frozen))
        frames[name] = known_at(frozen, run.as_of)
    recorded = run.record_all(taken)
    reconcile_sources(run, steps)
    return frames, tuple(one.id for one in recorded)


def cut_or_assess(run: Run, frames: Frames, *, months: int | None) -> splits.Cut:
    """Cut the label rows; where the data is too poor even for that, say so with its score.

    Raises:
        GateRefused: The rows cannot be cut, and the data scores below the gate.
        DataError: The rows cannot be cut, though the data is good enough.
    """
    try:
        rows = label_rows(run.workspace, frames, months=months)
        cut = cut_rows(run, rows)
    except DataError as problem:
        assessment = assess_quality(run, frames, None)
        if assessment.verdict == "fail":
            raise GateRefused(f"quality gate: {assessment.summary} [{assessment.id}]; {problem}") from problem
        raise
    reconcile_parts(run, frames, rows, cut)
    return cut


def cut_rows(run: Run, rows: pl.DataFrame) -> splits.Cut:
    """Cut the rows before anything looks at them, and prove that the parts share nothing.

    Raises:
        LeakageFound: Rows repeat each other, or the cut would let the future into the past.
    """
    target, subject = run.workspace.settings.target, f"label:{run.workspace.settings.target.label}"
    sides = _sides(target)
    refuse_leak(run.record(leakage.check_duplicates(rows, key=target.key, time=target.time, entities=sides)))
    try:
        cut = splits.cut(
            rows,
            key=target.key,
            time=target.time,
            group=target.group,
            split=run.workspace.settings.split,
            label=target.label,
        )
    except LeakageFound as refusal:
        run.record(Evidence("leakage.split", subject, "fail", str(refusal), {"n_rows": rows.height}))
        raise
    run.record(cut.evidence)
    refuse_leak(run.record(leakage.check_split(cut, key=target.key, time=target.time, group=target.group)))
    return cut


def check_inputs(run: Run, frames: Frames) -> Evidence:
    """Prove that what comes with a request does not depend on what is only known afterwards.

    Raises:
        LeakageFound: An input column carries the outcome.
    """
    target = run.workspace.settings.target
    source: Source = run.workspace.settings.sources[target.source]
    found = run.record(
        leakage.check_inputs(
            lambda frame: rows_to_predict(run.workspace, frame),
            frames[target.source],
            source=source,
            target=target,
            rng=run.rng,
            accepted=run.workspace.settings.leakage.accepted,
        )
    )
    refuse_leak(found)
    return found


def assess_only(run: Run) -> list[Evidence]:
    """Snapshots, expectations, data reports and the score; the holdout is cut first here too. The score comes last."""
    frames, _ = take_snapshots(run)
    checked = meet_expectations(run, frames)
    cut = cut_or_assess(run, frames, months=None)
    reports = write_reports(run, frames, cut)
    return [*checked, *reports, assess_quality(run, frames, cut)]


def build_only(run: Run, *, full: bool) -> list[Evidence]:
    """Snapshots and expectations, then every view.

    Raises:
        GateRefused: Rows break a declared rule of severity error; no view was touched.
    """
    frames, _ = take_snapshots(run)
    refuse_broken(meet_expectations(run, frames))
    return build_views(run, frames, full=full)


def refuse_leak(found: Evidence) -> None:
    """Stop the run on a failed leakage check.

    Raises:
        LeakageFound: `found` failed; the message is its summary.
    """
    if found.verdict == "fail":
        raise LeakageFound(f"{found.summary} [{found.id}]")


def _sides(target: Target) -> list[str]:
    """Columns of the roles that one kind of entity plays (home and away of a game): a mirrored row swaps them."""
    roles = [
        (name, role) if isinstance(role, str) else (role.entity, role.column) for name, role in target.entities.items()
    ]
    played = Counter(entity for entity, _ in roles)
    return [column for entity, column in roles if played[entity] > 1]
