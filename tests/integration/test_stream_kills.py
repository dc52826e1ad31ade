"""`kill -9` on the consumer again and again, on every bus: nothing is lost and nothing counts twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
import uuid
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.features.streaming.streams import TOPIC, Stage, built, event, held, publish, recent, source_frame, spend
from tests.integration.bus_servers import bus_server

from assay.stores.bus import open_bus

KILLS = 25
EVENTS_A_ROUND = 40
PRELOADED = ["tests.features.streaming.streams", "faststream.redis", "faststream.nats"]  # so that a start is quick
CUSTOMERS = [f"customer {number}" for number in range(7)]


def consume_for_ever(folder: str, url: str, prefix: str, begun: multiprocessing.synchronize.Event) -> None:
    """A consumer as `assay features stream` runs it, until it is killed."""
    consumer = Stage(Path(folder), bus=open_bus(url, prefix=prefix)).consumer()
    begun.set()
    while True:
        consumer.step(wait_seconds=0.02)


def events_of(rng: random.Random, start: int) -> list[dict[str, object]]:
    """Some purchases: out of order, late ones among them, a moment apart so that "the last three" has one meaning."""
    return [
        event(number, rng.choice(CUSTOMERS), rng.uniform(0, 24 * 30) + number * 1e-4, rng.randrange(400) / 4)
        for number in range(start, start + EVENTS_A_ROUND)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["embedded", "redis", "nats"])
def test_a_consumer_killed_at_random_loses_nothing_and_counts_nothing_twice(kind, tmp_path):
    rng = random.Random(7)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with nullcontext() if kind == "embedded" else bus_server(kind) as server:
        url = str(tmp_path / "bus.db") if server is None else server.url
        prefix = f"t{uuid.uuid4().hex[:8]}"
        bus, published, killed_at_work = open_bus(url, prefix=prefix), [], 0
        for _ in range(KILLS):
            begun = context.Event()
            process = context.Process(target=consume_for_ever, args=(str(tmp_path), url, prefix, begun))
            process.start()
            assert begun.wait(60)
            for part in range(4):
                some = events_of(rng, len(published))[part::4]
                publish(bus, [*some, *rng.sample(published, min(3, len(published)))])  # the wire repeats some
                published += some
                time.sleep(rng.uniform(0, 0.03))
            time.sleep(rng.uniform(0, 0.1))
            os.kill(process.pid, signal.SIGKILL)
            process.join(30)
            assert process.exitcode == -signal.SIGKILL
            killed_at_work += _is_unfinished(tmp_path, bus)
        stage = Stage(tmp_path, bus=bus)
        consumer = stage.consumer()
        while consumer.step(wait_seconds=0.3):
            pass
        stage.end(consumer)
        for view in (spend, recent):
            assert held(view, stage.online, CUSTOMERS) == built(view, source_frame(published))
        assert killed_at_work > 0, "no kill met the consumer at work; this proves nothing"
        bus.close()


def _is_unfinished(folder: Path, bus) -> bool:
    """Whether the killed consumer had events to read, or values to bring up to date."""
    consumer = Stage(folder, bus=bus).consumer()
    owed = any(consumer._state.behind(view.name, 1, now_us=2**62) for view in (spend, recent))
    unread = bus.backlog(TOPIC, after=consumer._state.position(TOPIC)).n_events
    consumer._state.close()
    return owed or unread > 0
