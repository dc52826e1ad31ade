"""NATS JetStream as a bus: a topic is the subject `prefix.topic` in its own stream, a place a sequence number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.errors import UsageError
from assay.stores.bus import Backlog, Message
from assay.stores.bus_faststream import FastStreamBus, require_library

CONNECT_SECONDS = 3
FORGET_READER_SECONDS = 60.0
"""After this long without a request the server drops what it keeps of a reader, which opens another when it returns."""


def open_nats(url: str, *, prefix: str, kept_events: int) -> FastStreamBus:
    """Connect to a NATS server with JetStream.

    Raises:
        UsageError: FastStream's NATS part is not installed.
        ServiceUnreachable: The server does not answer, or has no JetStream.
    """
    require_library("nats")
    return FastStreamBus(NatsWire(url, prefix=prefix, kept_events=kept_events), url)


class NatsWire:
    """FastStream's NATS broker; streams lie on the server's disk and keep `kept_events`."""

    def __init__(self, url: str, *, prefix: str, kept_events: int) -> None:
        from nats.errors import Error

        self.errors: tuple[type[Exception], ...] = (Error,)
        self._url, self._prefix, self._kept = url, prefix, kept_events
        self._broker: Any = None
        self._client: Any = None
        self._jetstream: Any = None
        self._made: set[str] = set()

    async def connect(self) -> None:
        from faststream.nats import NatsBroker

        self._made.clear()
        options: dict[str, Any] = {
            "logger": None,
            "connect_timeout": CONNECT_SECONDS,
            "allow_reconnect": False,  # a broken connection is told, and mended by making another
            "max_reconnect_attempts": 1,  # counts attempts to connect at all; 0 is without end
            "reconnect_time_wait": 0.1,
        }
        self._broker = NatsBroker(self._url, **options)
        self._client = await self._broker.connect()
        await self._broker.start()
        self._jetstream = self._client.jetstream(timeout=5)

    async def disconnect(self) -> None:
        await self._broker.stop()

    async def publish(self, topic: str, events: Sequence[bytes]) -> None:
        await self._ensure(topic)
        for data in events:
            await self._broker.publish(data, self._subject(topic), stream=self._stream(topic))

    async def feed(self, topic: str, after: str | None) -> NatsFeed:
        from faststream.nats import JStream
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        await self._ensure(topic)
        place = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=_sequence(after) + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=FORGET_READER_SECONDS,
        )
        stream = JStream(self._stream(topic), declare=False)
        subscriber = self._broker.subscriber(
            self._subject(topic), stream=stream, pull_sub=True, config=place, persistent=False
        )
        await subscriber.start()
        return NatsFeed(subscriber, self._client, expected=_sequence(after) + 1)

    async def backlog(self, topic: str, after: str | None) -> Backlog:
        await self._ensure(topic)
        state = (await self._jetstream.stream_info(self._stream(topic))).state
        place = _sequence(after)
        return Backlog(max(0, state.last_seq - max(place, state.first_seq - 1)), is_cut=place + 1 < state.first_seq)

    async def _ensure(self, topic: str) -> None:
        """Make the topic's stream where it is missing; a stream that somebody made otherwise is left as it is."""
        from nats.js.errors import NotFoundError

        if topic in self._made:
            return
        name = self._stream(topic)
        try:
            await self._jetstream.stream_info(name)
        except NotFoundError:
            await self._jetstream.add_stream(name=name, subjects=[self._subject(topic)], max_msgs=self._kept)
        self._made.add(topic)

    def _subject(self, topic: str) -> str:
        return f"{self._prefix}.{topic}"

    def _stream(self, topic: str) -> str:
        return self._subject(topic).replace(".", "-")


class NatsFeed:
    """FastStream's pull subscriber; an event that did not arrive before a later one breaks the feed."""

    def __init__(self, subscriber: Any, client: Any, *, expected: int) -> None:
        self._subscriber, self._client = subscriber, client
        self._expected = expected
        self._has_begun = False

    async def next(self, wait_seconds: float) -> Message | None:
        received = await self._subscriber.get_one(timeout=max(wait_seconds, 0.001))
        if received is None:
            if not self._client.is_connected:
                raise ConnectionError("the connection was lost")
            return None
        about = received.raw_message.metadata
        sequence = about.sequence.stream
        if sequence < self._expected or (self._has_begun and sequence != self._expected):
            raise ConnectionError(f"event {sequence} came where {self._expected} was due")
        self._expected, self._has_begun = sequence + 1, True
        return Message(str(sequence), bytes(received.body), int(about.timestamp.timestamp() * 1_000_000))

    async def stop(self) -> None:
        await self._subscriber.stop()


def _sequence(position: str | None) -> int:
    if position is None:
        return 0
    if not position.isdecimal():
        raise UsageError(f"{position!r} is no place in a NATS stream: give the sequence number of an event.")
    return int(position)
