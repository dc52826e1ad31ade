"""Partitions: how the rows of sources are cut so that a view can be run on each part alone.

A row's partition depends on the values of its columns and on nothing else: not on the machine, the engine, the
process or the version of a library. Running a view on partitions is `partition_tasks`, whether that gives what the
whole would give is `independence`.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from assay.errors import ConfigError
from assay.features.definitions import KNOWN_AT, FeatureView

SHARE_OF_MEMORY = 4  # a source larger than a quarter of the memory is worked on in partitions
WORKING_SPACE = 4  # a view over a partition needs a few times the partition
PROBE_ROWS = 65_536  # of the first rows, from which the size of all is reckoned
MOST_PACKED = 100  # times as large as its file that a source may be in memory
MOST_PARTITIONS = 4_096
GOLDEN = np.uint64(11_400_714_819_323_198_485)  # 2**64 over the golden ratio: spreads neighbouring numbers (Knuth)
SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source at rest, which any worker can read on its own.

    Attributes:
        path: Parquet file, at the same path for every worker.
        until: Rows known at this moment or later are left out; None: all count.
    """

    path: str
    until: datetime | None = None

    def frame(self, offset: int = 0, n_rows: int | None = None) -> pl.LazyFrame:
        """Its rows, in their order; those from row `offset` of the file on, `n_rows` rows of the file at most."""
        rows = pl.scan_parquet(self.path, glob=False)
        if offset or n_rows is not None:
            rows = rows.slice(offset, n_rows)
        if self.until is None or KNOWN_AT not in rows.collect_schema():
            return rows
        return rows.filter(pl.col(KNOWN_AT) < self.until)

    def height(self) -> int:
        """Rows of the file, those that do not count included."""
        return int(pl.scan_parquet(self.path, glob=False).select(pl.len()).collect().item())

    def bytes_per_row(self) -> float:
        """What a row takes in memory, reckoned from the first rows."""
        probe = pl.scan_parquet(self.path, glob=False).head(PROBE_ROWS).collect()
        return probe.estimated_size() / max(probe.height, 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a view's sources are cut.

    Attributes:
        columns: Of each source that is cut, the columns that decide a row's partition; other sources are given whole
            to every partition.
        n_partitions: How many parts.
        chunk_rows: Rows of a source that are read at a time while it is cut, by source.
        group_bytes: Computed rows that are held at a time while they are stored, in bytes.
    """

    columns: Mapping[str, tuple[str, ...]]
    n_partitions: int
    chunk_rows: Mapping[str, int]
    group_bytes: int


def partition_columns(view: FeatureView, schemas: Mapping[str, pl.Schema]) -> dict[str, tuple[str, ...]]:
    """By which columns each source of a view is cut; empty where the view is computed whole.

    What the view declares; where it declares nothing, `customer` or `customer_id` for the entity customer, if every
    source has it.

    Raises:
        ConfigError: The view declares a source or a column that there is not, or columns whose equal keys would not
            fall into one partition.
    """
    if not view.partition_by:
        named = (view.entity, f"{view.entity}_id")
        found = {name: column for name in view.sources for column in reversed(named) if column in schemas[name]}
        by_name: dict[str, tuple[str, ...]] = {name: (column,) for name, column in found.items()}
        return by_name if len(found) == len(view.sources) and not _parted(by_name, schemas) else {}
    for name, columns in view.partition_by.items():
        lacking = [column for column in columns if column not in schemas.get(name, {})]
        if name not in view.sources or lacking:
            raise ConfigError(
                f"{view.place}: view '{view.name}' declares partition_by {dict(view.partition_by)}, but "
                + (f"source '{name}' has no {lacking}." if lacking else f"it does not read '{name}'.")
                + f" It reads {list(view.sources)}."
            )
    declared = {name: columns for name, columns in view.partition_by.items() if columns}
    if parted := _parted(declared, schemas):
        raise ConfigError(
            f"{view.place}: view '{view.name}' declares partition_by {dict(view.partition_by)}, and {parted}: what "
            "belongs together would be parted. Give the sources keys of one type, or declare partition_by=() to "
            "compute it whole."
        )
    return declared


def _parted(columns: Mapping[str, tuple[str, ...]], schemas: Mapping[str, pl.Schema]) -> str:
    """Why equal keys of two sources would fall into different partitions; empty where they do not."""
    types = {name: [schemas[name][column] for column in of_source] for name, of_source in columns.items()}
    if len({len(one) for one in types.values()}) > 1:
        return "the sources are cut by different numbers of columns"
    is_one = all(len(one) == 1 for one in types.values())
    written = {name: [_written(dtype, alone=is_one) for dtype in one] for name, one in types.items()}
    first, *others = written.items() or [("", [])]
    for name, other in others:
        if any(None not in (a, b) and a != b for a, b in zip(first[1], other, strict=True)):
            told = ", ".join(f"{source}: {', '.join(map(str, types[source]))}" for source in (first[0], name))
            return f"their keys are of different types ({told})"
    return ""


def _written(dtype: pl.DataType, *, alone: bool) -> str | None:
    """What decides the form in which `buckets` takes a key; None where there are only nulls."""
    if isinstance(dtype, pl.Null):
        return None
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if dtype.is_integer():
        return "number" if alone else "text"  # beside others, digits are digits
    return str(dtype)


def plan(
    view: FeatureView,
    sources: Mapping[str, SourceFile],
    *,
    memory_bytes: int,
    least: int = 1,
    wanted: int | None = None,
) -> Plan | None:
    """Decide whether and how a view's sources are cut; None where it is computed whole.

    Args:
        view: The view.
        sources: Its sources.
        memory_bytes: Sources larger than this together are cut.
        least: Fewest partitions; above 1, small sources are cut too, for there are workers to keep busy.
        wanted: Partitions that somebody asked for, in place of a number by size.

    Raises:
        ConfigError: As `partition_columns`.
    """
    columns = partition_columns(view, {name: sources[name].frame().collect_schema() for name in view.sources})
    if not columns or (max(least, wanted or 1) == 1 and _is_small(view, sources, memory_bytes)):
        return None
    row_bytes = {name: max(sources[name].bytes_per_row(), 1.0) for name in view.sources}
    total = sum(row_bytes[name] * sources[name].height() for name in view.sources)
    if total <= memory_bytes and max(least, wanted or 1) == 1:
        return None
    part_bytes = max(memory_bytes // WORKING_SPACE, 1)
    number = wanted or max(math.ceil(total / part_bytes), least)
    chunk_rows = {name: max(int(part_bytes / row_bytes[name]), 1) for name in columns}
    if least > 1:  # so that every worker has something to cut
        chunk_rows = {name: min(rows, max(sources[name].height() // least, 1)) for name, rows in chunk_rows.items()}
    return Plan(columns, min(number, MOST_PARTITIONS), chunk_rows, part_bytes)


def _is_small(view: FeatureView, sources: Mapping[str, SourceFile], memory_bytes: int) -> bool:
    """Whether the files are so small that their rows fit into memory however well they are packed."""
    return sum(Path(sources[name].path).stat().st_size for name in view.sources) * MOST_PACKED <= memory_bytes


def buckets(rows: pl.DataFrame, columns: Sequence[str], n_buckets: int) -> pl.Series:
    """The bucket of each row, 0 to `n_buckets` - 1; equal values share one, nulls among them.

    A whole number is multiplied by 2**64 over the golden ratio, whatever its width; anything else, and a key of
    several columns, is written as text and takes the CRC-32 of its UTF-8 bytes.
    """
    keys = rows.select(columns)
    if len(columns) == 1 and keys.dtypes[0].is_integer():
        numbers = keys.to_series().cast(pl.Int64, strict=False)
        filled = numbers.fill_null(0).to_numpy().view(np.uint64)
        return pl.Series((filled * GOLDEN) >> np.uint64(32)) % n_buckets
    text = keys.select(pl.concat_str(pl.all().cast(pl.String).fill_null("\x00"), separator=SEPARATOR)).to_series()
    unique = text.unique()
    if unique.is_empty():
        return pl.Series([], dtype=pl.UInt64)
    hashed = pl.Series([zlib.crc32(value.encode()) for value in unique], dtype=pl.UInt64)
    return text.replace_strict(unique, hashed % n_buckets, return_dtype=pl.UInt64)


def memory_of_machine() -> int:
    """Bytes of memory that this process may use: of the machine, or of a control group that it runs in if less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *(limit for path in _limit_files() if (limit := _limit(path)) is not None)])


def _limit_files() -> list[Path]:
    """Where Linux says how much memory a control group may use: its own file and the container's, version 1 and 2."""
    root, own = Path("/sys/fs/cgroup"), []
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    for line in lines:
        _, kinds, group = line.split(":", 2)
        if "memory" in kinds.split(","):
            own.append(root / "memory" / group.lstrip("/") / "memory.limit_in_bytes")
        elif not kinds:
            own.append(root / group.lstrip("/") / "memory.max")
    return [*own, root / "memory" / "memory.limit_in_bytes", root / "memory.max"]


def _limit(path: Path) -> int | None:
    try:
        said = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(said) if said.isdigit() else None
