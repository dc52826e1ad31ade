"""The promises of the bus, kept on a real Redis and a real NATS server; and what happens when that server is away."""

import asyncio
import time
import uuid

import nats
import pytest
import redis
from tests.integration.bus_servers import bus_server
from tests.integration.servers import free_port
from tests.stores.bus_promises import BusPromises, drain

from assay.errors import ServiceUnreachable
from assay.stores.bus import open_bus


@pytest.fixture(scope="module", params=["redis", "nats"])
def server(request):
    with bus_server(request.param) as running:
        yield running


@pytest.fixture
def place(server):
    return server.url, f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def opened(place):
    url, prefix = place
    buses = []

    def open_it(**options):
        buses.append(open_bus(url, prefix=prefix, **options))
        return buses[-1]

    yield open_it
    for bus in buses:
        bus.close()


class TestServers(BusPromises):
    """Every promise, on each server."""


def drain_forever(reader):
    """Take until it fails, ten seconds at most."""
    for _ in range(20):
        reader.take(1, wait_seconds=0.5)


def test_a_server_that_is_killed_is_noticed_and_found_again_with_every_event(server, opened):
    bus = opened()
    bus.publish("purchases", [b"1", b"2"])
    reader = bus.read("purchases")
    (first,) = reader.take(1, wait_seconds=5.0)
    server.stop()
    try:
        with pytest.raises(ServiceUnreachable, match=r"stores\.bus"):
            bus.publish("purchases", [b"lost"])
        with pytest.raises(ServiceUnreachable):
            drain_forever(reader)
        reader.close()
    finally:
        server.start()
    give_up = time.monotonic() + 20
    while True:
        try:
            bus.publish("purchases", [b"3"])
            break
        except ServiceUnreachable:
            assert time.monotonic() < give_up, "the bus was never found again"
            time.sleep(0.1)
    assert [m.data for m in drain(bus, "purchases", after=first.position, n_events=2)] == [b"2", b"3"]


@pytest.mark.parametrize("scheme", ["redis", "nats"])
def test_no_server_at_all_is_an_error_with_the_setting_to_look_at(scheme):
    url = f"{scheme}://somebody:secret@127.0.0.1:{free_port()}"
    with pytest.raises(ServiceUnreachable, match=r"stores\.bus") as refusal:
        open_bus(url)
    assert "secret" not in str(refusal.value)


def test_what_other_programs_publish_with_the_servers_own_clients_is_read_as_it_is(server, place, opened):
    url, prefix = place
    bus = opened()
    bus.publish("purchases", [b'{"n": 0}'])  # makes the topic, which NATS needs
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            client.xadd(f"{prefix}.purchases", {"__data__": '{"n": 1}'})
    else:
        asyncio.run(publish_by_nats(url, f"{prefix}.purchases", b'{"n": 1}'))
    assert [m.data for m in drain(bus, "purchases", n_events=2)] == [b'{"n": 0}', b'{"n": 1}']


async def publish_by_nats(url, subject, data):
    """As a program that knows nothing of us would."""
    client = await nats.connect(url)
    await client.jetstream().publish(subject, data)
    await client.close()
