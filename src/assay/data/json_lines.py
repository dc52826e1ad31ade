"""JSON lines: one object a line, columns and types from all of them; a bad line is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
import polars as pl
from polars.exceptions import PolarsError

from assay.data.addressed import first_line
from assay.errors import DataError


def scan(paths: Sequence[Path]) -> pl.LazyFrame:
    """A lazy frame over the files; a key that a line lacks is null there.

    Raises:
        DataError: A line is no JSON object, or holds a value that fits no column type; names the file and the line.
    """
    if not any(path.stat().st_size for path in paths):
        raise DataError(f'{paths[0]} holds no JSON object. Write one object a line, such as {{"id": 1}}.')
    frame = pl.scan_ndjson(list(paths), infer_schema_length=None)
    try:
        schema = frame.collect_schema()
    except PolarsError as failure:
        raise DataError(next(filter(None, map(_first_bad_line, paths)), _unnamed(paths, failure))) from failure
    if not schema:
        raise DataError(f'{paths[0]} holds no JSON object. Write one object a line, such as {{"id": 1}}.')
    return frame


def _first_bad_line(path: Path) -> str | None:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as failure:
                return f"{path}, line {number}: not JSON: {failure}. Write one complete object a line, in UTF-8."
            if not isinstance(value, dict):
                return (
                    f'{path}, line {number}: a {type(value).__name__} where an object is needed, such as {{"id": 1}}.'
                )
    return None


def _unnamed(paths: Sequence[Path], failure: Exception) -> str:
    return f"{', '.join(path.name for path in paths[:5])}: cannot be read as JSON lines: {first_line(failure)}"
