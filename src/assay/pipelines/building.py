"""Building: every view of a project is brought up to the run's moment, offline and online.

The part of the feature pipeline that computes; taking, checking and cutting the sources is `feature`'s. A view is
computed whole in this process, or in partitions: on a cluster, or here where its sources are larger than memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from assay.errors import PartitionsDepend
from assay.features import materialize, offline, partitions, shipped_code
from assay.features.definitions import FeatureView
from assay.features.materialize import BuildResult
from assay.features.partitioned_build import build_partitioned
from assay.features.partitioned_join import join_on
from assay.features.partitions import Plan, SourceFile
from assay.features.point_in_time import Join, join
from assay.features.shipped_code import ShippedView
from assay.ledger.evidence import Evidence
from assay.pipelines.run import Run, Step
from assay.pipelines.workspace import Workspace

LEAST_ON_A_CLUSTER = 16  # partitions, so that workers that are done early find more to do
MEGABYTE = 1_000_000


def build_views(run: Run, frames: Mapping[str, pl.LazyFrame], *, full: bool | None = None) -> list[Evidence]:
    """Bring the offline table and the online values of every view up to the run's moment.

    Args:
        run: The run to record under.
        frames: The sources by name, as they were known at the run's moment.
        full: Build every view from its first row; by default only where its definition has changed.

    Raises:
        ConfigError: A view declares partitions whose rows depend on each other.
    """
    workspace = run.workspace
    files = _files(run)
    built: list[Evidence] = []
    views = workspace.definitions.views
    for number, view in enumerate(views):
        step = Step("features", number, len(views), view.name)
        run.progress(step)
        changed = offline.definition_changed(view, workspace.tables) if full is None else full
        built.append(_build(view, frames, files, run=run, step=step, full=changed).evidence)
    run.progress(Step("features", len(views), len(views)))
    return run.record_all(built)


def join_of(workspace: Workspace) -> Join:
    """The point-in-time join where the engine works: in this process, or by ranges of entities on a cluster."""
    if workspace.engine.is_local:
        return join
    n_ranges = workspace.settings.engine_options.partitions or LEAST_ON_A_CLUSTER
    return join_on(workspace.engine, workspace.exchange, n_ranges=n_ranges)


def _files(run: Run) -> dict[str, SourceFile]:
    """This run's snapshots by the name of their source."""
    folder = run.workspace.state / "snapshots"
    taken = {one.subject.removeprefix("source:"): one.figures["digest"] for one in run.of_kind("data.snapshot")}
    return {name: SourceFile(str(folder / f"{digest}.parquet"), run.as_of) for name, digest in taken.items()}


def _build(
    view: FeatureView,
    frames: Mapping[str, pl.LazyFrame],
    files: Mapping[str, SourceFile],
    *,
    run: Run,
    step: Step,
    full: bool,
) -> BuildResult:
    """Build one view in partitions, where there is a plan for it and its rows allow it; whole otherwise."""
    workspace = run.workspace
    tables, online, engine = workspace.tables, workspace.online, workspace.engine
    plan = _plan(view, files, workspace)
    note = "" if engine.is_local else f"computed whole, not on {engine.name}"
    if plan is not None:
        try:
            done = build_partitioned(
                view,
                files,
                plan=plan,
                engine=engine,
                tables=tables,
                online=online,
                exchange=workspace.exchange,
                shipped=None if engine.is_local else _shipped(view, workspace),
                full=full,
                say=lambda stage: run.progress(replace(step, note=f"{view.name}: {stage}")),
            )
            return _noted(done, f"{plan.n_partitions} partitions on {engine.name}", plan.n_partitions)
        except PartitionsDepend as refusal:
            if view.partition_by:  # somebody said that it could be done in parts
                raise
            note = f"computed whole: {refusal}"
    sources = {name: frames[name] for name in view.sources}
    done = materialize.build(view, sources, tables=tables, online=online, full=full)
    return _noted(done, note, 1) if note else done


def _plan(view: FeatureView, files: Mapping[str, SourceFile], workspace: Workspace) -> Plan | None:
    """How the view's sources are cut by the settings of the engine; None where it is computed whole."""
    if any(name not in files for name in view.sources):
        return None
    options = workspace.settings.engine_options
    allowed = options.memory_mb and int(options.memory_mb * MEGABYTE)
    return partitions.plan(
        view,
        files,
        memory_bytes=allowed or partitions.memory_of_machine() // partitions.SHARE_OF_MEMORY,
        least=1 if workspace.engine.is_local else LEAST_ON_A_CLUSTER,
        wanted=options.partitions,
    )


def _shipped(view: FeatureView, workspace: Workspace) -> ShippedView:
    code = shipped_code.pack(workspace.folder / workspace.settings.features)
    return ShippedView(code, view.name, view.digest)


def _noted(done: BuildResult, note: str, n_partitions: int) -> BuildResult:
    evidence = done.evidence
    said = replace(
        evidence,
        summary=f"{evidence.summary}; {note}",
        figures={**evidence.figures, "partitions": n_partitions, "computed": note},
    )
    return replace(done, evidence=said)
