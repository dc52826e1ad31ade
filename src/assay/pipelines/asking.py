"""Asking for features outside of a request: rows from a person or a file, now or as they were known at a moment."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import polars as pl

from assay.errors import DataError, UsageError
from assay.features import offline
from assay.features.layout import layout_of
from assay.features.point_in_time import INSTANT
from assay.pipelines import inference
from assay.pipelines.workspace import Workspace

READERS: Mapping[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": lambda path: pl.read_csv(path, try_parse_dates=True, infer_schema_length=10_000),
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
}


def row_of(pairs: Mapping[str, str]) -> pl.DataFrame:
    """A row from texts, each column of the type that a CSV file would give it."""
    line = pl.DataFrame({name: [value] for name, value in pairs.items()}).write_csv()
    return pl.read_csv(io.StringIO(line), try_parse_dates=True)


def rows_in(path: Path) -> pl.DataFrame:
    """The rows of a file.

    Raises:
        UsageError: There is no such file, or it is of another kind.
        DataError: It cannot be read.
    """
    reader = READERS.get(path.suffix)
    if reader is None or not path.is_file():
        raise UsageError(f"cannot read {path}: give an existing {', '.join(READERS)} file.")
    try:
        return reader(path)
    except pl.exceptions.PolarsError as problem:
        raise DataError(f"{path} cannot be read: {str(problem).splitlines()[0]}") from problem


def features_of(workspace: Workspace, rows: pl.DataFrame, *, at: datetime | Literal["row"] | None) -> pl.DataFrame:
    """The rows with every feature of the model beside them.

    Args:
        workspace: The project.
        rows: Entity columns and inputs; `target.time` where `at` is `row`.
        at: None for what a request would see now, from the online store; else what was known strictly before that
            moment, or before each row's own time, from the offline store.

    Raises:
        UsageError: The target has no time to look before.
        DataError: A column is missing, or none of its kind is known.
    """
    target = workspace.settings.target
    if at is None:
        found = inference.latest(workspace, rows.to_dicts(), ())
        looked_up = pl.DataFrame(found, infer_schema_length=None)
        return rows.hstack(looked_up.drop(*(name for name in rows.columns if name in looked_up.columns)))
    if target.time is None:
        raise UsageError("the target has no time, so its features have no past. Leave --at out.")
    if at != "row":
        rows = rows.with_columns(pl.lit(at).cast(INSTANT).alias(target.time))
    lacking = [name for name in (*target.entity_columns, target.time) if name not in rows.columns]
    if lacking:
        raise DataError(f"the rows have no {lacking}, by which features are looked up; they have {rows.columns}.")
    return inference.history(workspace, with_key_types(workspace, rows), ())


def with_key_types(workspace: Workspace, rows: pl.DataFrame) -> pl.DataFrame:
    """Keys in the types of the tables that they are looked up in; one that cannot be is null, and found nowhere."""
    layout = layout_of(workspace.settings.target, workspace.definitions)
    types = {
        role.column: offline.stored(view, workspace.tables).frame.collect_schema()[view.entity]
        for role, view in layout.joins
    }
    return rows.with_columns(pl.col(column).cast(dtype, strict=False) for column, dtype in types.items())
