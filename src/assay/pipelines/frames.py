"""Frames: the sources as they were known at a moment, and the rows to predict that the target makes of them.

Reads frames that somebody else has opened; records nothing. Cutting the rows into parts is the feature pipeline's.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from assay.data import splits
from assay.data.event_time import EVENT_TIME, KNOWN_AT
from assay.errors import DataError
from assay.features.project_code import blamed
from assay.pipelines.workspace import Workspace

Frames = dict[str, pl.LazyFrame]
"""Sources by name."""


def known_at(frame: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """The rows of `frame` that were known before `as_of`; all of them where the source has no time."""
    if KNOWN_AT not in frame.collect_schema().names():
        return frame
    return frame.filter(pl.col(KNOWN_AT) < as_of)


def newest_known(frame: pl.LazyFrame) -> datetime | None:
    """When the last row became known; None where the source has no time."""
    if KNOWN_AT not in frame.collect_schema().names():
        return None
    newest: datetime | None = frame.select(pl.col(KNOWN_AT).max()).collect().item()
    return newest


def label_rows(workspace: Workspace, frames: Frames, *, months: int | None = None) -> pl.DataFrame:
    """The rows to predict with their labels, of the last `months` where the target has a time."""
    target = workspace.settings.target
    rows = label_columns(workspace, frames[target.source])
    if target.time is None or months is None:
        return rows
    return of_last_months(rows, target.time, months)


def of_last_months(rows: pl.DataFrame, time: str, months: int) -> pl.DataFrame:
    """The rows of the last so many months before the newest of them."""
    if rows.is_empty():
        return rows
    return rows.filter(pl.col(time) > pl.col(time).max().dt.offset_by(f"-{months}mo"))


def label_columns(workspace: Workspace, frame: pl.LazyFrame) -> pl.DataFrame:
    """Apply `target.rows` to the source's frame, and see that every column the target names is there.

    Raises:
        ConfigError: `target.rows` names no function of the project.
        DataError: A column that the target names is missing, or its time is no time in UTC.
    """
    target = workspace.settings.target
    rows = rows_to_predict(workspace, frame)
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


def rows_to_predict(workspace: Workspace, frame: pl.LazyFrame) -> pl.DataFrame:
    """Apply `target.rows` to the source's frame; where none is named, its rows with their time as it was read."""
    target = workspace.settings.target
    if target.rows is None:
        if target.time is not None and target.time == workspace.settings.sources[target.source].time:
            frame = frame.with_columns(pl.col(EVENT_TIME).alias(target.time))
        return frame.collect()
    rows = workspace.function(target.rows, field="target.rows")(frame)
    with blamed(f"{target.rows} (target.rows) fails"):
        return rows.collect() if isinstance(rows, pl.LazyFrame) else rows
