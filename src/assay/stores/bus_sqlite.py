"""The embedded bus: every topic a durable log in one SQLite file, shared by any number of processes of a machine.

An event is on disk when `publish` returns; no server, no thread, no memory that a kill could take away.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assay.errors import IntegrityError, ServiceUnreachable, UsageError
from assay.stores.bus import KEPT_EVENTS, Backlog, Message, require_topic

BUSY_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.005
"""How often an idle reader looks; one look takes about ten microseconds."""

TABLES = """
CREATE TABLE IF NOT EXISTS events (
    topic TEXT NOT NULL, number INTEGER NOT NULL, published_us INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (topic, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (
    topic TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
"""
NEXT = "SELECT number, data, published_us FROM events WHERE topic = ? AND number > ? ORDER BY number LIMIT ?"
MARK = """
INSERT INTO topics (topic, first, last) VALUES (:topic, 1, :last)
ON CONFLICT (topic) DO UPDATE SET last = excluded.last"""


class SqliteBus:
    """One SQLite file in WAL mode; safe for several threads and processes."""

    def __init__(self, path: Path, *, kept_events: int = KEPT_EVENTS) -> None:
        self.path = path
        self._kept = kept_events
        self._local = threading.local()
        with _errors_named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection().executescript(TABLES)

    def publish(self, topic: str, events: Sequence[bytes]) -> None:
        require_topic(topic)
        if not events:
            return
        now_us = time.time_ns() // 1000
        with _errors_named(self.path):
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                first, last = _extent(connection, topic)
                rows = [(topic, last + number, now_us, data) for number, data in enumerate(events, start=1)]
                connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
                connection.execute(MARK, {"topic": topic, "last": last + len(rows)})
                self._make_room(connection, topic, first, last + len(rows))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def read(self, topic: str, *, after: str | None = None) -> SqliteReader:
        return SqliteReader(self, require_topic(topic), _number(after))

    def backlog(self, topic: str, *, after: str | None = None) -> Backlog:
        with _errors_named(self.path):
            first, last = _extent(self._connection(), require_topic(topic))
        number = _number(after)
        return Backlog(n_events=max(0, last - max(number, first - 1)), is_cut=number + 1 < first)

    def close(self) -> None:
        self._local.__dict__.pop("handle", None)

    def take(self, topic: str, number: int, limit: int) -> list[Message]:
        """Up to `limit` events after the event of that number."""
        with _errors_named(self.path):
            found = self._connection().execute(NEXT, (topic, number, limit)).fetchall()
        return [Message(str(at), data, published_us) for at, data, published_us in found]

    def _make_room(self, connection: sqlite3.Connection, topic: str, first: int, last: int) -> None:
        """Drop the oldest events, a tenth of what is kept at a time, so that publishing stays cheap."""
        if last - first + 1 <= self._kept + self._kept // 10:
            return
        oldest = last - self._kept + 1
        connection.execute("DELETE FROM events WHERE topic = ? AND number < ?", (topic, oldest))
        connection.execute("UPDATE topics SET first = ? WHERE topic = ?", (oldest, topic))

    def _connection(self) -> sqlite3.Connection:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None:
            handle = self._local.handle = _Handle(self.path)
        return handle.connection


class _Handle:
    """A connection that closes itself when its thread ends."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")  # an event is nowhere else yet
        except BaseException:
            self.connection.close()
            raise

    def __del__(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()


class SqliteReader:
    """Looks for later events until some are there."""

    def __init__(self, bus: SqliteBus, topic: str, number: int) -> None:
        self._bus, self._topic, self._number = bus, topic, number

    def take(self, limit: int, *, wait_seconds: float) -> list[Message]:
        give_up = time.monotonic() + wait_seconds
        while True:
            found = self._bus.take(self._topic, self._number, limit)
            if found:
                self._number = int(found[-1].position)
            if found or time.monotonic() >= give_up:
                return found
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Nothing is held open."""


def _extent(connection: sqlite3.Connection, topic: str) -> tuple[int, int]:
    """Numbers of the oldest event kept and of the newest; 1 and 0 where the topic is empty."""
    found = connection.execute("SELECT first, last FROM topics WHERE topic = ?", (topic,)).fetchone()
    return (int(found[0]), int(found[1])) if found else (1, 0)


def _number(position: str | None) -> int:
    if position is None:
        return 0
    if not position.isdecimal():
        raise UsageError(f"{position!r} is no place in a topic of the embedded bus: give the number of an event.")
    return int(position)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise ServiceUnreachable(
                f"another process has held the bus {path} for {BUSY_TIMEOUT_SECONDS:.0f} s. Stop it, or try again."
            ) from error
        raise UsageError(f"the bus {path} cannot be used: {error}. Check the path, its rights and the disk.") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a defect of the caller's: an event that is no bytes
            raise
        raise IntegrityError(
            f"{path} is not a sound bus: {error}. Move it away; events that were not read yet must be published again."
        ) from error
