"""What every bus on a server shares: FastStream's brokers, driven from ordinary code through one background loop.

A `Wire` is what differs between Redis, NATS and Kafka. The library carries the events; how much of a topic is left
to read it has no call for, so each wire asks its server for that.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from assay.errors import ServiceUnreachable, UsageError
from assay.stores.bus import Backlog, Message, require_topic

T = TypeVar("T")
ANSWER_SECONDS = 10.0
LINGER_SECONDS = 0.002
"""How long a batch that has begun waits for its next event."""
COLLECT_SECONDS = 0.1
"""How long a batch may take in all to be collected: events that come without a pause must not hold up the first."""
LOOK_SECONDS = 1.0
"""How often a reader that is given nothing asks whether it should have been."""

GONE = (ServiceUnreachable, ExceptionGroup)
"""What closing a connection may raise whose other end is gone already; FastStream gathers several in a group."""


class Feed(Protocol):
    """One topic's events from a server, in order."""

    async def next(self, wait_seconds: float) -> Message | None: ...
    async def stop(self) -> None: ...


class Wire(Protocol):
    """One kind of server; every method may raise one of `errors` when it is away."""

    errors: tuple[type[Exception], ...]

    async def connect(self) -> None: ...
    async def disconnect(self) -> None: ...
    async def publish(self, topic: str, events: Sequence[bytes]) -> None: ...
    async def feed(self, topic: str, after: str | None) -> Feed: ...
    async def backlog(self, topic: str, after: str | None) -> Backlog: ...


def require_library(kind: str) -> None:
    """Refuse where FastStream's part for `redis`, `nats` or `kafka` is not installed.

    Raises:
        UsageError: It is not; says how to install it.
    """
    try:
        import_module(f"faststream.{kind}")
    except ImportError:
        raise UsageError(
            f"stores.bus: {kind}:// needs FastStream, which is not installed. Run: pip install 'assay[{kind}]'"
        ) from None


class Loop:
    """An event loop in a thread of its own, for code that is not asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, seconds: float) -> T:
        """Wait for `work`, at most that long.

        Raises:
            TimeoutError: It took longer; it is cancelled.
        """
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()


class FastStreamBus:
    """A bus on a server; safe for several threads."""

    def __init__(self, wire: Wire, url: str) -> None:
        """Connect.

        Raises:
            UsageError: The URL cannot be read.
            ServiceUnreachable: The server does not answer.
        """
        self._wire = wire
        self._errors: tuple[type[Exception], ...] = (*wire.errors, OSError, TimeoutError)
        self._where = _without_password(url)
        self._loop = Loop()
        self._lock = threading.Lock()
        self._is_broken = False
        try:
            self.run(wire.connect())
        except ValueError as error:  # a port that is no number
            self._loop.close()
            raise UsageError(f"stores.bus: {self._where} cannot be read: {error}.") from error
        except BaseException:
            self._loop.close()
            raise

    def publish(self, topic: str, events: Sequence[bytes]) -> None:
        require_topic(topic)
        self._mend()
        if events:
            self.run(self._wire.publish(topic, events), seconds=ANSWER_SECONDS + 0.01 * len(events))

    def read(self, topic: str, *, after: str | None = None) -> FastStreamReader:
        self._mend()
        feed = self.run(self._wire.feed(require_topic(topic), after))
        return FastStreamReader(self, topic, feed, after)

    def backlog(self, topic: str, *, after: str | None = None) -> Backlog:
        self._mend()
        return self.run(self._wire.backlog(require_topic(topic), after))

    def close(self) -> None:
        with suppress(*GONE):
            self.run(self._wire.disconnect())
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], *, seconds: float = ANSWER_SECONDS) -> T:
        """Wait for an answer of the server; its absence is `ServiceUnreachable`."""
        try:
            return self._loop.run(work, seconds=seconds)
        except self._errors as error:
            self._is_broken = True
            raise self.unreachable(str(error) or type(error).__name__) from error

    def _mend(self) -> None:
        """After a failure, drop the connection and make another; readers of the old one are opened again."""
        with self._lock:
            if not self._is_broken:
                return
            with suppress(*GONE):
                self.run(self._wire.disconnect())
            self.run(self._wire.connect())
            self._is_broken = False

    def unreachable(self, why: str) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"the bus {self._where} does not answer: {why}. Check stores.bus and that the server runs."
        )


class FastStreamReader:
    """Takes from a feed; a feed that stays silent though there is more is given up, to be opened again."""

    def __init__(self, bus: FastStreamBus, topic: str, feed: Feed, after: str | None) -> None:
        self._bus, self._topic, self._feed, self._position = bus, topic, feed, after
        self._looked = time.monotonic()
        self._missed = 0

    def take(self, limit: int, *, wait_seconds: float) -> list[Message]:
        taken = self._bus.run(self._collect(limit, wait_seconds), seconds=ANSWER_SECONDS + wait_seconds)
        if taken:
            self._position, self._missed = taken[-1].position, 0
        elif time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        return taken

    def close(self) -> None:
        with suppress(*GONE):
            self._bus.run(self._feed.stop())

    async def _collect(self, limit: int, wait_seconds: float) -> list[Message]:
        first = await self._feed.next(wait_seconds)
        taken = [] if first is None else [first]
        over = time.monotonic() + COLLECT_SECONDS
        while taken and len(taken) < limit and time.monotonic() < over:
            message = await self._feed.next(LINGER_SECONDS)
            if message is None:
                break
            taken.append(message)
        return taken

    def _look(self) -> None:
        """Ask the server whether there is more; seen twice without being given any, the feed is broken."""
        self._looked = time.monotonic()
        waiting = self._bus.backlog(self._topic, after=self._position).n_events
        self._missed = self._missed + 1 if waiting else 0
        if self._missed > 1:
            raise self._bus.unreachable(f"it holds {waiting} events of topic {self._topic!r} and delivers none")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
