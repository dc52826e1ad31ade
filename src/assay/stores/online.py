"""The online store: the latest values of every entity, read in microseconds while writers write.

Knows nothing of ttl, staleness or feature definitions; `features/online.py` judges those from the times given here.
"""

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
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import orjson

from assay.errors import DataError, IntegrityError, ServiceUnreachable, UsageError

BUSY_TIMEOUT_SECONDS = 60.0
MAPPED_BYTES = 256 << 20  # of the file, read without copying
LONGEST_LOG_BYTES = 64 << 20  # a larger write-ahead log is cut back after its checkpoint
SERVERS = ("redis", "rediss", "unix")
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


Wanted = tuple[str, Sequence[str]]
"""A view, and keys of entities in it."""


class OnlineRow(NamedTuple):
    """What is known of one entity: when it became known (microseconds since 1970, UTC) and its values."""

    time_us: int
    values: dict[str, Any]


class OnlineStore(Protocol):
    """Latest values per view and key; every backend keeps the promises of `tests/stores/test_online.py`."""

    def put(
        self,
        view: str,
        keys: Sequence[str],
        times_us: Sequence[int],
        values: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> int:
        """Write a batch, all of it or nothing; returns how many rows it changed.

        For each key the newest time wins, whatever the order of writing; at equal times the last written wins, so
        the same batch twice changes nothing the second time.

        Values are numbers, flags, text, nulls, and lists or mappings of these. nan and the infinities, which JSON
        lacks, are stored and come back as None: missing.

        Args:
            replace: Forget the view's other rows in the same step; no reader sees the view empty.

        Raises:
            DataError: The batch's lists differ in length, or a value has no JSON form; names view and key.
        """
        ...

    def get(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        """The rows of `keys`, in that order, all from one moment; None for a key that was never written.

        Raises:
            ServiceUnreachable: The store's server does not answer, or has lost what it held.
        """
        ...

    def get_views(self, wanted: Sequence[Wanted]) -> list[list[OnlineRow | None]]:
        """As `get`, for several views at once; a server is asked in one round trip."""
        ...

    def count(self, view: str) -> int: ...

    def forget_losses(self) -> None:
        """Take what the store holds now as all there is; a server that lost its data then reads as empty."""
        ...


def is_remote(url: str | Path) -> bool:
    """Whether the store is a server, which can be away, and not a file."""
    return urlsplit(str(url)).scheme in SERVERS


def open_online(url: str | Path, *, namespace: str = "project") -> OnlineStore:
    """Open the store in a SQLite file (a path, `file://` or `sqlite:///path`), made when it is missing, or on Redis.

    Args:
        url: Where it is; a Redis server as `redis://`, `rediss://` or `unix://`.
        namespace: Keeps projects apart that share a server.

    Raises:
        UsageError: The scheme is unknown, or the file cannot be opened.
        IntegrityError: The file is not a SQLite database.
    """
    text = str(url)
    if "://" not in text:
        return SqliteOnline(Path(text))
    parts = urlsplit(text)
    if parts.scheme in ("sqlite", "file"):
        path = unquote(parts.path)
        return SqliteOnline(Path(path[1:] if parts.scheme == "sqlite" else path))
    if parts.scheme in SERVERS:
        from assay.stores.online_redis import RedisOnline

        return RedisOnline(text, namespace=namespace)
    raise UsageError(
        f"stores.online: the scheme {parts.scheme!r} is not known. Use the path of a SQLite file, or redis://host:6379/0."
    )


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


def require_equal_lengths(
    view: str, keys: Sequence[str], times_us: Sequence[int], values: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse a batch whose lists differ in length.

    Raises:
        DataError: They do.
    """
    if not len(keys) == len(times_us) == len(values):
        raise DataError(
            f"view {view!r}: {len(keys)} keys, {len(times_us)} times and {len(values)} rows of values. "
            "Give as many of each."
        )


def json_of(view: str, key: str, time_us: int, row: Mapping[str, Any]) -> bytes:
    """A row as every backend stores it.

    Raises:
        DataError: A value has no JSON form, or the time is no whole number.
    """
    try:
        operator.index(time_us)
        return orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError as error:
        raise DataError(
            f"view {view!r}, key {key!r}, time {time_us!r}: {error}. Times are whole microseconds; values are "
            "numbers, flags, text, nulls or lists of these (give a date as a number or as text)."
        ) from error


def text_of(key: str) -> str:
    """Refuse keys that are not text: a database would store a number as its digits, and not find it as a number.

    Raises:
        DataError: It is not text.
    """
    if type(key) is not str:
        raise DataError(f"the key {key!r} is a {type(key).__name__}. Keys of entities are text: cast the column.")
    return key
