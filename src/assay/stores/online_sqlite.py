"""The online store in one SQLite file: the embedded default, read in microseconds while writers write."""

from __future__ import annotations

import operator
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from assay.errors import IntegrityError, ServiceUnreachable, UsageError
from assay.stores.online import OnlineRow, Wanted, json_of, require_equal_lengths, text_of

BUSY_TIMEOUT_SECONDS = 60.0
MAPPED_BYTES = 256 << 20  # of the file, read without copying
LONGEST_LOG_BYTES = 64 << 20  # a larger write-ahead log is cut back after its checkpoint
MOST_PARAMETERS = 4_096  # keys in one statement as parameters; more go in as one JSON list

TABLES = """
CREATE TABLE IF NOT EXISTS latest (
    view TEXT NOT NULL, key TEXT NOT NULL, time_us INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (view, key)
)"""
UPSERT = """
INSERT INTO latest (view, key, time_us, content) VALUES (?, ?, ?, ?)
ON CONFLICT (view, key) DO UPDATE SET time_us = excluded.time_us, content = excluded.content
WHERE excluded.time_us > time_us OR (excluded.time_us = time_us AND excluded.content <> content)"""
SELECT_ONE = "SELECT time_us, content FROM latest WHERE view = ? AND key = ?"
SELECT_LISTED = "SELECT key, time_us, content FROM latest WHERE view = ? AND key IN (SELECT value FROM json_each(?))"


class SqliteOnline:
    """One SQLite file in WAL mode: readers never wait for a writer; a connection per thread and process.

    A commit survives a crash of the process; a power cut may lose the last ones (the offline store has them),
    never half of one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._inherited: list[_Handle] = []
        with _errors_named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection()

    def put(
        self,
        view: str,
        keys: Sequence[str],
        times_us: Sequence[int],
        values: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> int:
        require_equal_lengths(view, keys, times_us, values)
        with _errors_named(self.path), self._transaction() as connection:
            before = connection.total_changes
            n_removed = connection.execute("DELETE FROM latest WHERE view = ?", (view,)).rowcount if replace else 0
            connection.executemany(UPSERT, _records(view, keys, times_us, values))
            return connection.total_changes - before - n_removed

    def get(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        try:
            if len(keys) == 1:
                found = self._connection().execute(SELECT_ONE, (view, text_of(keys[0]))).fetchone()
                return [OnlineRow(found[0], orjson.loads(found[1])) if found else None]
            return self._get_many(view, keys) if keys else []
        except (sqlite3.Error, orjson.JSONDecodeError) as error:
            raise _named(self.path, error) from error

    def get_views(self, wanted: Sequence[Wanted]) -> list[list[OnlineRow | None]]:
        return [self.get(view, keys) for view, keys in wanted]

    def count(self, view: str) -> int:
        with _errors_named(self.path):
            (n_rows,) = self._connection().execute("SELECT count(*) FROM latest WHERE view = ?", (view,)).fetchone()
        return int(n_rows)

    def forget_losses(self) -> None:
        """A file that is there has lost nothing."""

    def _get_many(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        found = self._connection().execute(*_select(view, [text_of(key) for key in keys]))
        rows = {key: OnlineRow(time_us, orjson.loads(content)) for key, time_us, content in found}
        return [rows.get(key) for key in keys]

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; a new one after a fork, for SQLite's handles must not be used across it."""
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None or handle.process != os.getpid():
            if handle is not None:
                self._inherited.append(handle)  # the parent's: neither used nor closed here
            handle = self._local.handle = _Handle(self.path)
        return handle.connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")  # take the write lock at once: upgrading later could not wait for it
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


class _Handle:
    """A connection that closes itself when its thread ends."""

    def __init__(self, path: Path) -> None:
        self.process = os.getpid()
        self.connection = _connect(path)

    def __del__(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}")
        connection.execute(f"PRAGMA journal_size_limit = {LONGEST_LOG_BYTES}")
        connection.execute(TABLES)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL; SQLite does not wait for its lock here when several processes open a new file at once."""
    give_up = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _named(path, error) from error


def _named(path: Path, error: Exception) -> Exception:
    if "locked" in str(error):
        return ServiceUnreachable(
            f"another process has held the online store {path} for {BUSY_TIMEOUT_SECONDS:.0f} s. Stop it, or try again."
        )
    if isinstance(error, sqlite3.OperationalError | OSError):
        return UsageError(f"the online store {path} cannot be used: {error}. Check the path, its rights and the disk.")
    return IntegrityError(
        f"{path} is not a sound online store: {error}. Move it away and build the features again: "
        "the offline store has every row."
    )


def _select(view: str, keys: list[str]) -> tuple[str, tuple[str, ...]]:
    """One statement for any number of keys; padded to a power of two, so that few statements are ever prepared."""
    if len(keys) > MOST_PARAMETERS:
        return SELECT_LISTED, (view, orjson.dumps(keys).decode())
    n_places = 1 << (len(keys) - 1).bit_length()
    return _select_places(n_places), (view, *keys, *(keys[-1:] * (n_places - len(keys))))


@cache
def _select_places(n_places: int) -> str:
    places = ",".join("?" * n_places)
    return f"SELECT key, time_us, content FROM latest WHERE view = ? AND key IN ({places})"  # noqa: S608 (only ?,?,?)


def _records(
    view: str, keys: Sequence[str], times_us: Sequence[int], values: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str, int, bytes]]:
    for key, time_us, row in zip(keys, times_us, values, strict=True):
        content = json_of(view, key, time_us, row)
        yield view, text_of(key), operator.index(time_us), content
