"""The point-in-time join in partitions: ranges of entities, each joined by whichever worker is free.

Stored rows lie sorted by entity, so a worker reads its range of them and little else. The rules of the join are
`point_in_time`'s, which every worker runs; here labels are cut into ranges, and put back into their own order.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from assay.engines import Engine, Task
from assay.features.definitions import KNOWN_AT
from assay.features.exchange import folder_in
from assay.features.point_in_time import Join, SortedRows, as_key, common_key_type, join
from assay.stores.durable import replacing

FEWEST_LABELS = 10_000  # of a range; less is not worth a worker's while
ROW = "__label_row"


@dataclass(frozen=True, slots=True)
class JoinRange:
    """What every range shares; `join_range` takes the number of a range, whose labels lie in `folder`.

    Attributes:
        folder: Where labels are read from and joined values are written to.
        rows: The stored rows, serialised.
        key: Type in which the entities of labels and rows are compared.
        options: Further arguments of `point_in_time.join`.
    """

    folder: str
    rows: bytes
    key: pl.DataType
    options: dict[str, Any]


def join_on(engine: Engine, exchange: Path, *, n_ranges: int) -> Join:
    """A join with the signature and the results of `point_in_time.join`, worked on by an engine.

    Rows that are not sorted by entity are joined in this process; so are few labels.

    Args:
        engine: Where the ranges are worked on.
        exchange: Folder that every worker reaches, for files under way; nothing of them is left.
        n_ranges: Ranges at most.
    """
    return partial(_join, engine=engine, exchange=exchange, n_ranges=n_ranges)


def _join(
    labels: pl.DataFrame | pl.LazyFrame,
    rows: pl.LazyFrame | SortedRows,
    *,
    entity_column: str,
    entity: str,
    time: str,
    known_at: str = KNOWN_AT,
    ttl: timedelta | None = None,
    prefix: str = "",
    engine: Engine,
    exchange: Path,
    n_ranges: int,
) -> pl.DataFrame:
    labels = labels.collect() if isinstance(labels, pl.LazyFrame) else labels
    options: dict[str, Any] = {"entity_column": entity_column, "entity": entity, "time": time}
    options |= {"known_at": known_at, "ttl": ttl, "prefix": prefix}
    n_ranges = min(n_ranges, labels.height // FEWEST_LABELS)
    if n_ranges < 2 or not isinstance(rows, SortedRows):
        return join(labels, rows, **options)
    nothing = join(labels.head(0), rows, **options)  # refuses here what every worker would refuse
    key = common_key_type(labels.schema[entity_column], rows.frame.collect_schema()[entity], entity_column, entity)
    with folder_in(exchange) as folder:
        shared = JoinRange(str(folder), rows.frame.serialize(), key, options)
        n_cut = _cut(labels.select(entity_column, time), key, n_ranges, folder)
        paths = engine.run(Task("assay.features.partitioned_join:join_range", shared), list(range(n_cut)))
        found = pl.concat([pl.read_parquet(path, glob=False) for path in paths])
    values = found.sort(ROW).drop(ROW)
    return labels.hstack(values.select(nothing.columns[labels.width :]))


def join_range(shared: JoinRange, number: int) -> str:
    """Join one range of labels to the rows of their entities; returns the path of the joined values."""
    folder = Path(shared.folder)
    labels = pl.read_parquet(folder / f"labels-{number:05d}.parquet", glob=False)
    rows = pl.LazyFrame.deserialize(io.BytesIO(shared.rows))
    entity = pl.col(shared.options["entity"])
    if rows.collect_schema()[shared.options["entity"]] != shared.key:
        entity = entity.cast(shared.key)
    keys = labels[shared.options["entity_column"]].cast(shared.key)
    inside = rows.filter(entity.is_between(pl.lit(keys.min(), shared.key), pl.lit(keys.max(), shared.key)))
    joined = join(labels, SortedRows(inside), **shared.options)
    path = folder / f"joined-{number:05d}.parquet"
    with replacing(path) as unfinished:
        joined.select(ROW, *joined.columns[labels.width :]).write_parquet(unfinished, compression="lz4")
    return str(path)


def _cut(labels: pl.DataFrame, key: pl.DataType, n_ranges: int, folder: Path) -> int:
    """Write the labels in ranges of entities, no entity in two of them; returns how many ranges there are."""
    entity = labels.columns[0]
    ordered = labels.with_row_index(ROW).with_columns(as_key(entity, key)).sort(entity)  # nulls come first
    keys, n_nulls = ordered[entity], ordered[entity].null_count()
    start, number = 0, 0
    for wanted in range(1, n_ranges + 1):
        end = labels.height * wanted // n_ranges
        if end < labels.height:  # back to the first row of its entity
            end = n_nulls + int(keys[n_nulls:].search_sorted(keys[end], side="left")) if end > n_nulls else 0
        if end > start:
            ordered[start:end].write_parquet(folder / f"labels-{number:05d}.parquet", compression="lz4")
            start, number = end, number + 1
    return number
