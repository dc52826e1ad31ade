"""Provenance: which source rows a feature row came from, and which feature rows some source rows have a part in.

A view is any function, so its code tells nothing; both questions are answered by running it on fewer rows and looking
at what stays the same. Which snapshot to run it on, and what was predicted from it, belongs to the pipelines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from assay.errors import AssayError
from assay.features import materialize
from assay.features.agreement import differs, same_value
from assay.features.definitions import KNOWN_AT, FeatureView

NARROWED_UP_TO_ROWS = 500_000  # of a source: beyond, its first row is not searched for
ROW = "__source_row"
TOUCHED = "touched"
_OTHER = "__without"
_JOINTS = re.compile(r"[\s|:;,/+_-]+")  # between the keys of which one is made

Parts = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class SourceRows:
    """Rows of one source that a feature row came from.

    Attributes:
        source: Its name.
        rows: Their numbers in the snapshot, from 0, ascending.
        of: Rows of the whole snapshot.
        first_known: Earliest known_at among them; None where the source has no time.
        last_known: Latest known_at among them.
        columns: Columns in which they hold the entity's key; empty where rows of other entities count too.
        keys: What they hold there: the entity's key, or the pieces that it is made of.
        is_proven: The view, run on these rows alone, gives the same values. Otherwise they are all it can have read.
    """

    source: str
    rows: tuple[int, ...]
    of: int
    first_known: datetime | None
    last_known: datetime | None
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    is_proven: bool

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, rows as ranges [first, last]."""
        return {
            "source": self.source,
            "rows": [list(one) for one in ranges(self.rows)],
            "n_rows": len(self.rows),
            "of": self.of,
            "first_known": self.first_known,
            "last_known": self.last_known,
            "columns": list(self.columns),
            "keys": list(self.keys),
            "is_proven": self.is_proven,
        }


@dataclass(frozen=True, slots=True)
class _Held:
    """Which columns hold which keys; neither where rows were not chosen so."""

    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending whole numbers as unbroken stretches, both ends included.

    Example:
        >>> ranges([3, 4, 5, 9])
        [(3, 5), (9, 9)]
    """
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] + 1 == number:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def source_rows_of(
    view: FeatureView,
    sources: Mapping[str, pl.LazyFrame],
    *,
    entity: Any,
    known_at: datetime | None,
    values: Mapping[str, Any],
    as_of: datetime | None = None,
    is_same: bool = True,
) -> tuple[SourceRows, ...]:
    """Find the shortest stretch of source rows from which a feature row can be computed again.

    Starts from all rows known by `known_at`; tries those that hold the entity's key; then moves the first row later as
    long as the values stay the same. What is returned was run at the end: it is sufficient. That each single row of it
    counts is not claimed.

    Args:
        view: The view.
        sources: Whole snapshots of the sources that it reads.
        entity: The row's key.
        known_at: The row's time; None for a view without time.
        values: The row's features.
        as_of: Rows known from then on were not read; None: all were.
        is_same: Whether the view is as it was when the row was stored. If not, running it proves nothing.

    Returns:
        One entry for each source. Where nothing can be proven, all rows known by then, which is all it can have read.
    """
    numbered = {name: frame.with_row_index(ROW) for name, frame in sources.items()}
    totals = {name: frame.select(pl.len()).collect().item() for name, frame in numbered.items()}
    parts: dict[str, pl.DataFrame] = {name: _known_by(frame, known_at, as_of) for name, frame in numbered.items()}
    held = dict.fromkeys(parts, _Held())

    def gives_the_row(candidate: Parts) -> bool:
        return _same_row(view, candidate, entity=entity, known_at=known_at, values=values)

    is_proven = is_same and gives_the_row(parts)
    for name in parts if is_proven else ():
        held[name], parts[name] = _of_entity(name, parts, entity, gives_the_row)
        parts[name] = _from_latest_start(name, parts, gives_the_row)
    return tuple(_described(name, part, totals[name], held[name], is_proven) for name, part in parts.items())


def marked_rows(
    view: FeatureView, sources: Mapping[str, pl.LazyFrame], *, without: Mapping[str, pl.LazyFrame]
) -> pl.DataFrame:
    """Mark the feature rows that would be otherwise, or not be there, if some source rows had not been.

    Args:
        view: The view.
        sources: The sources that it reads.
        without: The same sources, the rows in question left out.

    Returns:
        Keys of all feature rows as they are with all source rows, the entity's column and, where the view has time,
        `known_at`; and whether each is `touched`. Rows that would only come to be without them are not among these.
    """
    full, less = materialize.compute(view, sources), materialize.compute(view, without)
    keys = [name for name in (view.entity, KNOWN_AT) if name in full.columns]
    both = full.join(less.with_columns(pl.lit(1).alias(_OTHER)), on=keys, how="left", suffix=_OTHER)
    changed = [
        differs(pl.col(name), pl.col(name + _OTHER), are_numbers=full.schema[name].is_float()) for name in view.features
    ]
    return both.select(*keys, (pl.col(_OTHER).is_null() | pl.any_horizontal(changed)).alias(TOUCHED))


def _known_by(frame: pl.LazyFrame, known_at: datetime | None, as_of: datetime | None) -> pl.DataFrame:
    if KNOWN_AT not in frame.collect_schema().names():
        return frame.collect()
    if as_of is not None:
        frame = frame.filter(pl.col(KNOWN_AT) < as_of)
    if known_at is not None:
        frame = frame.filter(pl.col(KNOWN_AT) <= known_at)
    return frame.collect()


def _of_entity(
    name: str, parts: Parts, entity: Any, gives_the_row: Callable[[Parts], bool]
) -> tuple[_Held, pl.DataFrame]:
    """The fewest rows that hold the entity's key and suffice, and where they hold it; all rows where none do.

    A key made of several, such as `Bulls|Lakers`, is also looked for in pieces, all of which a row must hold.
    """
    whole = parts[name]
    pieces = tuple(dict.fromkeys(piece for piece in _JOINTS.split(entity) if piece)) if isinstance(entity, str) else ()
    for keys in dict.fromkeys([(entity,), pieces]):
        found = {key: _columns_with(whole, key) for key in keys}
        if not keys or not all(found.values()):
            continue
        all_columns = tuple(dict.fromkeys(column for columns in found.values() for column in columns))
        for tried in dict.fromkeys([*((column,) for column in all_columns), all_columns]):
            held = [[_equals(column, key) for column in found[key] if column in tried] for key in keys]
            if not all(held):
                continue
            part = whole.filter(pl.all_horizontal(pl.any_horizontal(one) for one in held))
            if gives_the_row({**parts, name: part}):
                return _Held(tried, tuple(str(key) for key in keys)), part
    return _Held(), whole


def _columns_with(whole: pl.DataFrame, key: Any) -> list[str]:
    """Columns that hold a key at all, those that hold it in the fewest rows first."""
    asked = [name for name, dtype in whole.schema.items() if name != ROW and _may_hold(dtype, key)]
    if not asked:
        return []
    counts = whole.select(_equals(column, key).sum().alias(column) for column in asked).row(0)
    return [column for count, column in sorted(zip(counts, asked, strict=True)) if count]


def _may_hold(dtype: pl.DataType, key: Any) -> bool:
    is_text = isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
    return is_text if isinstance(key, str) else dtype.is_integer()


def _equals(column: str, key: Any) -> pl.Expr:
    return (pl.col(column).cast(pl.String) == str(key)).fill_null(value=False)


def _from_latest_start(name: str, parts: Parts, gives_the_row: Callable[[Parts], bool]) -> pl.DataFrame:
    """The part from as late a row on as suffices, found by halving; rows in the order in which they were known."""
    part = parts[name]
    if part.height > NARROWED_UP_TO_ROWS:
        return part
    ordered = part.sort(KNOWN_AT, maintain_order=True) if KNOWN_AT in part.columns else part
    enough, too_few = 0, ordered.height
    while too_few - enough > 1:
        middle = (enough + too_few) // 2
        if gives_the_row({**parts, name: ordered[middle:].sort(ROW)}):
            enough = middle
        else:
            too_few = middle
    return ordered[enough:].sort(ROW)


def _same_row(
    view: FeatureView, parts: Parts, *, entity: Any, known_at: datetime | None, values: Mapping[str, Any]
) -> bool:
    try:
        rows = materialize.compute(view, {name: part.drop(ROW).lazy() for name, part in parts.items()})
    except AssayError:  # the function cannot do with so few rows
        return False
    found = rows.filter(pl.col(view.entity).cast(pl.String) == str(entity))
    if known_at is not None:
        found = found.filter(pl.col(KNOWN_AT) == known_at)
    if found.height != 1:
        return False
    row = found.row(0, named=True)
    return all(same_value(row[name], value) for name, value in values.items())


def _described(name: str, part: pl.DataFrame, of: int, held: _Held, is_proven: bool) -> SourceRows:
    first = last = None
    if KNOWN_AT in part.columns and not part.is_empty():
        first, last = part.select(first=pl.col(KNOWN_AT).min(), last=pl.col(KNOWN_AT).max()).row(0)
    rows = tuple(part[ROW].to_list())
    return SourceRows(name, rows, of, first, last, held.columns, held.keys, is_proven)
