"""What a stream must not forget: the recent events of each entity, whose online values are behind, and its place.

One transaction holds all that a batch of messages changes, the place in the topic included. A kill leaves it done or
not done; the bus then gives the same messages again, and an event that is held already changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from assay.errors import IntegrityError, ServiceUnreachable, UsageError
from assay.features.streaming.events import Event

BUSY_TIMEOUT_SECONDS = 30.0
TABLES = """
CREATE TABLE IF NOT EXISTS events (
    view TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL, known_us INTEGER NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY (view, entity, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS behind (
    view TEXT NOT NULL, due_us INTEGER NOT NULL, entity TEXT NOT NULL, PRIMARY KEY (view, due_us, entity)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (topic TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (view TEXT PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
"""
ADD = "INSERT OR IGNORE INTO events (view, entity, id, known_us, row) VALUES (?, ?, ?, ?, ?)"
MARK_BEHIND = "INSERT OR IGNORE INTO behind (view, entity, due_us) VALUES (?, ?, ?)"
FORGET_OLDER = """
DELETE FROM events WHERE view = :view AND entity = :entity AND known_us <
    (SELECT max(known_us) FROM events WHERE view = :view AND entity = :entity AND known_us <= :now) - :reach"""
FORGET_BEYOND = """
DELETE FROM events WHERE view = :view AND entity = :entity AND known_us <= :now AND id NOT IN (
    SELECT id FROM events WHERE view = :view AND entity = :entity AND known_us <= :now
    ORDER BY known_us DESC, id DESC LIMIT :reach)"""
PLACE = "INSERT INTO places VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET position = excluded.position"
HELD = "SELECT known_us, row FROM events WHERE view = ? AND entity = ? AND known_us <= ? ORDER BY known_us, id"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event for one entity of one view, with the history that the view declares."""

    view: str
    history: timedelta | int
    entity: str
    event: Event


class StreamState:
    """One SQLite file; used by one thread of one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, made where it is missing.

        Raises:
            IntegrityError: It is no such file.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._errors_named():
            self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")  # the place goes back with what it led to
                self._connection.executescript(TABLES)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        self._connection.close()

    def position(self, topic: str) -> str | None:
        """Where reading goes on; None for a topic that was never read."""
        found = self._connection.execute("SELECT position FROM places WHERE topic = ?", (topic,)).fetchone()
        return None if found is None else str(found[0])

    def move(self, topic: str, position: str | None) -> None:
        """Go on from another place; from the oldest event for None."""
        with self._transaction() as connection:
            if position is None:
                connection.execute("DELETE FROM places WHERE topic = ?", (topic,))
            else:
                connection.execute(PLACE, (topic, position))

    def absorb(self, topic: str, position: str, arrivals: Sequence[Arrival], *, now_us: int) -> int:
        """Keep what is new, mark its entities as behind and move the place, all or nothing.

        An event that is known only later (its source declares a delay) is held until then.

        Returns:
            How many arrivals were new; the others are held already.
        """
        n_new = 0
        with self._transaction() as connection:
            touched: dict[tuple[str, str], timedelta | int] = {}
            due: set[tuple[str, str, int]] = set()
            for one in arrivals:
                content = orjson.dumps(one.event.row)
                added = connection.execute(ADD, (one.view, one.entity, one.event.id, one.event.known_us, content))
                if added.rowcount:
                    touched[one.view, one.entity] = one.history
                    due.add((one.view, one.entity, one.event.known_us if one.event.known_us > now_us else 0))
                    n_new += 1
            connection.executemany(MARK_BEHIND, due)
            for (view, entity), history in touched.items():
                _forget(connection, view, entity, history, now_us)
            connection.execute(PLACE, (topic, position))
        return n_new

    def behind(self, view: str, limit: int, *, now_us: int) -> list[str]:
        """Entities whose online values do not show all of their events yet that are known now."""
        found = self._connection.execute(
            "SELECT DISTINCT entity FROM behind WHERE view = ? AND due_us <= ? LIMIT ?", (view, now_us, limit)
        )
        return [str(entity) for (entity,) in found]

    def caught_up(self, view: str, entities: Sequence[str], *, now_us: int) -> None:
        """Note that the online values of `entities` show all of their events that were known at that moment."""
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM behind WHERE view = ? AND due_us <= ? AND entity = ?",
                [(view, now_us, entity) for entity in entities],
            )

    def events(self, view: str, entities: Sequence[str], *, now_us: int) -> list[tuple[int, Mapping[str, Any]]]:
        """When it was known and the row of every event held for `entities` and known now, in the order of time."""
        rows: list[tuple[int, Mapping[str, Any]]] = []
        for entity in entities:
            found = self._connection.execute(HELD, (view, entity, now_us))
            rows += [(known_us, orjson.loads(content)) for known_us, content in found]
        return rows

    def renew(self, view: str, mark: str) -> bool:
        """Mark every entity with events as behind where `mark` is not the one that the view was last given.

        Args:
            view: The view.
            mark: What its values rest on beside events: its code and the state of its source.
        """
        with self._transaction() as connection:
            before = connection.execute("SELECT mark FROM marks WHERE view = ?", (view,)).fetchone()
            if before is not None and before[0] == mark:
                return False
            connection.execute(
                "INSERT OR IGNORE INTO behind SELECT DISTINCT view, 0, entity FROM events WHERE view = ?", (view,)
            )
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (view, mark))
            return True

    def count(self) -> int:
        """Events held."""
        return int(self._connection.execute("SELECT count(*) FROM events").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors_named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ServiceUnreachable(f"another process holds {self.path}. Stop it, or try again.") from error
            raise UsageError(f"{self.path} cannot be used: {error}. Check its rights and the disk.") from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise
            raise IntegrityError(
                f"{self.path} is not a sound state of streams: {error}. Move it away and replay the topics: "
                "assay features stream --replay-from start"
            ) from error


def _forget(connection: sqlite3.Connection, view: str, entity: str, history: timedelta | int, now_us: int) -> None:
    """Drop the entity's events that no row of its present or its future can depend on."""
    is_time = isinstance(history, timedelta)
    reach = history // timedelta(microseconds=1) if isinstance(history, timedelta) else history
    given = {"view": view, "entity": entity, "reach": reach, "now": now_us}
    connection.execute(FORGET_OLDER if is_time else FORGET_BEYOND, given)
