"""The ledger in an SQLite file: write-ahead log, every commit on disk before it is answered.

One connection writes, a few others read, so that readers never wait for a writer of the same process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from assay.errors import AssayError, IntegrityError, NotFound, UsageError
from assay.ledger.backend import FORMAT, WAIT_SECONDS
from assay.ledger.chain import GENESIS

MOST_IDLE_READERS = 4

SCHEMA = """
CREATE TABLE ledger_records (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, run TEXT NOT NULL,
    time TEXT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX ledger_by_kind ON ledger_records (kind);
CREATE INDEX ledger_by_subject ON ledger_records (subject, kind);
CREATE INDEX ledger_by_run ON ledger_records (run) WHERE run <> '';
CREATE INDEX ledger_by_time ON ledger_records (time);
CREATE TABLE ledger_edges (
    child INTEGER NOT NULL, position INTEGER NOT NULL, parent INTEGER NOT NULL,
    PRIMARY KEY (child, position)) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_by_parent ON ledger_edges (parent, child);
CREATE TABLE ledger_head (sequence INTEGER NOT NULL, digest TEXT NOT NULL) STRICT;
CREATE TABLE ledger_counters (series TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER ledger_never_edited BEFORE UPDATE ON ledger_records
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_never_removed BEFORE DELETE ON ledger_records
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


class SqliteSession:
    """A transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection, place: str) -> None:
        self._connection = connection
        self.place = place

    def rows(
        self,
        statement: str,
        values: Mapping[str, Any] | None = None,
        *,
        stream: bool = False,  # noqa: ARG002 - SQLite streams always
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement with `:named` values, read as they are asked for."""
        with _translated(self.place):
            yield from self._connection.execute(statement, values or {})

    def write(self, statement: str, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each set of values."""
        self._connection.executemany(statement, values)


class SqliteBackend:
    """A ledger in the file `path`, which is made where it is absent and `read_only` is not asked for."""

    orders_writers = False  # waiting writers poll, and a busy one can starve the others

    def __init__(self, path: Path, *, read_only: bool = False, wait_seconds: float = WAIT_SECONDS) -> None:
        self.place = str(path)
        self._path = path
        self._read_only = read_only
        self._wait_seconds = wait_seconds
        self._start()
        if read_only:
            self._check_format()

    def _start(self) -> None:
        self._process = os.getpid()
        self._turn = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._idle: list[sqlite3.Connection] = []
        self._all: list[sqlite3.Connection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._all, self._process)

    def create(self) -> None:
        """Make the tables where they are missing; to be called while no other process does the same.

        Raises:
            UsageError: The file is a ledger of another format.
            IntegrityError: The file is not a database.
        """
        is_new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _translated(self.place):
            writer = self._writing_connection()
            writer.execute("PRAGMA journal_mode = WAL")
            (version,) = writer.execute("PRAGMA user_version").fetchone()
            if version == 0:
                writer.executescript(f"BEGIN IMMEDIATE;{SCHEMA}")
                writer.execute("INSERT INTO ledger_head (sequence, digest) VALUES (0, ?)", [GENESIS])
                writer.execute(f"PRAGMA user_version = {FORMAT:d}")
                writer.execute("COMMIT")
        if is_new:
            _sync_folder(self._path.parent)
        self._check_format()

    @contextmanager
    def writing(self) -> Iterator[SqliteSession]:
        """The one writer's turn, with every other thread and process kept out until it is on disk."""
        if self._read_only:
            raise UsageError(f"the ledger {self.place} was opened for reading only; open it again to record.")
        self._survive_fork()
        with self._turn, _translated(self.place):
            writer = self._writing_connection()
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteSession(writer, self.place)
                writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # what failed is raised; SQLite may have rolled back already
                    writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[SqliteSession]:
        """A view of one instant."""
        self._survive_fork()
        with _translated(self.place):
            reader = self._idle.pop() if self._idle else self._connect()
            try:
                reader.execute("BEGIN")
                yield SqliteSession(reader, self.place)
            finally:
                with suppress(sqlite3.Error):
                    reader.execute("ROLLBACK")
                self._put_back(reader)

    def damage(self) -> str:
        """The first finding of SQLite's integrity check; empty where there is none."""
        with self.reading() as session:
            (finding,) = next(session.rows("PRAGMA integrity_check(1)"))
        return "" if finding == "ok" else str(finding)

    def close(self) -> None:
        """Close every connection."""
        self._survive_fork()
        _close_all(self._all, self._process)
        self._all.clear()
        self._idle.clear()
        self._writer = None

    def _writing_connection(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect()
            self._writer.execute("PRAGMA synchronous = FULL")
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        if self._read_only and not self._path.exists():
            raise NotFound(f"no ledger at {self.place}. Run `assay run` to begin one, or correct stores.ledger.")
        mode = "ro" if self._read_only else "rwc"
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._wait_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = _text
        self._all.append(connection)
        return connection

    def _put_back(self, reader: sqlite3.Connection) -> None:
        if len(self._idle) < MOST_IDLE_READERS:
            self._idle.append(reader)
            return
        if reader in self._all:
            self._all.remove(reader)
        reader.close()

    def _check_format(self) -> None:
        with self.reading() as session:
            (version,) = next(session.rows("PRAGMA user_version"))
        if version != FORMAT:
            raise UsageError(
                f"{self.place} is a database of format {version}; this version of Assay reads ledgers of format "
                f"{FORMAT}. Install the version of Assay that wrote it, or name another file in stores.ledger."
            )

    def _survive_fork(self) -> None:
        """A forked child must neither use nor close its parent's connections (sqlite.org/howtocorrupt.html, 2.6)."""
        if self._process != os.getpid():
            _INHERITED.extend(self._all)
            self._finalizer.detach()
            self._start()


_INHERITED: list[sqlite3.Connection] = []  # kept from being closed by the garbage collector of a forked child


def _close_all(connections: list[sqlite3.Connection], process: int) -> None:
    if process == os.getpid():
        for connection in connections:
            connection.close()


def _text(raw: bytes) -> str:
    """Damaged bytes are kept as surrogates, so that `verify` can hash what is there and name the record."""
    return raw.decode("utf-8", "surrogateescape")


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable; Windows does so by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """SQLite's errors as ours, with what to do."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise IntegrityError(
            f"the ledger {place} refused the record: {error}. Its tables were changed by hand; "
            "run `assay ledger verify`."
        ) from error
    except sqlite3.OperationalError as error:
        raise AssayError(
            f"the ledger {place} could not be used: {error}. Check that the disk has room, that the folder may be "
            "written and that no other program holds the file."
        ) from error
    except sqlite3.DatabaseError as error:
        raise IntegrityError(
            f"the ledger {place} is damaged, or is not a ledger: {error}. Restore it from a backup."
        ) from error
