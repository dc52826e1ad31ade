"""Data files of a table, written apart from its commit: by anybody, anywhere, and as often as it takes.

A file that no commit names is not part of any version. Which files make a version is `Tables.commit_files`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from assay.stores.columns import require_types, storable
from assay.stores.durable import replacing

ROWS_PER_GROUP = 65_536  # small, so that a reader of one range of keys reads little else


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one table lie.

    Attributes:
        name: Of the table, for errors.
        uri: Its folder or prefix.
        options: What the storage needs to be told.
    """

    name: str
    uri: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that is ready to be committed: its name below the table's place, its bytes and its rows."""

    name: str
    size: int
    n_rows: int


def write_data_file(place: Place, name: str, frame: pl.DataFrame) -> DataFile:
    """Write `frame` as a data file; a second call with the same name and rows changes nothing for any reader.

    Raises:
        DataError: A column has a type that tables lack.
    """
    rows = require_types(storable(frame, table=place.name), table=place.name)
    if "://" in place.uri:
        rows.write_parquet(f"{place.uri}/{name}", row_group_size=ROWS_PER_GROUP, storage_options=dict(place.options))
        size = int(rows.estimated_size())  # Delta asks for it to plan reads by, no more
        return DataFile(name, size, rows.height)
    path = Path(place.uri) / name
    with replacing(path) as unfinished:
        rows.write_parquet(unfinished, row_group_size=ROWS_PER_GROUP)
    return DataFile(name, path.stat().st_size, rows.height)
