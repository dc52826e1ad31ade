"""The point-in-time join: for each label, the newest feature row that was known strictly before its time.

Works on frames alone: which rows to join is the offline store's, which columns become a model's inputs is `frame`'s.
The rules, the same on every engine:

- a feature row counts when `known_at < time`; one known at the very moment of the prediction does not;
- of several rows with the same entity and `known_at`, the one stored last counts;
- with a `ttl`, a row counts when `time - known_at <= ttl`, and nothing older stands in for it;
- a label with a null entity or time, or without an earlier row, is kept with nulls; labels keep their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.errors import DataError
from assay.features.definitions import KNOWN_AT
from assay.features.newest_before import newest_before

Join = Callable[..., pl.DataFrame]  # with the arguments and the result of `join`
INSTANT = pl.Datetime("us", "UTC")
ANY_AGE = timedelta(days=4_000_000)  # longer than from the year 1 to 9999; more would not fit into 64 bits
CELLS_AT_ONCE = 8_000_000  # rows times columns of a batch, about 64 MB
SEARCHED = (pl.String, pl.Date, pl.datatypes.IntegerType)  # keys that are found by binary search
_ROW = "__label_row"


@dataclass(frozen=True, slots=True)
class SortedRows:
    """Feature rows already sorted by entity, then `known_at`, then storage, without nulls in the first two.

    The join reads them once, in batches, so that its memory does not grow with them.
    """

    frame: pl.LazyFrame


def join(
    labels: pl.DataFrame | pl.LazyFrame,
    rows: pl.LazyFrame | SortedRows,
    *,
    entity_column: str,
    entity: str,
    time: str,
    known_at: str = KNOWN_AT,
    ttl: timedelta | None = None,
    prefix: str = "",
) -> pl.DataFrame:
    """Give each label the columns of the newest row of its entity known strictly before it.

    Args:
        labels: Rows to enrich; none is dropped, repeated or moved.
        rows: Feature rows: the entity, `known_at` and any further columns, which are the ones joined.
        entity_column: Column of `labels` with the entity's key.
        entity: Column of `rows` with the entity's key.
        time: Column of `labels` with the prediction time: Date or Datetime; without a zone it is taken as UTC.
        known_at: Column of `rows` with the time since when the row was known.
        ttl: Greatest age of a row that may be used, itself included; None: any age.
        prefix: Put before the name of each joined column.

    Returns:
        The columns of `labels`, then the joined ones.

    Raises:
        DataError: A column is missing, is of a type that cannot be compared, or would appear twice.
    """
    labels = labels.collect() if isinstance(labels, pl.LazyFrame) else labels
    frame = rows.frame if isinstance(rows, SortedRows) else rows
    ttl = None if ttl is None or ttl >= ANY_AGE else ttl
    available = frame.collect_schema()
    _require(labels.schema, {entity_column: "labels", time: "labels"})
    _require(available, {entity: "feature rows", known_at: "feature rows"})
    columns = [name for name in available.names() if name not in (entity, known_at)]
    _refuse_overlap(labels, [prefix + name for name in columns])
    key = common_key_type(labels.schema[entity_column], available[entity], entity_column, entity)

    named = labels.lazy().select(
        as_key(entity_column, key).alias("__entity"), instant(labels.schema, time).alias("__time")
    )
    left = named.with_row_index(_ROW).drop_nulls(["__entity", "__time"]).sort("__entity", "__time").collect()
    right = frame.select(
        pl.col(entity).cast(key).alias("__entity"),
        instant(available, known_at).alias("__known_at"),
        pl.col(columns).name.prefix("__value_"),
    )
    is_sorted = isinstance(rows, SortedRows) and available[entity] == key and isinstance(key, SEARCHED)
    found = _match_in_batches(left, right, ttl=ttl) if is_sorted else _match_at_once(left, right, ttl=ttl)
    values = found.select(pl.col(f"__value_{name}").alias(prefix + name) for name in columns)
    return labels.hstack(_in_label_order(values, found[_ROW], labels.height))


def join_timeless(
    labels: pl.DataFrame, rows: pl.LazyFrame, *, entity_column: str, entity: str, prefix: str = ""
) -> pl.DataFrame:
    """Give each label the columns of its entity, for attributes that have no time; of equal keys the last row counts.

    Raises:
        DataError: A column is missing, is of a type that cannot be compared, or would appear twice.
    """
    available = rows.collect_schema()
    _require(labels.schema, {entity_column: "labels"})
    _require(available, {entity: "feature rows"})
    columns = [name for name in available.names() if name != entity]
    _refuse_overlap(labels, [prefix + name for name in columns])
    key = common_key_type(labels.schema[entity_column], available[entity], entity_column, entity)
    right = rows.select(pl.col(entity).cast(key).alias("__entity"), pl.col(columns).name.prefix(prefix))
    unique = right.drop_nulls("__entity").unique("__entity", keep="last", maintain_order=True).collect()
    left = labels.with_columns(as_key(entity_column, key).alias("__entity"))
    return left.join(unique, on="__entity", how="left", maintain_order="left").drop("__entity")


def _match_in_batches(left: pl.DataFrame, right: pl.LazyFrame, *, ttl: timedelta | None) -> pl.DataFrame:
    """As-of match of sorted labels with sorted rows: `_ROW` of each label and the values it got.

    Each batch settles the labels of all entities but its last, whose rows may go on in the next batch.
    """
    batch_rows = max(CELLS_AT_ONCE // len(right.collect_schema()), 1)
    held, settled, parts = right.head(0).collect(), 0, []
    for batch in right.collect_batches(chunk_size=batch_rows, maintain_order=True, engine="streaming"):
        rows = pl.concat([held, batch]) if held.height else batch
        if rows.is_empty():
            continue
        last_entity = rows["__entity"][-1]
        until = settled if last_entity is None else int(left["__entity"].search_sorted(last_entity, side="left"))
        found = newest_before(left[settled:until], rows, ttl=ttl)
        if found is None:  # the promise of SortedRows did not hold
            return _match_at_once(left, right, ttl=ttl)
        parts.append(_taken(left[settled:until], rows, found))
        held, settled = rows[int(rows["__entity"].search_sorted(last_entity, side="left")) :], until
    found = newest_before(left[settled:], held, ttl=ttl)
    if found is None:
        return _match_at_once(left, right, ttl=ttl)
    return pl.concat([*parts, _taken(left[settled:], held, found)])


def _taken(left: pl.DataFrame, rows: pl.DataFrame, found: npt.NDArray[np.int64]) -> pl.DataFrame:
    """The values of the rows that were found, beside the numbers of their labels; nulls where none was."""
    numbers = pl.Series(found)
    values = rows.select(pl.exclude("__entity", "__known_at").gather(numbers.set(numbers < 0, None)))
    return left.select(_ROW).hstack(values)


def _match_at_once(left: pl.DataFrame, right: pl.LazyFrame, *, ttl: timedelta | None) -> pl.DataFrame:
    """As `_match_in_batches`, of rows in any order, all of them in memory."""
    rows = right.drop_nulls(["__entity", "__known_at"]).collect()
    return _asof(left, rows.sort("__known_at", maintain_order=True), ttl=ttl)


def _asof(left: pl.DataFrame, right: pl.DataFrame, *, ttl: timedelta | None) -> pl.DataFrame:
    """Polars' as-of join in memory, which asks for order within each entity only and cannot check it."""
    return left.join_asof(
        right,
        by="__entity",
        left_on="__time",
        right_on="__known_at",
        strategy="backward",
        allow_exact_matches=False,
        tolerance=ttl,
        check_sortedness=False,
    ).drop("__entity", "__time", "__known_at")


def _in_label_order(values: pl.DataFrame, rows: pl.Series, height: int) -> pl.DataFrame:
    """Put each value back on its label's row; rows without a value become null."""
    place = np.full(height, -1, dtype=np.int64)
    place[rows.to_numpy()] = np.arange(len(rows))
    if len(rows) == height:
        return values[place]
    found = pl.Series(place)
    return values.select(pl.all().gather(found.set(found < 0, None)))


def instant(schema: pl.Schema, column: str) -> pl.Expr:
    """The column as an instant in UTC microseconds; a Date is its first moment, a time without a zone is UTC.

    Raises:
        DataError: The column is neither a Date nor a Datetime.
    """
    dtype = schema[column]
    if isinstance(dtype, pl.Date):
        return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(dtype, pl.Datetime):
        in_utc = pl.col(column).dt.convert_time_zone("UTC") if dtype.time_zone else None
        # Casting to microseconds rounds labels and rows alike, so that a later row never becomes an earlier one.
        return (pl.col(column).dt.replace_time_zone("UTC") if in_utc is None else in_utc).cast(INSTANT)
    raise DataError(
        f"column '{column}' is {dtype}, and a point-in-time join needs a Date or a Datetime. Parse it first, "
        "for example with pl.col(...).str.to_datetime()."
    )


def common_key_type(of_labels: pl.DataType, of_rows: pl.DataType, label_column: str, row_column: str) -> pl.DataType:
    """The type in which keys of labels and rows are compared.

    Raises:
        DataError: There is none in which equal keys stay equal and different ones different.
    """
    if of_labels == of_rows and not of_labels.is_float():
        return of_labels if not isinstance(of_labels, pl.Categorical | pl.Enum) else pl.String()
    if of_labels.is_integer() and of_rows.is_integer():
        return pl.Int64()
    if all(isinstance(one, pl.String | pl.Categorical | pl.Enum | pl.Null) for one in (of_labels, of_rows)):
        return pl.String()
    if isinstance(of_labels, pl.Null):
        return of_rows
    raise DataError(
        f"the labels' '{label_column}' is {of_labels} and the rows' '{row_column}' is {of_rows}: keys must be of one "
        "type, text or whole numbers. Cast one of them where it is made."
    )


def as_key(column: str, key: pl.DataType) -> pl.Expr:
    """A label's key in the type of the comparison; null where that cannot hold it, for then no row has it either."""
    return pl.col(column).cast(key, strict=False)


def _require(schema: pl.Schema, wanted: dict[str, str]) -> None:
    for column, owner in wanted.items():
        if column not in schema:
            raise DataError(f"the {owner} have no column '{column}'. They have: {', '.join(schema.names())}.")


def _refuse_overlap(labels: pl.DataFrame, columns: list[str]) -> None:
    twice = sorted(set(columns) & set(labels.columns))
    if twice:
        raise DataError(f"the labels already have {twice}. Rename them there, or give the joined columns a prefix.")
