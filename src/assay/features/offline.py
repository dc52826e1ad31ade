"""The offline store: one transactional table for each view, with every row that was ever known.

What is stored is never edited by an ordinary build: rows are added, and a later row of the same entity and moment
stands before an earlier one. Which rows are new is decided in `materialize`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from assay.errors import DataError, NotFound
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.point_in_time import SortedRows

if TYPE_CHECKING:
    from assay.stores.tables import Tables

BUILD = "__build"  # number of the build that stored the row; breaks ties of known_at
ROWS_AT_ONCE = 250_000  # of a table that is read batch by batch
MOST_BUILDS_APART = 64  # more appended builds than this are merged with the first, so that reading stays one stream


@dataclass(frozen=True, slots=True)
class ViewState:
    """What a view's table holds, kept in the metadata of its last commit, so that rows and state cannot part.

    Attributes:
        digest: Digest of the code that the last build ran.
        build: Number of the last build, from 1.
        sorted_until: Rows of this build and earlier ones lie sorted by entity and known_at.
        replaced_in: Build that last wrote the whole table anew; online values of earlier ones no longer count.
        watermark_us: Latest known_at stored, microseconds since 1970 UTC; None without rows or without time.
    """

    digest: str
    build: int
    sorted_until: int
    replaced_in: int
    watermark_us: int | None

    @property
    def watermark(self) -> datetime | None:
        """Latest known_at stored."""
        return None if self.watermark_us is None else instant_of(self.watermark_us)

    def to_metadata(self) -> dict[str, str]:
        """The fields as a commit's metadata."""
        mark = "" if self.watermark_us is None else str(self.watermark_us)
        return {
            "assay.digest": self.digest,
            "assay.build": str(self.build),
            "assay.sorted_until": str(self.sorted_until),
            "assay.replaced_in": str(self.replaced_in),
            "assay.watermark_us": mark,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ViewState:
        """Read what `to_metadata` wrote."""
        mark = metadata["assay.watermark_us"]
        return cls(
            digest=metadata["assay.digest"],
            build=int(metadata["assay.build"]),
            sorted_until=int(metadata["assay.sorted_until"]),
            replaced_in=int(metadata["assay.replaced_in"]),
            watermark_us=int(mark) if mark else None,
        )


def table_name(view: FeatureView) -> str:
    """Name of the view's table."""
    return f"features_{view.name}"


def state_of(view: FeatureView, tables: Tables) -> ViewState | None:
    """What the view's table holds; None where it was never built."""
    held = _newest(view, tables)
    return None if held is None else held[1]


def definition_changed(view: FeatureView, tables: Tables) -> bool:
    """Whether the view's code is no longer the one that its table was last built with; False if never built."""
    state = state_of(view, tables)
    return state is not None and state.digest != view.digest


def stored(view: FeatureView, tables: Tables, *, version: int | None = None) -> SortedRows:
    """The view's committed rows, ready to join: entity, known_at and features. Nothing is read yet.

    Args:
        view: The view.
        tables: Where its table is.
        version: An earlier version of the table; None for the newest. Later commits do not show in either.

    Raises:
        NotFound: The view was never built, or its table has no such version.
        DataError: The table lacks a feature that the definition has by now.
    """
    held = _newest(view, tables) if version is None else _at(view, tables, version)
    if held is None:
        raise NotFound(f"view '{view.name}' has no stored rows. Build it first: assay features build {view.name}")
    scan, state = tables.scan(table_name(view), version=held[0]), held[1]
    available = scan.collect_schema().names()
    lacking = [name for name in view.features if name not in available]
    if lacking:
        raise DataError(
            f"the table of view '{view.name}' has no {lacking}, which its definition at {view.place} declares. "
            f"Build it: assay features build {view.name} --full"
        )
    if KNOWN_AT not in available:
        return SortedRows(scan.select(view.entity, *view.features))
    return SortedRows(_in_order(scan, view.entity, state).select(view.entity, KNOWN_AT, *view.features))


def stored_keys(view: FeatureView, tables: Tables) -> pl.LazyFrame:
    """Entity and known_at of every stored row."""
    return tables.scan(table_name(view)).select(view.entity, KNOWN_AT)


def newest_since(view: FeatureView, tables: Tables, build: int) -> pl.DataFrame:
    """The newest row of each entity that builds later than `build` have stored: entity, known_at and features.

    The table is read batch by batch, so that memory grows with the entities and not with their histories.
    """
    rows = tables.scan(table_name(view)).filter(pl.col(BUILD) > build)
    order = [view.entity, *(name for name in (KNOWN_AT, BUILD) if name in rows.collect_schema())]
    newest = rows.head(0).collect()
    waiting: list[pl.DataFrame] = []
    for batch in rows.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True, engine="streaming"):
        waiting.append(_last_of_each(batch, order))
        if sum(part.height for part in waiting) > max(newest.height, ROWS_AT_ONCE):
            newest, waiting = _last_of_each(pl.concat([newest, *waiting]), order), []
    return _last_of_each(pl.concat([newest, *waiting]), order).drop(BUILD)


def _last_of_each(rows: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """The last row of each entity in the given order; of equal ones, the one stored last."""
    ordered = rows.sort(order, maintain_order=True)
    return ordered.unique(order[0], keep="last", maintain_order=True)


def put(view: FeatureView, rows: pl.DataFrame, *, tables: Tables, build: int) -> int:
    """Put `rows`, sorted, in place of everything stored; one commit. Returns the table's version."""
    state = ViewState(
        digest=view.digest,
        build=build,
        sorted_until=build,
        replaced_in=build,
        watermark_us=watermark_us(rows),
    )
    return tables.overwrite(table_name(view), _numbered(rows, build), metadata=state.to_metadata())


def add(view: FeatureView, rows: pl.DataFrame, *, tables: Tables, state: ViewState) -> int:
    """Add `rows` to what is stored; one commit. Returns the table's version.

    The table is written anew, old rows included and sorted, when columns have come, gone or changed their type, or
    when many builds lie side by side: a reader sees the old version until then.
    """
    name, build = table_name(view), state.build + 1
    marks = [mark for mark in (state.watermark_us, watermark_us(rows)) if mark is not None]
    after = replace(state, digest=view.digest, build=build, watermark_us=max(marks, default=None))
    numbered = _numbered(rows, build)
    old = tables.scan(name)
    same_columns = dict(old.collect_schema()) == dict(numbered.schema)
    if same_columns and build - state.sorted_until <= MOST_BUILDS_APART:
        return tables.append(name, numbered.select(old.collect_schema().names()), metadata=after.to_metadata())
    together = pl.concat([old.collect(), numbered], how="diagonal_relaxed")
    together = together.sort(view.entity, KNOWN_AT, BUILD, maintain_order=True)
    return tables.overwrite(name, together, metadata=replace(after, sorted_until=build).to_metadata())


def watermark_us(rows: pl.DataFrame) -> int | None:
    """Latest known_at of `rows` in microseconds since 1970 UTC; None without rows or without time."""
    if KNOWN_AT not in rows.columns or rows.is_empty():
        return None
    return int(rows[KNOWN_AT].to_physical().max())  # type: ignore[arg-type]


def instant_of(microseconds: int) -> datetime:
    """The UTC instant that many microseconds after 1970."""
    return datetime.fromtimestamp(microseconds // 1_000_000, tz=UTC).replace(microsecond=microseconds % 1_000_000)


def _newest(view: FeatureView, tables: Tables) -> tuple[int, ViewState] | None:
    """The newest version and its state, of one and the same commit."""
    name = table_name(view)
    version = tables.version(name)
    while version is not None:
        state = ViewState.from_metadata(tables.metadata(name))
        before, version = version, tables.version(name)
        if before == version:
            return before, state
    return None


def _at(view: FeatureView, tables: Tables, version: int) -> tuple[int, ViewState] | None:
    commits = [commit for commit in tables.history(table_name(view)) if commit.version == version]
    return (version, ViewState.from_metadata(commits[0].metadata)) if commits else None


def _numbered(rows: pl.DataFrame, build: int) -> pl.DataFrame:
    return rows.with_columns(pl.lit(build, dtype=pl.Int64).alias(BUILD))


def _in_order(scan: pl.LazyFrame, entity: str, state: ViewState) -> pl.LazyFrame:
    """The table as one sorted stream: its sorted part, merged with the builds added since."""
    if state.build == state.sorted_until:
        return scan
    base = scan.filter(pl.col(BUILD) <= state.sorted_until)
    later = scan.filter(pl.col(BUILD) > state.sorted_until).sort(entity, KNOWN_AT, BUILD, maintain_order=True)
    return base.merge_sorted(later, key=[entity, KNOWN_AT], maintain_order=True)
