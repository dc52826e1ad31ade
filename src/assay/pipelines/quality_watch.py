"""The watch over data quality: each batch beside the last, and what production saw beside what it learnt from.

Comparing is `data.quality_change`; this finds the two sides in the ledger, the snapshots and the prediction log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from assay.config.settings import Source
from assay.data import expectations, quality_change, snapshots
from assay.data.event_time import KNOWN_AT
from assay.data.quality_change import Found
from assay.errors import NotFound
from assay.ledger.evidence import Evidence
from assay.pipelines.run import Run
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.serving import log_frames

CHECKED, SCORED, SNAPSHOT = "data.expectations", "data.quality", "data.snapshot"


def compare_with_last(run: Run, assessment: Evidence) -> Evidence | None:
    """Hold this run's assessment of the sources against the last one of another run; None where this is the first."""
    ledger = run.workspace.ledger
    earlier = [one for one in ledger.find(kind=SCORED) if one.run != run.id and one.subject == assessment.subject]
    if not earlier:
        return None
    change = quality_change.compare(
        _assessed(run.workspace, earlier[-1]),
        _assessed(run.workspace, assessment),
        allowed=run.workspace.settings.monitoring.quality_drop,
        subject=assessment.subject,
    )
    return run.record(change)


def measure_inputs(workspace: Workspace, version: ModelVersion, *, since: datetime | None = None) -> list[Evidence]:
    """Hold what requests brought against the declared rules, and beside the rows that the version learnt from.

    Args:
        workspace: The project.
        version: The one in production.
        since: Look at predictions made from then on; by default from where the last look ended.

    Returns:
        Recorded: `data.expectations` about the logged inputs, and `monitoring.quality`; nothing where no request has
        come since, or none brought a column of the target's source.
    """
    subject, target = f"predictions:{workspace.settings.name}", workspace.settings.target
    until = workspace.clock()
    start = since or _last_look(workspace, subject)
    logged = log_frames.predictions(workspace.predictions, since=start, until=until).collect()
    source = workspace.settings.sources[target.source]
    learnt = _learnt_from(workspace, version)
    schema = learnt.collect_schema() if learnt is not None else pl.Schema()
    inputs = _inputs(logged, [target.key, *target.entity_columns, *target.inputs], schema)
    if inputs.is_empty() or not inputs.columns:
        return []
    narrowed = quality_change.narrowed_to(source, inputs.columns)
    checked = expectations.check(target.source, inputs.lazy(), narrowed, subject=subject)
    figures = {**checked.figures, "since": start, "until": until, "columns": inputs.columns}
    recorded = workspace.ledger.record(replace(checked, figures=figures, parents=(version.deployment,)))
    if learnt is None:
        return [recorded]
    learnt_from = f"the rows that {version.reference} learnt from"
    before = _of(target.source, learnt.select(inputs.columns), source, what=learnt_from)
    now = _of(target.source, inputs.lazy(), source, what=f"{inputs.height:,} logged inputs")
    change = quality_change.compare(
        before,
        replace(now, evidence=recorded.id),
        allowed=workspace.settings.monitoring.quality_drop,
        subject=version.subject,
    )
    return [recorded, workspace.ledger.record(change)]


def _of(name: str, frame: pl.LazyFrame, source: Source, *, what: str) -> Found:
    return quality_change.of_columns(name, frame, source, what=what)


def _assessed(workspace: Workspace, assessment: Evidence) -> Found:
    """An assessment with the rules that were broken in the same run."""
    parts: Mapping[str, Any] = assessment.figures["dimensions"]
    checked = workspace.ledger.find(kind=CHECKED, run=assessment.run)
    failures = [failure for one in checked if one.subject.startswith("source:") for failure in one.figures["failures"]]
    scores = {name: one["score"] for name, one in parts.items()}
    return Found(scores, failures, f"the sources in {assessment.run}", assessment.id)


def _last_look(workspace: Workspace, subject: str) -> datetime | None:
    earlier = workspace.ledger.find(kind=CHECKED, subject=subject)
    return datetime.fromisoformat(earlier[-1].figures["until"]) if earlier else None


def _learnt_from(workspace: Workspace, version: ModelVersion) -> pl.LazyFrame | None:
    """The target's source as the version's run froze it, as far as it was known then; None where it is gone."""
    target = workspace.settings.target
    taken = workspace.ledger.find(kind=SNAPSHOT, run=version.run, subject=f"source:{target.source}")
    begun = workspace.ledger.find(kind="run.started", run=version.run)
    if not taken or not begun:
        return None
    try:
        frame = snapshots.load(taken[-1].figures["digest"], workspace.state / "snapshots")
    except NotFound:
        return None
    if KNOWN_AT not in frame.collect_schema():
        return frame
    return frame.filter(pl.col(KNOWN_AT) < datetime.fromisoformat(begun[0].figures["as_of"]))


def _inputs(logged: pl.DataFrame, wanted: list[str], schema: pl.Schema) -> pl.DataFrame:
    """The columns of the source that requests brought, typed as they are there where no value is lost by it.

    What names a row need not be brought: the key of a training row is seldom known to a request, and one that brings
    all features names no entity. Such a column is left out where no row has it: that is no loss of quality.
    """
    if logged.is_empty():
        return pl.DataFrame()
    names = logged.select("inputs").unnest("inputs")
    brought = pl.concat([names, logged.select("features").unnest("features")], how="horizontal")
    not_brought = {column for column in names.columns if names[column].null_count() == names.height}
    columns = [column for column in dict.fromkeys(wanted) if column in brought.columns and column in schema]
    columns = [column for column in columns if column not in not_brought]
    return brought.select(_typed(brought[column], schema[column]) for column in columns)


def _typed(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The log keeps keys and loose values as text; a number among them is one again."""
    if column.dtype == dtype or not (dtype.is_numeric() or dtype == pl.Boolean):
        return column
    if column.dtype == pl.String and dtype == pl.Boolean:
        return column
    cast = column.cast(dtype, strict=False)
    return cast if cast.null_count() == column.null_count() else column
