"""Redis Streams as a bus: a topic is the stream `prefix.topic`, a place in it the id of an entry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from assay.errors import UsageError
from assay.stores.bus import Backlog, Message
from assay.stores.bus_faststream import FastStreamBus, require_library

START = "0-0"
CONNECT_SECONDS = 3
MOST_COUNTED = 10_000
CHUNK_EVENTS = 1_000
SHORTEST_WAIT_SECONDS = 0.01
ENTRY_ID = re.compile(r"\d+-\d+")


def open_redis(url: str, *, prefix: str, kept_events: int) -> FastStreamBus:
    """Connect to a Redis server, 7.0 or later.

    Raises:
        UsageError: FastStream's Redis part is not installed.
        ServiceUnreachable: The server does not answer.
    """
    require_library("redis")
    return FastStreamBus(RedisWire(url, prefix=prefix, kept_events=kept_events), url)


class RedisWire:
    """FastStream's Redis broker; entries are trimmed to about `kept_events` as they are added."""

    def __init__(self, url: str, *, prefix: str, kept_events: int) -> None:
        from redis.exceptions import RedisError

        self.errors: tuple[type[Exception], ...] = (RedisError,)
        self._url, self._prefix, self._kept = url, prefix, kept_events
        self._broker: Any = None
        self._client: Any = None

    async def connect(self) -> None:
        from faststream.redis import RedisBroker

        options: dict[str, Any] = {"logger": None, "socket_connect_timeout": CONNECT_SECONDS}
        self._broker = RedisBroker(self._url, **options)
        self._client = await self._broker.connect()
        await self._broker.start()
        await self._client.ping()

    async def disconnect(self) -> None:
        await self._broker.stop()

    async def publish(self, topic: str, events: Sequence[bytes]) -> None:
        for start in range(0, len(events), CHUNK_EVENTS):
            async with self._client.pipeline(transaction=False) as pipeline:
                for data in events[start : start + CHUNK_EVENTS]:
                    await self._broker.publish(data, stream=self._key(topic), maxlen=self._kept, pipeline=pipeline)
                await pipeline.execute()

    async def feed(self, topic: str, after: str | None) -> RedisFeed:
        from faststream.redis import StreamSub

        source = StreamSub(self._key(topic), last_id=_entry(after))
        subscriber = self._broker.subscriber(stream=source, persistent=False)
        await subscriber.start()
        return RedisFeed(subscriber, self._client, self._key(topic), _entry(after))

    async def backlog(self, topic: str, after: str | None) -> Backlog:
        """A place right before the oldest entry counts as cut too: Redis does not say which entry it removed last."""
        key, place = self._key(topic), _entry(after)
        if not await self._client.exists(key):
            return Backlog(0, is_cut=False)
        state = await self._client.xinfo_stream(key)
        if _text(state["last-generated-id"]) == place:
            return Backlog(0, is_cut=False)
        waiting = await self._client.xrange(key, min=f"({place}", count=MOST_COUNTED)
        has_removed = state["entries-added"] > state["length"]
        return Backlog(len(waiting), is_cut=has_removed and _order(_text(state["first-entry"][0])) > _order(place))

    def _key(self, topic: str) -> str:
        return f"{self._prefix}.{topic}"


class RedisFeed:
    """FastStream's subscriber, one entry at a time; it keeps its place itself.

    Redis looks at the end of a wait ten times a second only, so that a short one takes 100 ms where nothing comes. A
    batch that has begun therefore first asks, without waiting, how much is there.
    """

    def __init__(self, subscriber: Any, client: Any, key: str, after: str) -> None:
        self._subscriber, self._client, self._key, self._last = subscriber, client, key, after
        self._n_ready = 0

    async def next(self, wait_seconds: float) -> Message | None:
        if wait_seconds <= SHORTEST_WAIT_SECONDS and not self._n_ready:
            self._n_ready = len(await self._client.xrange(self._key, min=f"({self._last}", count=CHUNK_EVENTS))
            if not self._n_ready:
                return None
        received = await self._subscriber.get_one(timeout=max(wait_seconds, 0.001))
        if received is None:
            return None
        self._n_ready = max(0, self._n_ready - 1)
        self._last = _text(received.raw_message["message_ids"][0])
        return Message(self._last, bytes(received.body), int(self._last.partition("-")[0]) * 1000)

    async def stop(self) -> None:
        await self._subscriber.stop()


def _entry(position: str | None) -> str:
    if position is None:
        return START
    if not ENTRY_ID.fullmatch(position):
        raise UsageError(
            f"{position!r} is no place in a Redis stream: give the id of an entry, such as 1795647403385-2."
        )
    return position


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _order(entry: str) -> tuple[int, int]:
    moment, _, number = entry.partition("-")
    return int(moment), int(number or 0)
