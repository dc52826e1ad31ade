"""Blank rows: those in which every column is missing, told by one hash, however many columns there are.

Asking each of ten thousand columns whether it is null takes the query planner minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def row_hash(columns: Sequence[str]) -> pl.Expr:
    """64 bits that equal rows share, and others hardly ever."""
    return pl.struct(columns).hash()


def blank_hash(schema: pl.Schema, columns: Sequence[str]) -> int:
    """The hash of a row of these columns in which all are missing."""
    nothing = pl.DataFrame(
        {column: [None] for column in columns}, schema={column: schema[column] for column in columns}
    )
    return int(nothing.select(row_hash(columns)).item())


def without_blank_rows(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The rows in which something is known."""
    schema = frame.collect_schema()
    return frame.filter(row_hash(schema.names()) != blank_hash(schema, schema.names()))
