"""What can be known of the Kafka bus without a server: places, the events as FastStream's own test broker sees them."""

import asyncio

import pytest
from faststream.kafka import KafkaBroker, TestKafkaBroker
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.servers import free_port

from assay.errors import ServiceUnreachable, UsageError
from assay.stores.bus import open_bus
from assay.stores.bus_kafka import KafkaWire, offsets_of, place_of


@given(st.dictionaries(st.integers(0, 500), st.integers(0, 2**63 - 1), min_size=1))
def test_a_place_is_read_back_as_it_was_written(offsets):
    assert offsets_of(place_of(offsets)) == offsets


@pytest.mark.parametrize("text", ["", "17", "0:", "0:1,", "0:-1", "a:1"])
def test_another_text_is_no_place(text):
    with pytest.raises(UsageError, match="is no place in a Kafka topic"):
        offsets_of(text)


def test_events_leave_as_they_are_under_the_topic_with_its_prefix():
    wire, received = KafkaWire("kafka://localhost:9092", prefix="churn"), []
    wire._broker = KafkaBroker(logger=None, apply_types=False)

    @wire._broker.subscriber("churn.purchases")
    async def keep(message):
        received.append(message)

    async def publish():
        async with TestKafkaBroker(wire._broker):
            await wire.publish("purchases", [b'{"n": 1}', b"not json"])

    asyncio.run(publish())
    assert received == [{"n": 1}, b"not json"]  # FastStream reads JSON for its handlers; the bus takes the bytes


def test_no_server_is_an_error_with_the_setting_to_look_at():
    with pytest.raises(ServiceUnreachable, match=r"stores\.bus"):
        open_bus(f"kafka://127.0.0.1:{free_port()}")
