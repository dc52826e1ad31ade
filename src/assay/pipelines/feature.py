"""The feature pipeline: sources become snapshots, are checked and cut, and turn into feature rows.

Reads sources; writes snapshots, the sealed holdout, offline and online features. Learns nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assay.config.settings import Source, Target
from assay.data import expectations, holdout, leakage, quality, snapshots, splits
from assay.data import sources as source_files
from assay.errors import DataError, GateRefused, KillCriterionFired, LeakageFound
from assay.framing import kill_criteria
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.pipelines.building import build_views
from assay.pipelines.quality_watch import compare_with_last
from assay.pipelines.reconciling import reconcile_parts, reconcile_sources, source_step
from assay.pipelines.run import Run, Step
from assay.pipelines.understanding import write_reports
from assay.pipelines.workspace import Workspace

Frames = dict[str, pl.LazyFrame]


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
        read = source_files.read(name, source, workspace.folder)
        snapshot = snapshots.take(name, read, root)
        frozen = snapshots.load(snapshot, root)
        taken.append(snapshot.evidence)
        steps.append(source_step(name, source, read, frozen))
        frames[name] = known_at(frozen, run.as_of)
    recorded = run.record_all(taken)
    reconcile_sources(run, steps)
    return frames, tuple(one.id for one in recorded)


def known_at(frame: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """The rows of `frame` that were known before `as_of`; all of them where the source has no time."""
    if "known_at" not in frame.collect_schema().names():
        return frame
    return frame.filter(pl.col("known_at") < as_of)


def meet_expectations(run: Run, frames: Frames) -> list[Evidence]:
    """Hold each source against what was declared of it."""
    checked = []
    for name, frame in frames.items():
        source = run.workspace.settings.sources[name]
        truth = frames[source.truth.source] if source.truth else None
        checked.append(expectations.check(name, frame, source, now=run.as_of, truth=truth))
    return run.record_all(checked)


def refuse_broken(checked: list[Evidence]) -> None:
    """Stop where rows break a declared rule of severity error.

    Raises:
        GateRefused: With each such rule, how many rows break it, and the first of them.
    """
    broken = {f"{one.subject.partition(':')[2]} [{one.id}]": expectations.refusals(one) for one in checked}
    if any(broken.values()):
        said = "; ".join(f"{name}: {'; '.join(rules)}" for name, rules in broken.items() if rules)
        raise GateRefused(
            f"expectations gate: {said}. Correct the rows at the source, or declare the rule with `severity: warning`."
        )


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


def label_rows(workspace: Workspace, frames: Frames, *, months: int | None = None) -> pl.DataFrame:
    """The rows to predict with their labels, of the last `months` where the target has a time."""
    target = workspace.settings.target
    rows = label_columns(workspace, frames[target.source])
    if target.time is None or months is None or rows.is_empty():
        return rows
    return rows.filter(pl.col(target.time) > pl.col(target.time).max().dt.offset_by(f"-{months}mo"))


def label_columns(workspace: Workspace, frame: pl.LazyFrame) -> pl.DataFrame:
    """Apply `target.rows` to the source's frame, and see that every column the target names is there.

    Raises:
        ConfigError: `target.rows` names no function of the project.
        DataError: A column that the target names is missing, or its time is no time in UTC.
    """
    target = workspace.settings.target
    rows = _rows_of(workspace, frame)
    columns = (*target.entity_columns, *target.inputs, *target.context)
    named = [target.key, target.label, *columns, target.time, target.group]
    missing = [column for column in dict.fromkeys(named) if column is not None and column not in rows.columns]
    if missing:
        raise DataError(
            f"target: the rows lack {missing}; they have {rows.columns}. Correct `target` in assay.yaml"
            + (f", or what {target.rows} returns." if target.rows else f", or source {target.source!r}.")
        )
    if target.time is not None:
        splits.refuse_no_instant(rows, target.time)
    if target.positive is not None:
        return rows.with_columns((pl.col(target.label) == target.positive).cast(pl.Int8).alias(target.label))
    return rows


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


def pass_quality_gate(run: Run, frames: Frames, cut: splits.Cut) -> Evidence:
    """Stop the run where the data is too poor to learn from.

    Raises:
        KillCriterionFired: It has been too poor for a fortnight.
        GateRefused: The score is below `gates.quality_minimum`.
    """
    assessment = assess_quality(run, frames, cut)
    minimum = run.workspace.settings.gates.quality_minimum
    history = run.workspace.ledger.find(kind="data.quality")
    overdue = run.record(kill_criteria.quality_overdue(history, minimum=minimum, now=run.workspace.clock()))
    if overdue.verdict == "fail":
        raise KillCriterionFired(f"{overdue.summary} [{overdue.id}]")
    if assessment.verdict == "fail":
        raise GateRefused(f"quality gate: {assessment.summary} [{assessment.id}]")
    return assessment


def assess_quality(run: Run, frames: Frames, cut: splits.Cut | None) -> Evidence:
    """Score what was known before the holdout begins; relevance is judged on the training rows, where there are any."""
    settings = run.workspace.settings
    target = settings.target
    run.progress(Step("quality"))
    labels = None if cut is None else LabelledFrame(cut.train, target.key, target.label, (), target.time)
    assessment = run.record(
        quality.assess(
            {name: _before_holdout(frame, cut) for name, frame in frames.items()},
            settings.sources,
            labels=labels,
            now=run.as_of,
            minimum=settings.gates.quality_minimum,
            newest={name: _newest(frame) for name, frame in frames.items()},
            truths=frames,
        )
    )
    compare_with_last(run, assessment)
    return assessment


def check_inputs(run: Run, frames: Frames) -> Evidence:
    """Prove that what comes with a request does not depend on what is only known afterwards.

    Raises:
        LeakageFound: An input column carries the outcome.
    """
    target = run.workspace.settings.target
    source: Source = run.workspace.settings.sources[target.source]
    found = run.record(
        leakage.check_inputs(
            lambda frame: _rows_of(run.workspace, frame),
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


def _rows_of(workspace: Workspace, frame: pl.LazyFrame) -> pl.DataFrame:
    """Apply `target.rows` to the source's frame; where none is named, its rows with their time as it was read."""
    target = workspace.settings.target
    if target.rows is None:
        if target.time is not None and target.time == workspace.settings.sources[target.source].time:
            frame = frame.with_columns(pl.col("event_time").alias(target.time))
        return frame.collect()
    rows = workspace.function(target.rows, field="target.rows")(frame)
    return rows.collect() if isinstance(rows, pl.LazyFrame) else rows


def _sides(target: Target) -> list[str]:
    """Columns of the roles that one kind of entity plays (home and away of a game): a mirrored row swaps them."""
    roles = [
        (name, role) if isinstance(role, str) else (role.entity, role.column) for name, role in target.entities.items()
    ]
    played = Counter(entity for entity, _ in roles)
    return [column for entity, column in roles if played[entity] > 1]


def _newest(frame: pl.LazyFrame) -> datetime | None:
    """When the last row became known; None where the source has no time."""
    if "known_at" not in frame.collect_schema().names():
        return None
    newest: datetime | None = frame.select(pl.col("known_at").max()).collect().item()
    return newest


def _before_holdout(frame: pl.LazyFrame, cut: splits.Cut | None) -> pl.LazyFrame:
    """The part of a source that was known before the first holdout row."""
    if cut is None or cut.holdout_from is None or "known_at" not in frame.collect_schema().names():
        return frame
    return frame.filter(pl.col("known_at") < cut.holdout_from)
