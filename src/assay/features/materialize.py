"""Running views, and storing what is new: first offline in one commit, then the latest of each entity online.

A build that is killed at any moment leaves the stores readable, and the next one completes what it began: the offline
commit is atomic, and the online store says which build it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from assay.errors import ConfigError, DataError
from assay.features import offline
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.offline import ViewState
from assay.features.point_in_time import INSTANT
from assay.features.project_code import blamed
from assay.features.pushing import push, pushed
from assay.ledger.evidence import Evidence

if TYPE_CHECKING:
    from assay.stores.online import OnlineStore
    from assay.stores.tables import Tables


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)  # the years 1 to 9999


@dataclass(frozen=True, slots=True)
class Computed:
    """What a view's function returned, checked and put in order.

    Attributes:
        rows: Entity, known_at (where the view has time) and features; sorted, one row an entity and moment.
        n_without_key: Rows left out because their entity or known_at was null.
        n_repeated: Rows left out because a later one had the same entity and known_at.
    """

    rows: pl.DataFrame
    n_without_key: int
    n_repeated: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a view gave in all, in one piece or in partitions: rows, rows left out (see `Computed`), types by column."""

    n_rows: int
    n_without_key: int
    n_repeated: int
    types: Mapping[str, pl.DataType]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build has stored.

    Attributes:
        evidence: Kind `features.build`; it warns when rows of two definitions lie side by side.
        rows_written: Rows added offline.
        rows_pushed: Entities whose online values changed.
        version: Version of the offline table afterwards.
        watermark: Latest known_at stored; None without rows or without time.
    """

    evidence: Evidence
    rows_written: int
    rows_pushed: int
    version: int
    watermark: datetime | None


def compute(
    view: FeatureView, sources: Mapping[str, pl.LazyFrame], *, entities: pl.Series | None = None
) -> pl.DataFrame:
    """Run a view over its sources: entity, known_at and features, sorted, the last of equal moments kept.

    Args:
        view: What to run.
        sources: By name; each is read whole, because a view may look across entities.
        entities: Keep the rows of these alone; all by default.

    Raises:
        ConfigError: The function returns no frame, or lacks a declared column.
        DataError: The function fails on the data, or a column has a type that cannot be stored.
    """
    return compute_counted(view, sources, entities=entities).rows


def compute_counted(
    view: FeatureView, sources: Mapping[str, pl.LazyFrame], *, entities: pl.Series | None = None
) -> Computed:
    """As `compute`, with the counts of what was left out."""
    raw = _run(view, sources)
    if entities is not None and entities.dtype == raw.schema[view.entity]:
        raw = raw.join(
            entities.unique().alias(view.entity).to_frame(), on=view.entity, how="semi", maintain_order="left"
        )
    keys = [name for name in (view.entity, KNOWN_AT) if name in raw.columns]
    complete = raw.drop_nulls(keys)
    single = complete.unique(keys, keep="last", maintain_order=True)
    return Computed(single.sort(keys), raw.height - complete.height, complete.height - single.height)


def build(
    view: FeatureView,
    sources: Mapping[str, pl.LazyFrame],
    *,
    tables: Tables,
    online: OnlineStore,
    full: bool = False,
) -> BuildResult:
    """Store the rows of a view that are not stored yet, and bring the online values up to them.

    New is what is known later than anything stored, and what has come late: an entity and moment that the table
    lacks. After a change of the definition only the first kind is written, never the whole past again, and the
    evidence warns that two definitions lie side by side; `full=True` writes all of it anew.

    Raises:
        ConfigError, DataError: As `compute`.
    """
    computed = compute_counted(view, sources)
    state = offline.state_of(view, tables)
    changed = state is not None and state.digest != view.digest
    if state is None or full or KNOWN_AT not in computed.rows.columns:
        arrived = pushed(view, online)
        last = max(state.build if state else 0, arrived.build if arrived else 0)  # never a number twice
        new = _replace_if_different(view, computed.rows, tables=tables, state=state, full=full, after_build=last)
    else:
        new = _new_rows(view, computed.rows, tables=tables, state=state, with_late=not changed)
        if not new.is_empty():
            offline.add(view, new, tables=tables, state=state)
    counts = Counts(computed.rows.height, computed.n_without_key, computed.n_repeated, computed.rows.schema)
    return finish(view, counts, state, n_new=new.height, tables=tables, online=online, full=full)


def finish(
    view: FeatureView,
    counts: Counts,
    before: ViewState | None,
    *,
    n_new: int,
    tables: Tables,
    online: OnlineStore,
    full: bool,
) -> BuildResult:
    """Bring the online values up to the offline table, and say what the build has done.

    Raises:
        DataError: The table is gone.
    """
    n_pushed = push(view, tables=tables, online=online)
    after = offline.state_of(view, tables)
    version = tables.version(offline.table_name(view))
    if after is None or version is None:
        raise DataError(f"the table of view '{view.name}' vanished while it was built. Build it again.")
    evidence = _evidence(view, counts, before, after, version=version, n_new=n_new, n_pushed=n_pushed, full=full)
    return BuildResult(evidence, n_new, n_pushed, version, after.watermark)


def _run(view: FeatureView, sources: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    missing = [name for name in view.sources if name not in sources]
    if missing:
        raise ConfigError(
            f"{view.place}: view '{view.name}' reads {missing}, and the sources are {sorted(sources)}. "
            "Correct its source, or declare it in assay.yaml."
        )
    with blamed(f"{view.place}: view '{view.name}' fails on its sources"):
        returned = view.function(*(sources[name] for name in view.sources))
        if not isinstance(returned, pl.LazyFrame | pl.DataFrame):
            raise ConfigError(
                f"{view.place}: view '{view.name}' returns {type(returned).__name__}, not a Polars frame."
            )
        frame = returned.lazy()
        schema = frame.collect_schema()
        return frame.select(_columns(view, schema)).collect()


def _columns(view: FeatureView, schema: pl.Schema) -> list[pl.Expr]:
    """The declared columns in their stored types: instants in UTC microseconds, categories as text."""
    lacking = [name for name in (view.entity, *view.features) if name not in schema]
    if lacking:
        raise ConfigError(
            f"{view.place}: view '{view.name}' returns no {lacking}. It returns {schema.names()}; "
            f"it must return '{view.entity}', '{KNOWN_AT}' and the declared features."
        )
    times = [KNOWN_AT] if KNOWN_AT in schema else []
    return [_stored_type(view, name, schema[name]) for name in (view.entity, *times, *view.features)]


def _stored_type(view: FeatureView, name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if name == KNOWN_AT and not isinstance(dtype, pl.Datetime):
        raise DataError(f"{view.place}: '{KNOWN_AT}' is {dtype}. Pass on the source's own column, a Datetime in UTC.")
    if isinstance(dtype, pl.Datetime):
        zoned = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
        return _within(zoned.cast(INSTANT), FIRST, LAST)
    if dtype == pl.Date:
        return _within(column, FIRST.date(), LAST.date())
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if dtype.is_unsigned_integer():
        return column.cast(pl.Int64)  # tables have no unsigned numbers
    if isinstance(dtype, pl.Decimal | pl.Null):
        return column.cast(pl.Float64)
    if isinstance(dtype, pl.Duration):
        return column.dt.total_microseconds()
    if dtype == pl.Float16:  # tables have no halves
        column = column.cast(pl.Float32)
    if dtype.is_float():  # an undefined value is null everywhere: JSON, which the online store speaks, has no nan
        return pl.when(column.is_finite()).then(column).alias(name)
    if dtype.is_nested() or dtype in (pl.Object, pl.Binary, pl.Time, pl.Unknown):
        raise DataError(
            f"{view.place}: '{name}' is {dtype}, which is no value of one row. Give a number, text, a flag or a date."
        )
    return column


def _within(moment: pl.Expr, first: date, last: date) -> pl.Expr:
    """Null for what no calendar has: neither Python nor the online store could hold it."""
    return pl.when(moment.is_between(first, last)).then(moment)


def _replace_if_different(
    view: FeatureView, rows: pl.DataFrame, *, tables: Tables, state: ViewState | None, full: bool, after_build: int
) -> pl.DataFrame:
    """Write the whole table, unless a view without time has not changed at all; returns the rows written."""
    if state is not None and not full and state.digest == view.digest:
        before = offline.stored(view, tables).frame.collect()
        if before.equals(rows):
            return rows.clear()
    offline.put(view, rows, tables=tables, build=after_build + 1)
    return rows


def _new_rows(
    view: FeatureView, rows: pl.DataFrame, *, tables: Tables, state: ViewState, with_late: bool
) -> pl.DataFrame:
    if state.watermark is None:
        return rows
    newer = pl.col(KNOWN_AT) > state.watermark
    if not with_late:
        return rows.filter(newer)
    late = rows.lazy().filter(~newer).join(offline.stored_keys(view, tables), on=[view.entity, KNOWN_AT], how="anti")
    return pl.concat([rows.filter(newer), late.collect()]).sort(view.entity, KNOWN_AT)


def _evidence(
    view: FeatureView,
    counts: Counts,
    before: ViewState | None,
    after: ViewState,
    *,
    version: int,
    n_new: int,
    n_pushed: int,
    full: bool,
) -> Evidence:
    changed = before is not None and before.digest != view.digest
    mixed = changed and not full and before is not None and n_new < counts.n_rows
    until = f", known until {after.watermark:%Y-%m-%d %H:%M} UTC" if after.watermark else ""
    summary = f"{view.name}: {n_new:,} rows written of {counts.n_rows:,}, {n_pushed:,} entities online{until}"
    if mixed:
        summary += "; the definition has changed and older rows keep the old one: build with --full to replace them"
    figures = {
        "rows_computed": counts.n_rows,
        "rows_written": n_new,
        "entities_pushed": n_pushed,
        "rows_without_key": counts.n_without_key,
        "rows_repeated": counts.n_repeated,
        "build": after.build,
        "table_version": version,
        "watermark": after.watermark,
        "definition": view.digest,
        "definition_before": before.digest if before is not None else None,
        "full": full or before is None,
        "types": {name: str(dtype) for name, dtype in counts.types.items()},
    }
    return Evidence("features.build", f"view:{view.name}", "warn" if mixed else "info", summary, figures)
