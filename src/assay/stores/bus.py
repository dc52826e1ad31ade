"""The bus: topics of events, appended by publishers and read in order from any place that is still kept.

Knows bytes and places in a topic. What an event means, which were seen already and where a reader stands is the
reader's own state, kept where its results are kept, so that the two cannot part (`docs/decisions/0015`). A backend
that is embedded lies in `bus_sqlite`; Redis Streams, NATS JetStream and Kafka come through one library, FastStream.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from assay.errors import UsageError

TOPIC_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}(\.dead)?")
DEAD = ".dead"
KEPT_EVENTS = 1_000_000
"""Events a topic keeps unless told otherwise; the oldest make room. A reader that falls further behind is told."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it lies in its topic.

    Attributes:
        position: The place just after it, opaque: reading goes on from there.
        data: What was published.
        published_us: When the bus took it, microseconds since 1970, UTC.
    """

    position: str
    data: bytes
    published_us: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far a reader is from a topic's end.

    Attributes:
        n_events: Events not read yet; a server may count no further than 10,000.
        is_cut: Whether events after the reader's place made room for newer ones before they were read.
    """

    n_events: int
    is_cut: bool


class Reader(Protocol):
    """Gives one topic's events in order; belongs to one thread."""

    def take(self, limit: int, *, wait_seconds: float) -> list[Message]:
        """Up to `limit` of the next events; waits for the first, then takes what is there.

        Raises:
            ServiceUnreachable: The bus is away, or its connection broke; open a reader from the last place again.
        """
        ...

    def close(self) -> None: ...


class Bus(Protocol):
    """Topics by name; every backend keeps the promises of `tests/stores/bus_promises.py`."""

    def publish(self, topic: str, events: Sequence[bytes]) -> None:
        """Append `events` in order; once it returns, they survive the death of every process here.

        When it raises, any part of them may have been taken: publish them again, readers know them by their ids.

        Raises:
            ServiceUnreachable: The bus does not answer.
        """
        ...

    def read(self, topic: str, *, after: str | None = None) -> Reader:
        """Read on from a place; from the oldest event kept where none is given.

        Nothing is taken out of the topic and any number may read it. What a reader has not noted as done it is
        given again: its acknowledgement is the place it keeps with its results.

        Raises:
            ServiceUnreachable: The bus does not answer.
            UsageError: `after` is no place of this kind of bus.
        """
        ...

    def backlog(self, topic: str, *, after: str | None = None) -> Backlog:
        """What lies after a place. Raises as `read`."""
        ...

    def close(self) -> None: ...


def open_bus(url: str | Path, *, prefix: str = "assay", kept_events: int = KEPT_EVENTS) -> Bus:
    """Open the bus in a SQLite file (a path, `sqlite:///path`) or at `redis://`, `nats://` or `kafka://`.

    Args:
        url: Where it is.
        prefix: Put before topics on a server, joined by a dot, so that projects can share it.
        kept_events: Events each topic keeps.

    Raises:
        UsageError: The scheme is unknown, or its library is not installed.
        ServiceUnreachable: The server does not answer.
    """
    text = str(url)
    parts = urlsplit(text)
    if "://" not in text or parts.scheme in ("sqlite", "file"):
        from assay.stores.bus_sqlite import SqliteBus

        path = unquote(parts.path)
        return SqliteBus(
            Path(text if "://" not in text else path[1:] if parts.scheme == "sqlite" else path), kept_events=kept_events
        )
    if parts.scheme in ("redis", "rediss"):
        from assay.stores.bus_redis import open_redis

        return open_redis(text, prefix=prefix, kept_events=kept_events)
    if parts.scheme in ("nats", "tls"):
        from assay.stores.bus_nats import open_nats

        return open_nats(text, prefix=prefix, kept_events=kept_events)
    if parts.scheme == "kafka":
        from assay.stores.bus_kafka import open_kafka

        return open_kafka(text, prefix=prefix)
    raise UsageError(
        f"stores.bus: the scheme {parts.scheme!r} is not known. Use the path of a file, redis://, nats:// or kafka://."
    )


def require_topic(topic: str) -> str:
    """Return `topic` if every kind of bus can hold it under that name.

    Raises:
        UsageError: It has other characters, or is too long.
    """
    if not TOPIC_FORM.fullmatch(topic):
        raise UsageError(
            f"no topic can be named {topic!r}: write a letter, then letters, digits or underscores, 64 at most."
        )
    return topic
