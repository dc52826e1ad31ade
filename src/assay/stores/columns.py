"""Columns as Delta Lake can hold them: which types are stored as which, and which conversions lose nothing.

Delta's own writer cuts 2.5 to 2 when a table's column is an integer; here every change of type is exact or refused.
"""

from __future__ import annotations

import polars as pl

from assay.errors import DataError

STORED_AS: dict[type[pl.DataType], pl.DataType] = {
    pl.Categorical: pl.String(),
    pl.Enum: pl.String(),
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Int64(),
}
HAS_NO_TYPE = (pl.Duration, pl.Time, pl.Object, pl.Int128)


def storable(frame: pl.DataFrame, *, table: str) -> pl.DataFrame:
    """Convert the columns to types that Delta has, exactly; all-null columns without a type stay as they are.

    Raises:
        DataError: A column's type has no counterpart, or a value does not fit; names the column.
    """
    return frame.with_columns(
        _cast(frame[name], _stored_type(name, dtype, table), table=table) for name, dtype in frame.schema.items()
    )


def suited_to(schema: pl.Schema, frame: pl.DataFrame, *, table: str) -> pl.DataFrame:
    """Convert the columns that the table has to its types, where that loses nothing.

    Raises:
        DataError: A column's values cannot all be held by the table's type; names the column and both types.
    """
    return frame.with_columns(_cast(frame[name], schema[name], table=table) for name in frame.columns if name in schema)


def require_types(frame: pl.DataFrame, *, table: str) -> pl.DataFrame:
    """Return `frame` unless a column is all null and has no type yet, from which a table could not be made."""
    for name, dtype in frame.schema.items():
        if dtype == pl.Null:
            raise DataError(
                f"table {table!r}: column {name!r} holds only nulls and no type. Cast it to the type it will have."
            )
    return frame


def _stored_type(name: str, dtype: pl.DataType, table: str) -> pl.DataType:
    if isinstance(dtype, HAS_NO_TYPE):
        raise DataError(
            f"table {table!r}: column {name!r} is a {dtype}, which Delta tables cannot hold. "
            "Turn it into a number (a duration into seconds) or text."
        )
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us", dtype.time_zone and "UTC")
    return STORED_AS.get(dtype.base_type(), dtype)


def _cast(values: pl.Series, to: pl.DataType, *, table: str) -> pl.Series:
    if values.dtype == to:
        return values
    try:
        converted = values.cast(to, strict=True)
    except pl.exceptions.PolarsError:
        converted = None
    if converted is None or not _is_exact(values, converted):
        raise DataError(
            f"table {table!r}: column {values.name!r} is {values.dtype}, the table holds {to}, "
            "and not every value fits. Cast the column in its definition, or build the whole table again."
        )
    return converted


def _is_exact(values: pl.Series, converted: pl.Series) -> bool:
    """Whether kinds agree and every value survives the way there and back."""
    before, after = values.dtype, converted.dtype
    if isinstance(before, pl.Datetime) and isinstance(after, pl.Datetime):
        return (before.time_zone is None) == (after.time_zone is None)  # finer than a microsecond is not kept
    if (before.is_numeric() and after.is_numeric()) or (before.is_temporal() and after.is_temporal()):
        return values.equals(converted.cast(before, strict=False), null_equal=True)
    return before == pl.Null or (isinstance(before, pl.Categorical | pl.Enum) and after == pl.String)
