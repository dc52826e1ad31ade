"""Sources: from a declaration in assay.yaml to a lazy frame with the time of each event and when it became known.

How a CSV file is proved sound is `csv_files`, how times are read `event_time`, how a database is asked `databases`,
how a bucket `object_stores`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from assay.config.checks import ENDINGS as FORMATS
from assay.config.nearest import did_you_mean
from assay.config.settings import Source
from assay.data import csv_files, databases, event_time, excel_files, json_lines, object_stores
from assay.data.addressed import first_line
from assay.errors import ConfigError, DataError

WILDCARDS = "*?["


def read(name: str, source: Source, folder: Path) -> pl.LazyFrame:
    """The rows of a source, lazily, with what was declared about them checked.

    Where the source has a time, two columns are added: `event_time`, and `known_at` = `event_time` + `source.delay`,
    both Datetime in microseconds, UTC. A row whose time cannot be read keeps its place with both empty, so that it
    never joins anything; `expectations` counts such rows and shows examples. A date or time outside the years 1 to
    9999 is a missing value.

    Args:
        name: Of the source, for errors.
        source: Its declaration.
        folder: Where relative paths start: the folder of assay.yaml.

    Raises:
        ConfigError: A path, a column, a format or a query is declared that is not there; the nearest is named.
        DataError: A file is malformed (names file and line), or no time at all can be read.
        ServiceUnreachable: The database does not answer.
    """
    frame = _with_null_values(_scan(name, source, folder), source)
    schema = _schema_of(name, frame)
    _refuse_unknown_columns(name, source, list(schema))
    return event_time.add(name, frame.with_columns(event_time.of_this_calendar(schema)), schema, source)


def format_of(name: str, source: Source) -> str:
    """`csv`, `parquet`, `jsonl`, `excel` or `sql`: as declared, or by the file's ending.

    Raises:
        ConfigError: Neither says.
    """
    if source.format:
        return source.format
    if source.url:
        return "sql"
    ending = Path(source.path or "").suffix.lower()
    if ending not in FORMATS:
        raise ConfigError(
            f"sources.{name}.path: {source.path!r} does not say its format. Name a file that ends in "
            f"{', '.join(FORMATS)}, or set sources.{name}.format."
        )
    return FORMATS[ending]


def _scan(name: str, source: Source, folder: Path) -> pl.LazyFrame:
    kind = format_of(name, source)
    if kind == "sql":
        return databases.read(name, source, folder)
    if kind == "parquet" and object_stores.is_remote(source):
        addresses = object_stores.objects(name, source)
        return pl.scan_parquet(addresses, glob=False, storage_options=object_stores.storage_options())
    paths = object_stores.fetched(name, source) if object_stores.is_remote(source) else _files(name, source, folder)
    if kind == "csv":
        return csv_files.scan(paths, source)
    if kind == "excel":
        return excel_files.read(name, paths, source)
    return json_lines.scan(paths) if kind == "jsonl" else pl.scan_parquet(paths, glob=False)


def _files(name: str, source: Source, folder: Path) -> list[Path]:
    """The file, or those that the pattern matches, in the order of their names."""
    if not source.path:
        raise ConfigError(f"sources.{name}.path is missing. Name a file, or give `url` and `query` for a database.")
    path = folder / source.path
    if path.is_file():
        return [path]
    found = sorted(one for one in _matching(path) if one.is_file())
    if not found:
        raise ConfigError(
            f"sources.{name}.path: there is no file {path}. Correct the path, or put the file there; "
            "a path is relative to the folder of assay.yaml."
        )
    return found


def _matching(path: Path) -> Iterator[Path]:
    """What a path with wildcards stands for; nothing where it has none."""
    parts = path.parts
    first = next((number for number, part in enumerate(parts) if set(part) & set(WILDCARDS)), None)
    return iter(()) if first is None else Path(*parts[:first]).glob(str(Path(*parts[first:])))


def _with_null_values(frame: pl.LazyFrame, source: Source) -> pl.LazyFrame:
    """Texts that were declared to mean a missing value become null, in every format."""
    if not source.null_values:
        return frame
    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.is_in(list(source.null_values)).not_()).then(text).name.keep())


def _schema_of(name: str, frame: pl.LazyFrame) -> pl.Schema:
    try:
        return frame.collect_schema()
    except (PolarsError, OSError) as failure:
        raise DataError(f"source {name!r} cannot be opened: {first_line(failure)}") from failure


def _refuse_unknown_columns(name: str, source: Source, columns: list[str]) -> None:
    for column in columns:
        if csv_files.PATTERN_NAME.fullmatch(column):
            raise DataError(
                f"source {name!r} has a column {column!r}, which would stand for several columns at once. Rename it "
                "in the source."
            )
    for field, column in _declared(source):
        if column not in columns:
            hint = did_you_mean(column, columns) or f"it has {', '.join(map(repr, columns[:30]))}."
            raise ConfigError(f"sources.{name}.{field}: the source has no column {column!r}; {hint}")
    for reserved in (event_time.EVENT_TIME, event_time.KNOWN_AT):
        if reserved in columns and reserved != source.time:
            raise ConfigError(
                f"source {name!r} has a column {reserved!r}, a name that Assay gives to a column of its own. "
                f"Rename it in the source, or name it as sources.{name}.time."
            )


def _declared(source: Source) -> Iterator[tuple[str, str]]:
    """Every column that the declaration names, with the field that names it."""
    yield from (("key", column) for column in source.key)
    if source.time:
        yield "time", source.time
    yield from (("known_before", column) for column in source.known_before)
    yield from (("columns", column) for column in source.columns)
    yield from (("protected", column) for column in source.protected)
    for number, expectation in enumerate(source.expectations):
        if expectation.column:
            yield f"expectations[{number}].column", expectation.column
