"""What a worker does in a build of partitions: cut a piece of a source, run the view on a part, store a range of rows.

Each function takes what all calls share and one partition, and can be called again: it writes files whose names and
rows depend on these alone, each whole or not at all. The order of the calls, and the commit, is `partitioned_build`'s.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assay.errors import PartitionsDepend
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.materialize import compute_counted
from assay.features.offline import BUILD, watermark_us
from assay.features.partitions import SourceFile, buckets
from assay.features.shipped_code import ShippedView, unpack
from assay.stores.data_files import DataFile, Place, write_data_file
from assay.stores.durable import replacing

ROW = "__row"  # of the source; puts rows of several parts back in order
ROWS_PER_GROUP = 16_384  # of a computed part, which is read by ranges of entities


@dataclass(frozen=True, slots=True)
class Split:
    """Cutting one source: `split` takes the number of a chunk."""

    name: str
    source: SourceFile
    columns: tuple[str, ...]
    n_partitions: int
    chunk_rows: int
    folder: str


@dataclass(frozen=True, slots=True)
class Compute:
    """Running a view: `compute_part` takes the number of a partition."""

    view: FeatureView | ShippedView
    sources: Mapping[str, SourceFile]
    cut: tuple[str, ...]
    folder: str


@dataclass(frozen=True, slots=True)
class ComputedPart:
    """What running a view on one partition gave; the types are those of its rows, Null where all are null."""

    path: str
    n_rows: int
    n_bytes: int
    n_without_key: int
    n_repeated: int
    types: Mapping[str, pl.DataType]


@dataclass(frozen=True, slots=True)
class Store:
    """Storing what was computed: `store_range` takes the number of a range of entities.

    Attributes:
        view: Place and name of the view, for errors.
        parts: Paths of the computed parts.
        keys: The entity, and known_at where the view has time.
        schema: Types of the computed columns.
        bounds: Greatest entity of each range but the last, rising.
        build: Number of the build.
        place: Of the table.
        prefix: Of the files' names.
        newer_than_us: Only rows known later are stored, in microseconds since 1970; None: all.
        stored: The table's rows, serialised; None where they do not matter.
        with_late: Store rows, too, that are not newer but which the table lacks.
        keep_stored: Write the table's rows anew among the new ones.
        table_schema: Types of the table's columns after the commit.
    """

    view: str
    parts: tuple[str, ...]
    keys: tuple[str, ...]
    schema: pl.Schema
    bounds: tuple[Any, ...]
    build: int
    place: Place
    prefix: str
    newer_than_us: int | None
    stored: bytes | None
    with_late: bool
    keep_stored: bool
    table_schema: pl.Schema


@dataclass(frozen=True, slots=True)
class StoredRange:
    """What storing one range of entities gave; `is_as_stored` where a table without time holds the very same rows."""

    file: DataFile | None
    n_new: int
    watermark_us: int | None
    is_as_stored: bool


def split(shared: Split, chunk: int) -> int:
    """Cut one chunk of a source into a file for each partition that has rows in it; returns how many rows it had."""
    start = chunk * shared.chunk_rows
    rows = shared.source.frame(start, shared.chunk_rows).collect()
    number = pl.Series(ROW, range(start, start + rows.height), dtype=pl.Int64)
    placed = rows.with_columns(number, __bucket=buckets(rows, shared.columns, shared.n_partitions))
    for (bucket,), part in placed.partition_by(
        "__bucket", as_dict=True, include_key=False, maintain_order=True
    ).items():
        folder = part_folder(shared.folder, shared.name, int(bucket))
        _write_whole(part, folder / f"{chunk:06d}.parquet", statistics=False)
    return rows.height


def part_folder(folder: str, source: str, bucket: int) -> Path:
    """Where the pieces of one partition of a source lie, one a chunk, in the order of their names."""
    return Path(folder) / "parts" / f"{bucket:05d}" / source


def part_frames(shared: Compute, bucket: int, *, with_rows: bool = False) -> dict[str, pl.LazyFrame]:
    """The sources of a view as one partition sees them, each in the order of its rows."""
    found = {}
    for name, source in shared.sources.items():
        if name not in shared.cut:
            found[name] = source.frame()
            continue
        pieces = sorted(part_folder(shared.folder, name, bucket).glob("*.parquet"))
        frame = pl.scan_parquet(pieces, glob=False) if pieces else source.frame().head(0).with_columns(_no_row())
        found[name] = frame if with_rows else frame.drop(ROW)
    return found


def compute_part(shared: Compute, bucket: int) -> ComputedPart:
    """Run a view on one partition, and write its rows, sorted by entity and time."""
    view = unpack(shared.view) if isinstance(shared.view, ShippedView) else shared.view
    computed = compute_counted(view, part_frames(shared, bucket))
    path = Path(shared.folder) / "computed" / f"{bucket:05d}.parquet"
    _write_whole(computed.rows, path, statistics=True)
    empty = {name for name in computed.rows.columns if computed.rows[name].null_count() == computed.rows.height}
    types = {name: pl.Null() if name in empty else dtype for name, dtype in computed.rows.schema.items()}
    return ComputedPart(
        str(path),
        computed.rows.height,
        int(computed.rows.estimated_size()),
        computed.n_without_key,
        computed.n_repeated,
        types,
    )


def store_range(shared: Store, number: int) -> StoredRange:
    """Bring the rows of one range of entities together from all parts, and write those that the table is to get.

    Raises:
        PartitionsDepend: Two parts have a row of the same entity and moment.
    """
    entity = shared.keys[0]
    inside = _in_range(entity, shared.bounds, number)
    rows = _gathered(shared, inside)
    old = None if shared.stored is None else pl.LazyFrame.deserialize(io.BytesIO(shared.stored)).filter(inside)
    if KNOWN_AT in shared.keys:
        new = _new(shared, rows, old)
        is_as_stored = False
    else:
        new = rows
        is_as_stored = old is not None and old.select(rows.columns).collect().equals(rows)
    written = new.with_columns(pl.lit(shared.build, dtype=pl.Int64).alias(BUILD))
    if shared.keep_stored and old is not None:
        together = pl.concat([old.collect(), written], how="diagonal_relaxed")
        written = together.sort(*shared.keys, BUILD, maintain_order=True)
    file = None
    if not written.is_empty():
        columns = [pl.col(name).cast(dtype) for name, dtype in shared.table_schema.items()]
        file = write_data_file(shared.place, f"{shared.prefix}-{number:05d}.parquet", written.select(columns))
    return StoredRange(file, new.height, watermark_us(new), is_as_stored)


def _in_range(entity: str, bounds: Sequence[Any], number: int) -> pl.Expr:
    above = pl.col(entity) > bounds[number - 1] if number > 0 else pl.lit(value=True)
    return above & (pl.col(entity) <= bounds[number]) if number < len(bounds) else above


def _gathered(shared: Store, inside: pl.Expr) -> pl.DataFrame:
    """The computed rows of a range, from all parts, in order."""
    types = [pl.col(name).cast(dtype) for name, dtype in shared.schema.items()]
    scans = [pl.scan_parquet(path, glob=False).select(types).filter(inside) for path in shared.parts]
    rows = pl.concat(scans).collect().sort(shared.keys)
    if rows.select(shared.keys).is_duplicated().any():
        twice = rows.filter(rows.select(shared.keys).is_duplicated()).row(0, named=True)
        where = ", ".join(f"{name} {twice[name]}" for name in shared.keys)
        raise PartitionsDepend(
            f"{shared.view}: two partitions give a row for {where}, so rows of one {shared.keys[0]} lie in several. "
            "Declare partition_by with columns that keep them together, or partition_by=() to compute the view whole."
        )
    return rows


def _new(shared: Store, rows: pl.DataFrame, old: pl.LazyFrame | None) -> pl.DataFrame:
    """Those of the rows that the table lacks."""
    if shared.newer_than_us is None:
        return rows
    newer = pl.col(KNOWN_AT).to_physical() > shared.newer_than_us
    if not shared.with_late or old is None:
        return rows.filter(newer)
    late = rows.lazy().filter(~newer).join(old.select(shared.keys), on=list(shared.keys), how="anti")
    return pl.concat([rows.filter(newer), late.collect()]).sort(shared.keys)


def _no_row() -> pl.Expr:
    return pl.lit(None, dtype=pl.Int64).alias(ROW)


def _write_whole(rows: pl.DataFrame, path: Path, *, statistics: bool) -> None:
    with replacing(path) as unfinished:
        rows.write_parquet(unfinished, compression="lz4", statistics=statistics, row_group_size=ROWS_PER_GROUP)
