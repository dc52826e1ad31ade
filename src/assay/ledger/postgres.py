"""The ledger on a PostgreSQL server, for writers on several machines.

Writers queue at an advisory lock, which the server hands on in the order of asking; a commit is on the server's disk.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from assay.errors import AssayError, IntegrityError, NotFound, ServiceUnreachable, UsageError
from assay.ledger.backend import FORMAT, WAIT_SECONDS
from assay.ledger.chain import GENESIS

CONNECT_SECONDS = 5
MOST_CONNECTIONS = 16  # of one process
ROWS_AT_A_TIME = 1_000
LOCK_NOT_AVAILABLE = "55P03"  # https://www.postgresql.org/docs/15/errcodes-appendix.html

# Text is compared by its bytes, as SQLite does, so that ranges of kinds and times mean the same on both.
SCHEMA = """
CREATE TABLE ledger_records (
    sequence BIGINT PRIMARY KEY, kind TEXT COLLATE "C" NOT NULL, subject TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL, time TEXT COLLATE "C" NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX ledger_by_kind ON ledger_records (kind, sequence);
CREATE INDEX ledger_by_subject ON ledger_records (subject, kind, sequence);
CREATE INDEX ledger_by_run ON ledger_records (run, sequence) WHERE run <> '';
CREATE INDEX ledger_by_time ON ledger_records (time);
CREATE TABLE ledger_edges (
    child BIGINT NOT NULL, position BIGINT NOT NULL, parent BIGINT NOT NULL, PRIMARY KEY (child, position));
CREATE INDEX ledger_by_parent ON ledger_edges (parent, child);
CREATE TABLE ledger_head (sequence BIGINT NOT NULL, digest TEXT NOT NULL, format BIGINT NOT NULL);
CREATE TABLE ledger_counters (series TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER ledger_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_records
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""
FIRST_HEAD = "INSERT INTO ledger_head (sequence, digest, format) VALUES (0, :digest, :format)"
# Not to_regclass: after waiting for another process to make the tables, it answers from a cache that has not heard.
IS_THERE = (
    "SELECT count(*) > 0 FROM pg_tables WHERE tablename = 'ledger_head' AND schemaname = ANY (current_schemas(false))"
)
READ_FORMAT = "SELECT format FROM ledger_head"
ONE_MAKES_THE_TABLES = "SELECT pg_advisory_xact_lock(hashtext('assay ledger tables'))"
TAKE_TURN = (
    f"SET LOCAL lock_timeout = '{WAIT_SECONDS:g}s'; SET LOCAL synchronous_commit = on; "
    "SELECT pg_advisory_xact_lock('ledger_head'::regclass::oid::bigint)"
)


class PostgresSession:
    """A transaction on one connection."""

    def __init__(self, connection: sqlalchemy.Connection, place: str) -> None:
        self._connection = connection
        self.place = place
        self._streams: list[sqlalchemy.CursorResult[Any]] = []

    def rows(
        self, statement: str, values: Mapping[str, Any] | None = None, *, stream: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement with `:named` values; with `stream`, through a cursor on the server."""
        options = {"yield_per": ROWS_AT_A_TIME} if stream else {}
        result = self._connection.execute(sqlalchemy.text(statement), values or {}, execution_options=options)
        if stream:
            self._streams.append(result)
        for row in result:
            yield tuple(row)

    def write(self, statement: str, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each set of values."""
        self._connection.execute(sqlalchemy.text(statement), [dict(one) for one in values])

    def close(self) -> None:
        """Give up the cursors of streams that were not read to their end."""
        for result in self._streams:
            result.close()


class PostgresBackend:
    """A ledger in the first schema of the search path of the database that `url` names.

    Raises:
        UsageError: The URL cannot be read, or the driver is not installed.
        ServiceUnreachable: The server does not answer, or refuses the name or the password.
        NotFound: Read-only, and there is no ledger.
    """

    orders_writers = True

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._url = _parse(url)
        self.place = _place(self._url)
        self._read_only = read_only
        self._engine = self._make_engine()
        self._process = os.getpid()
        self._finalizer = weakref.finalize(self, _dispose, self._engine, self._process)
        try:
            self._create()
        except AssayError:
            self._engine.dispose()
            raise

    def _make_engine(self) -> sqlalchemy.Engine:
        try:
            return sqlalchemy.create_engine(
                self._url,
                pool_size=2,
                max_overflow=MOST_CONNECTIONS - 2,
                pool_timeout=WAIT_SECONDS,
                pool_pre_ping=True,  # a server that was restarted is not an error
                connect_args={"connect_timeout": CONNECT_SECONDS},
            )
        except ModuleNotFoundError as error:
            raise UsageError(
                f'the ledger {self.place} needs the PostgreSQL driver: pip install "assay[postgres]".'
            ) from error

    def _create(self) -> None:
        with self._connected() as connection, connection.begin():
            is_there = connection.execute(sqlalchemy.text(IS_THERE)).scalar_one()
            if not is_there and self._read_only:
                raise NotFound(f"no ledger at {self.place}. Run `assay run` to begin one, or correct stores.ledger.")
            if not is_there:
                connection.exec_driver_sql(ONE_MAKES_THE_TABLES)
                if not connection.execute(sqlalchemy.text(IS_THERE)).scalar_one():
                    connection.exec_driver_sql(SCHEMA)
                    connection.execute(sqlalchemy.text(FIRST_HEAD), {"digest": GENESIS, "format": FORMAT})
            found = connection.execute(sqlalchemy.text(READ_FORMAT)).scalar()
        if found is not None and found != FORMAT:
            raise UsageError(
                f"{self.place} holds a ledger of format {found}; this version of Assay reads format {FORMAT}. "
                "Install the version of Assay that wrote it, or name another database in stores.ledger."
            )

    @contextmanager
    def writing(self) -> Iterator[PostgresSession]:
        """The one writer's turn."""
        if self._read_only:
            raise UsageError(f"the ledger {self.place} was opened for reading only; open it again to record.")
        with self._connected() as connection, connection.begin():
            connection.exec_driver_sql(TAKE_TURN)
            yield PostgresSession(connection, self.place)

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        """A view of one instant."""
        with self._connected(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            session = PostgresSession(connection, self.place)
            try:
                yield session
            finally:
                session.close()

    def damage(self) -> str:
        """Nothing: the server checks its own pages."""
        return ""

    def close(self) -> None:
        """Close every connection."""
        self._survive_fork()
        self._engine.dispose()

    @contextmanager
    def _connected(self, **options: Any) -> Iterator[sqlalchemy.Connection]:
        self._survive_fork()
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(**options) if options else connection
        except SQLAlchemyError as error:
            raise self._translated(error) from error

    def _survive_fork(self) -> None:
        if self._process != os.getpid():
            self._engine.dispose(close=False)  # the connections stay the parent's
            self._process = os.getpid()

    def _translated(self, error: SQLAlchemyError) -> AssayError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = str(cause).strip().partition("\n")[0]
        if self._url.password:
            said = said.replace(str(self._url.password), "***")
        if getattr(cause, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            return AssayError(
                f"another writer has held the ledger {self.place} for {WAIT_SECONDS:g} s. A turn takes milliseconds, "
                "so it hangs: find it in pg_stat_activity and end it."
            )
        if isinstance(error, OperationalError | sqlalchemy.exc.TimeoutError):
            return ServiceUnreachable(
                f"the ledger {self.place} does not answer: {said}. Check that the server runs, that the host and port "
                "are right and that the name and password are accepted. A record under way may or may not be there."
            )
        if isinstance(error, sqlalchemy.exc.IntegrityError):
            return IntegrityError(
                f"the ledger {self.place} refused the record: {said}. Its tables were changed by hand; "
                "run `assay ledger verify`."
            )
        return AssayError(f"the ledger {self.place} could not be used: {said}. Check the rights of its user.")


def _dispose(engine: sqlalchemy.Engine, process: int) -> None:
    """Close a forgotten ledger's connections; in a forked child they are not ours to close."""
    engine.dispose(close=process == os.getpid())


def _parse(url: str) -> sqlalchemy.URL:
    try:
        return sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    except (SQLAlchemyError, ValueError):
        raise UsageError(
            "the URL of the ledger cannot be read (it is not shown, for it may hold a password): give "
            "postgresql://user:password@host:5432/database, with special characters of the password percent-encoded."
        ) from None


def _place(url: sqlalchemy.URL) -> str:
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"
