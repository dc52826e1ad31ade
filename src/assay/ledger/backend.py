"""What a database must offer to hold a ledger, and the statements that every backend understands.

`sqlite.py` and `postgres.py` are the two; `ledger.py` decides what is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

FORMAT = 1  # of the tables; a ledger of another format is refused, never guessed at
WAIT_SECONDS = 60.0  # for one's turn to write; a turn takes about a millisecond

READ_HEAD = "SELECT sequence, digest FROM ledger_head"
MOVE_HEAD = "UPDATE ledger_head SET sequence = :sequence, digest = :digest"
ADD_RECORD = (
    "INSERT INTO ledger_records (sequence, kind, subject, run, time, digest, body) "
    "VALUES (:sequence, :kind, :subject, :run, :time, :digest, :body)"
)
ADD_EDGE = "INSERT INTO ledger_edges (child, position, parent) VALUES (:child, :position, :parent)"
READ_RECORDS = "SELECT sequence, kind, subject, run, time, digest, body FROM ledger_records"
READ_CHAIN = f"{READ_RECORDS} ORDER BY sequence"
READ_EDGES = "SELECT child, parent FROM ledger_edges ORDER BY child, position"
NEXT_NUMBER = (
    "INSERT INTO ledger_counters (series, value) VALUES (:series, 1) "
    "ON CONFLICT (series) DO UPDATE SET value = ledger_counters.value + 1 RETURNING value"
)


class Session(Protocol):
    """One transaction."""

    place: str  # of the backend

    def rows(
        self, statement: str, values: Mapping[str, Any] | None = None, *, stream: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement with `:named` values; with `stream`, a few at a time, for results of any size."""

    def write(self, statement: str, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each set of values."""


class Backend(Protocol):
    """A database that holds one ledger; usable from several threads."""

    place: str  # for messages; never with a password
    orders_writers: bool  # whether writers of every process queue fairly here, without the lock on the anchor

    def writing(self) -> AbstractContextManager[Session]:
        """The one writer's turn: waits for it, commits durably at the end, takes everything back on an error."""

    def reading(self) -> AbstractContextManager[Session]:
        """A view of one instant, beside any writer."""

    def damage(self) -> str:
        """What the database's own check of its pages and indexes finds wrong; empty where all is well."""

    def close(self) -> None:
        """Give up every connection. Closing twice is allowed."""
