"""SQL databases as sources: one query, read only, through SQLAlchemy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from assay.config.settings import Source
from assay.data.addressed import first_line
from assay.errors import ConfigError, DataError, ServiceUnreachable

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

READS = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


def read(name: str, source: Source, folder: Path) -> pl.LazyFrame:
    """The rows that the query answers, types inferred from all of them.

    The connection may only read: SQLite runs with `query_only`, PostgreSQL in a read-only transaction, and everything
    is rolled back at the end.

    Raises:
        ConfigError: URL or query are missing or wrong.
        ServiceUnreachable: The database does not answer; the URL is shown without its password.
        DataError: The rows do not fit into columns.
    """
    from polars.exceptions import PolarsError
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    if not source.url or not source.query:
        raise ConfigError(f"sources.{name}: a database needs `url`, such as sqlite:///sales.db, and `query`.")
    if not READS.match(source.query):
        raise ConfigError(f"sources.{name}.query must read: begin it with SELECT or WITH, not {source.query[:30]!r}.")
    url = _url(name, source.url, folder)
    engine = _engine(name, url)
    statement = text(re.sub(r"(?<!:):(?=\w)", r"\\:", source.query))  # a colon in the query is no parameter
    try:
        with _connect(name, engine, url) as connection:
            return pl.read_database(statement, connection, infer_schema_length=None).lazy()
    except DBAPIError as failure:
        raise ConfigError(
            f"sources.{name}.query failed on {_shown(url)}: {first_line(failure.orig or failure)}"
        ) from failure
    except PolarsError as failure:
        raise DataError(
            f"source {name!r}: the query's rows do not fit into columns: {first_line(failure)}"
        ) from failure
    finally:
        engine.dispose()


def _url(name: str, text: str, folder: Path) -> URL:
    """The URL; a relative SQLite path starts at `folder`, and the file must be there, for SQLite would make it."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as failure:  # a port that is no number is a ValueError
        raise ConfigError(
            f"sources.{name}.url is no database URL. Write it like sqlite:///sales.db or postgresql://host/database."
        ) from failure
    if url.get_backend_name() != "sqlite" or not url.database:
        return url
    path = folder / url.database
    if not path.is_file():
        raise ConfigError(f"sources.{name}.url: there is no SQLite file {path}. A relative path starts at assay.yaml.")
    return url.set(database=str(path))


def _engine(name: str, url: URL) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError

    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        return create_engine(url)
    except NoSuchModuleError as failure:
        raise ConfigError(f"sources.{name}.url: SQLAlchemy knows no database {url.drivername!r}.") from failure
    except ModuleNotFoundError as failure:
        raise ConfigError(
            f"sources.{name}.url: the driver {failure.name!r} is not installed. "
            "For PostgreSQL: pip install assay[postgres]."
        ) from failure


def _connect(name: str, engine: Engine, url: URL) -> Connection:
    from sqlalchemy.exc import DBAPIError

    try:
        connection = engine.connect()
        if url.get_backend_name() == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        elif url.get_backend_name() == "postgresql":
            connection = connection.execution_options(postgresql_readonly=True)
    except DBAPIError as failure:
        raise ServiceUnreachable(
            f"sources.{name}.url: {_shown(url)} does not answer: {first_line(failure.orig or failure)}. "
            "Start the database, or correct the URL."
        ) from failure
    return connection


def _shown(url: URL) -> str:
    """The URL for messages, without its options: a password may be one of them."""
    return url.set(query={}).render_as_string(hide_password=True)
