"""Kafka as a bus: a topic is `prefix.topic`, a place the next offset of each of its partitions, as in `0:17,1:4`.

Events of one key keep their order only within a partition, so publish here with one partition, or with keys; the
features do not depend on the order. No Kafka server was at hand when this was written: see `docs/explanation/limits`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from assay.errors import UsageError
from assay.stores.bus import Backlog, Message
from assay.stores.bus_faststream import FastStreamBus, require_library

PLACE = re.compile(r"\d+:\d+(,\d+:\d+)*")


def open_kafka(url: str, *, prefix: str) -> FastStreamBus:
    """Connect to Kafka at `kafka://host:port,host:port`; how much a topic keeps is the server's own setting.

    Raises:
        UsageError: FastStream's Kafka part is not installed.
        ServiceUnreachable: No server answers.
    """
    require_library("kafka")
    return FastStreamBus(KafkaWire(url, prefix=prefix), url)


class KafkaWire:
    """FastStream's Kafka broker; readers are assigned every partition and commit nothing on the server."""

    def __init__(self, url: str, *, prefix: str) -> None:
        from aiokafka.errors import KafkaError

        self.errors: tuple[type[Exception], ...] = (KafkaError,)
        addresses = urlsplit(url).netloc.rpartition("@")[2].split(",")
        self._servers = [address if ":" in address else f"{address}:9092" for address in addresses]
        self._prefix = prefix
        self._broker: Any = None

    async def connect(self) -> None:
        from faststream.kafka import KafkaBroker

        await self._refuse_nobody()
        self._broker = KafkaBroker(self._servers, logger=None, acks="all", enable_idempotence=True)
        await self._broker.connect()
        await self._broker.start()

    async def disconnect(self) -> None:
        await self._broker.stop()

    async def publish(self, topic: str, events: Sequence[bytes]) -> None:
        for data in events:
            await self._broker.publish(data, topic=self._name(topic))

    async def feed(self, topic: str, after: str | None) -> KafkaFeed:
        from aiokafka import TopicPartition as ClientPartition
        from faststream.kafka import TopicPartition

        begin, _ = await self._extent(topic)
        offsets = {**begin, **offsets_of(after)}
        subscriber = self._broker.subscriber(
            partitions=[TopicPartition(self._name(topic), number) for number in sorted(offsets)],
            auto_offset_reset="earliest",
            persistent=False,
        )
        await subscriber.start()
        for number, offset in offsets.items():
            subscriber.consumer.seek(ClientPartition(self._name(topic), number), max(offset, begin.get(number, 0)))
        return KafkaFeed(subscriber, offsets)

    async def backlog(self, topic: str, after: str | None) -> Backlog:
        begin, end = await self._extent(topic)
        place = {**begin, **offsets_of(after)} if after else dict.fromkeys(begin, 0)
        waiting = sum(max(0, end[number] - max(place.get(number, 0), begin[number])) for number in end)
        return Backlog(waiting, is_cut=any(place.get(number, 0) < begin[number] for number in begin))

    async def _refuse_nobody(self) -> None:
        """See that some server takes connections: the client leaves a half-made producer behind where none does."""
        for number, server in enumerate(self._servers, start=1):
            host, _, port = server.rpartition(":")
            try:
                _, line = await asyncio.open_connection(host, int(port))
                line.close()
                return
            except OSError:
                if number == len(self._servers):
                    raise

    async def _extent(self, topic: str) -> tuple[dict[int, int], dict[int, int]]:
        """Oldest offset and next offset of each partition; a missing topic has one."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        name = self._name(topic)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)
        await consumer.start()
        try:
            numbers = consumer.partitions_for_topic(name) or {0}
            places = [TopicPartition(name, number) for number in numbers]
            begin, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        finally:
            await consumer.stop()
        return {place.partition: begin[place] for place in places}, {place.partition: end[place] for place in places}

    def _name(self, topic: str) -> str:
        return f"{self._prefix}.{topic}"


class KafkaFeed:
    """FastStream's subscriber; the place is where each partition goes on."""

    def __init__(self, subscriber: Any, offsets: Mapping[int, int]) -> None:
        self._subscriber = subscriber
        self._offsets = dict(offsets)

    async def next(self, wait_seconds: float) -> Message | None:
        received = await self._subscriber.get_one(timeout=max(wait_seconds, 0.001))
        if received is None:
            return None
        record = received.raw_message
        self._offsets[record.partition] = record.offset + 1
        return Message(place_of(self._offsets), bytes(received.body), record.timestamp * 1000)

    async def stop(self) -> None:
        await self._subscriber.stop()


def place_of(offsets: Mapping[int, int]) -> str:
    """The place as text: `partition:next offset`, in the order of the partitions."""
    return ",".join(f"{number}:{offsets[number]}" for number in sorted(offsets))


def offsets_of(position: str | None) -> dict[int, int]:
    """The next offset of each partition that a place names.

    Raises:
        UsageError: The text has another form.
    """
    if position is None:
        return {}
    if not PLACE.fullmatch(position):
        raise UsageError(
            f"{position!r} is no place in a Kafka topic: give the next offset by partition, as in 0:17,1:4."
        )
    return {int(number): int(offset) for number, _, offset in (part.partition(":") for part in position.split(","))}
