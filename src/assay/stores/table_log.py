"""The log of a table: what a commit carries, and what Delta's log says of commits, columns and files.

Reads tables that `tables` has opened; writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
import polars as pl

if TYPE_CHECKING:
    from deltalake import DeltaTable

METADATA_KEY = "assay"  # one key with a JSON object, so that no name of ours meets one of Delta's
ATTEMPTS = 40


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table.

    Attributes:
        version: Counts from 0.
        time: When it was committed, UTC.
        operation: Delta's word for it: `WRITE`, `CREATE TABLE`.
        n_rows: Rows it added; None where Delta does not say.
        metadata: What the writer attached.
    """

    version: int
    time: datetime
    operation: str
    n_rows: int | None
    metadata: dict[str, str]


def properties_of(mode: str, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """Of a commit: an overwrite that lost the race must look again, or rows appended meanwhile would stay."""
    held = {METADATA_KEY: orjson.dumps(dict(metadata or {})).decode()}
    return {"custom_metadata": held, "max_commit_retries": ATTEMPTS if mode == "append" else 0}


def schema_of(table: DeltaTable) -> pl.Schema:
    """The table's columns; Polars' own scan of a table finds the same, after a tenth of a second of set-up."""
    return pl.Schema(table.schema().to_arrow())


def files_of(table: DeltaTable) -> list[str]:
    """The data files below the table's folder, oldest first; Delta's own list has no promised order."""
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    return [unquote(path) for path in actions.sort("modification_time", "path")["path"]]


def commit_of(entry: Mapping[str, Any]) -> Commit:
    """One entry of Delta's history."""
    n_rows = entry.get("operationMetrics", {}).get("num_added_rows")
    return Commit(
        version=int(entry["version"]),
        time=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
        operation=str(entry.get("operation", "")),
        n_rows=None if n_rows is None else int(n_rows),
        metadata=orjson.loads(entry.get(METADATA_KEY, "{}")),
    )
