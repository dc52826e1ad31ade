"""Building a view in partitions: cut its sources, run it on each part, store the rows range by range, commit once.

What is stored is what `materialize.build` would store: the same rows in the same order, in one commit. Only one
partition, or one range of entities, is ever in a process's memory.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from assay.engines import Engine, Task
from assay.errors import DataError, PartitionsDepend
from assay.features import independence, offline
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.exchange import folder_in
from assay.features.materialize import BuildResult, Counts, finish
from assay.features.offline import BUILD, MOST_BUILDS_APART, ViewState
from assay.features.partition_tasks import Compute, ComputedPart, Split, Store, StoredRange
from assay.features.partitions import Plan, SourceFile
from assay.features.pushing import pushed
from assay.features.shipped_code import ShippedView
from assay.stores.online import OnlineStore
from assay.stores.tables import Tables

TASKS = "assay.features.partition_tasks"
BOUND_SAMPLE = 100_000  # entities from which the ranges are chosen


def build_partitioned(
    view: FeatureView,
    sources: Mapping[str, SourceFile],
    *,
    plan: Plan,
    engine: Engine,
    tables: Tables,
    online: OnlineStore,
    exchange: Path,
    shipped: ShippedView | None = None,
    full: bool = False,
    say: Callable[[str], None] = lambda _stage: None,
) -> BuildResult:
    """Store the rows of a view that are not stored yet, as `materialize.build` does, from partitions of its sources.

    Args:
        view: The view.
        sources: Its sources, in files that every worker can read.
        plan: How they are cut.
        engine: Where the partitions are worked on.
        tables: Where the view's rows are kept.
        online: Where its latest values are kept.
        exchange: Folder that every worker reaches, for files under way; nothing of them is left.
        shipped: The view as workers load it; None: they are this process.
        full: Write all of it anew.
        say: Told what begins, in a few words.

    Raises:
        PartitionsDepend: The view's rows depend on other partitions; nothing was stored.
        ConfigError, DataError: As `materialize.build`.
    """
    read = {name: sources[name] for name in view.sources}
    with folder_in(exchange) as folder:
        work = Compute(shipped or view, read, tuple(plan.columns), str(folder))
        say("cutting sources")
        filled = _split(work, plan, engine)
        _require_independence(view, work, plan, filled)
        say(f"computing {len(filled)} partitions")
        parts: list[ComputedPart] = engine.run(Task(f"{TASKS}:compute_part", work), filled)
        say("storing rows")
        return _store(view, parts, plan=plan, engine=engine, tables=tables, online=online, full=full)


def _split(work: Compute, plan: Plan, engine: Engine) -> list[int]:
    """Cut every source; returns the partitions that have rows, or the first one where none has."""
    for name in work.cut:
        source, chunk_rows = work.sources[name], plan.chunk_rows[name]
        shared = Split(name, source, plan.columns[name], plan.n_partitions, chunk_rows, work.folder)
        engine.run(Task(f"{TASKS}:split", shared), list(range(math.ceil(source.height() / chunk_rows))))
    return sorted(int(path.name) for path in (Path(work.folder) / "parts").glob("*")) or [0]


def _require_independence(view: FeatureView, work: Compute, plan: Plan, filled: Sequence[int]) -> None:
    if len(filled) < 2:
        return
    here = replace(work, view=view)
    found = independence.dependence(view, here, plan, (filled[0], filled[len(filled) // 2]))
    if found:
        raise PartitionsDepend(independence.advice(view, found))


def _store(
    view: FeatureView,
    parts: Sequence[ComputedPart],
    *,
    plan: Plan,
    engine: Engine,
    tables: Tables,
    online: OnlineStore,
    full: bool,
) -> BuildResult:
    schema = _common_schema(view, parts)
    state = offline.state_of(view, tables)
    counts = Counts(
        sum(part.n_rows for part in parts),
        sum(part.n_without_key for part in parts),
        sum(part.n_repeated for part in parts),
        schema,
    )
    shared = _store_task(view, parts, schema, state=state, plan=plan, tables=tables, online=online, full=full)
    stored: list[StoredRange] = engine.run(Task(f"{TASKS}:store_range", shared), list(range(len(shared.bounds) + 1)))
    n_new = _commit(view, shared, stored, state=state, n_rows=counts.n_rows, tables=tables, full=full)
    return finish(view, counts, state, n_new=n_new, tables=tables, online=online, full=full)


def _store_task(
    view: FeatureView,
    parts: Sequence[ComputedPart],
    schema: pl.Schema,
    *,
    state: ViewState | None,
    plan: Plan,
    tables: Tables,
    online: OnlineStore,
    full: bool,
) -> Store:
    """What the workers need to know to bring the computed rows in order and find the new ones."""
    name = offline.table_name(view)
    numbered = pl.Schema({**schema, BUILD: pl.Int64()})
    is_anew = state is None or full or KNOWN_AT not in schema
    arrived = pushed(view, online) if is_anew else None
    build = max(state.build if state else 0, arrived.build if arrived else 0) + 1  # never a number twice
    old = tables.scan(name) if state is not None and not full else None
    table_schema, keep = numbered, False
    if state is not None and old is not None and not is_anew:
        held = old.collect_schema()
        keep = dict(held) != dict(numbered) or build - state.sorted_until > MOST_BUILDS_APART
        empty = [held.to_frame(), numbered.to_frame()]
        table_schema = pl.concat(empty, how="diagonal_relaxed").schema if keep else held
    is_same_code = state is not None and state.digest == view.digest
    return Store(
        view=f"{view.place}: view '{view.name}'",
        parts=tuple(part.path for part in parts),
        keys=tuple(key for key in (view.entity, KNOWN_AT) if key in schema),
        schema=schema,
        bounds=_bounds(view, parts, plan.group_bytes),
        build=build,
        place=tables.place(name),
        prefix=f"build-{build:06d}-{uuid.uuid4().hex}",
        newer_than_us=None if is_anew or state is None else state.watermark_us,
        stored=None if old is None else old.serialize(),
        with_late=is_same_code,
        keep_stored=keep,
        table_schema=table_schema,
    )


def _commit(
    view: FeatureView,
    shared: Store,
    stored: Sequence[StoredRange],
    *,
    state: ViewState | None,
    n_rows: int,
    tables: Tables,
    full: bool,
) -> int:
    """Make the files of all ranges the table's in one transaction, if anything is new; returns the new rows."""
    name, build = shared.place.name, shared.build
    n_new = sum(one.n_new for one in stored)
    files = [one.file for one in stored if one.file is not None]
    marks = [one.watermark_us for one in stored if one.watermark_us is not None]
    if state is None or full or KNOWN_AT not in shared.keys:
        if state is not None and not full and _is_unchanged(view, shared, stored, state, n_rows, tables):
            return 0
        mark = max(marks, default=None)
        after = ViewState(view.digest, build=build, sorted_until=build, replaced_in=build, watermark_us=mark)
        tables.commit_files(name, files, shared.table_schema, mode="overwrite", metadata=after.to_metadata())
        return n_new
    if n_new == 0:
        return 0
    if state.watermark_us is not None:
        marks.append(state.watermark_us)
    after = replace(state, digest=view.digest, build=build, watermark_us=max(marks, default=None))
    if shared.keep_stored:
        after = replace(after, sorted_until=build)
    mode: Literal["append", "overwrite"] = "overwrite" if shared.keep_stored else "append"
    tables.commit_files(name, files, shared.table_schema, mode=mode, metadata=after.to_metadata())
    return n_new


def _is_unchanged(
    view: FeatureView, shared: Store, stored: Sequence[StoredRange], state: ViewState, n_rows: int, tables: Tables
) -> bool:
    """Whether a table without time holds these very rows already."""
    if state.digest != view.digest or not all(one.is_as_stored for one in stored):
        return False
    return bool(tables.scan(shared.place.name).select(pl.len()).collect().item() == n_rows)


def _common_schema(view: FeatureView, parts: Sequence[ComputedPart]) -> pl.Schema:
    """Types that hold the values of every part, decided by the parts that have any.

    Raises:
        DataError: Parts give a column types that have nothing in common.
    """
    names = list(parts[0].types)
    chosen = {}
    for name in names:
        held = [part.types[name] for part in parts if part.types[name] != pl.Null()]
        frames = [pl.DataFrame(schema={name: dtype}) for dtype in held]
        try:
            chosen[name] = pl.concat(frames, how="vertical_relaxed").schema[name] if frames else _written(parts, name)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{view.place}: '{name}' of view '{view.name}' is {sorted({str(dtype) for dtype in held})} in "
                "different partitions. Cast it to one type."
            ) from error
    return pl.Schema(chosen)


def _written(parts: Sequence[ComputedPart], name: str) -> pl.DataType:
    """The type under which a column of nulls was written."""
    return pl.scan_parquet(parts[0].path, glob=False).collect_schema()[name]


def _bounds(view: FeatureView, parts: Sequence[ComputedPart], group_bytes: int) -> tuple[Any, ...]:
    """Entities that cut the computed rows into ranges of about `group_bytes`."""
    n_rows, n_bytes = sum(part.n_rows for part in parts), sum(part.n_bytes for part in parts)
    n_groups = math.ceil(n_bytes / group_bytes)
    if n_groups <= 1:
        return ()
    step = max(n_rows // BOUND_SAMPLE, 1)
    drawn = [pl.scan_parquet(part.path, glob=False).select(pl.col(view.entity).gather_every(step)) for part in parts]
    ordered = pl.concat(drawn, how="vertical_relaxed").collect().to_series().drop_nulls().sort()
    places = [len(ordered) * number // n_groups for number in range(1, n_groups)]
    return tuple(dict.fromkeys(ordered[place] for place in places))
