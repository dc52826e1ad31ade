"""What every bus promises; each backend's tests run this class over a bus of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from assay.errors import UsageError
from assay.stores.bus import Backlog, Bus, Message, open_bus

MOST_WAIT_SECONDS = 10.0


def drain(bus: Bus, topic: str, *, after: str | None = None, n_events: int | None = None) -> list[Message]:
    """All events after a place; where it is known how many must come, waits for as many."""
    reader, found = bus.read(topic, after=after), []
    give_up = time.monotonic() + MOST_WAIT_SECONDS
    try:
        while time.monotonic() < give_up and (n_events is None or len(found) < n_events):
            taken = reader.take(1_000, wait_seconds=0.3)
            found += taken
            if not taken and n_events is None:
                break
        return found
    finally:
        reader.close()


def publish_until_killed(url: str, prefix: str, count: int, told: multiprocessing.SimpleQueue) -> None:
    """Publish numbers one by one, telling each that was taken, then die as by `kill -9`."""
    bus = open_bus(url, prefix=prefix)
    for number in range(count):
        bus.publish("purchases", [str(number).encode()])
        told.put(number)
    os.kill(os.getpid(), signal.SIGKILL)


class BusPromises:
    """Subclasses give the fixture `opened`: a function that opens the same bus again, with `kept_events` or without."""

    @pytest.fixture
    def bus(self, opened: Callable[..., Bus]) -> Bus:
        return opened()

    def test_events_come_back_in_order_byte_by_byte(self, bus):
        events = [b'{"n": 1}', b"", b"\xff\x00 not json", "Zürich 😀".encode(), b"[1, 2]"]
        before_us = time.time_ns() // 1000
        bus.publish("purchases", events[:2])
        bus.publish("purchases", events[2:])
        found = drain(bus, "purchases", n_events=5)
        assert [message.data for message in found] == events
        assert all(abs(message.published_us - before_us) < 60_000_000 for message in found)

    def test_reading_goes_on_after_any_place_and_takes_nothing_away(self, bus):
        bus.publish("purchases", [str(number).encode() for number in range(20)])
        found = drain(bus, "purchases", n_events=20)
        for at in (0, 7, 18):
            rest = drain(bus, "purchases", after=found[at].position, n_events=19 - at)
            assert rest == found[at + 1 :]
        assert drain(bus, "purchases", after=found[-1].position) == []

    def test_a_batch_is_never_larger_than_asked_and_an_empty_topic_gives_none_in_time(self, bus):
        bus.publish("purchases", [b"x"] * 10)
        reader = bus.read("purchases")
        sizes = []
        while sum(sizes) < 10:
            sizes.append(len(reader.take(4, wait_seconds=2.0)))
        assert max(sizes) <= 4
        assert sum(sizes) == 10
        began = time.monotonic()
        assert reader.take(4, wait_seconds=0.2) == []
        assert time.monotonic() - began < 5
        reader.close()

    def test_a_waiting_reader_is_given_an_event_at_once(self, bus):
        reader = bus.read("purchases")
        bus.publish("purchases", [b"1"])
        assert [m.data for m in reader.take(10, wait_seconds=8.0)] == [b"1"]
        began = time.monotonic()
        bus.publish("purchases", [b"2"])
        assert [m.data for m in reader.take(10, wait_seconds=8.0)] == [b"2"]
        assert time.monotonic() - began < 2
        reader.close()

    def test_topics_do_not_mix_and_two_readers_do_not_disturb_each_other(self, bus):
        bus.publish("purchases", [b"p"])
        bus.publish("tickets", [b"t1", b"t2"])
        bus.publish("purchases.dead", [b"d"])
        first, second = bus.read("tickets"), bus.read("tickets")
        assert [m.data for m in first.take(1, wait_seconds=2.0)] == [b"t1"]
        assert [m.data for m in second.take(1, wait_seconds=2.0)] == [b"t1"]
        assert [m.data for m in second.take(5, wait_seconds=2.0)] == [b"t2"]
        assert [m.data for m in first.take(5, wait_seconds=2.0)] == [b"t2"]
        assert [m.data for m in drain(bus, "purchases.dead", n_events=1)] == [b"d"]
        first.close()
        second.close()

    def test_the_backlog_counts_what_lies_after_a_place(self, bus):
        assert bus.backlog("purchases") == Backlog(0, is_cut=False)
        bus.publish("purchases", [b"x"] * 12)
        found = drain(bus, "purchases", n_events=12)
        assert bus.backlog("purchases") == Backlog(12, is_cut=False)
        assert bus.backlog("purchases", after=found[4].position) == Backlog(7, is_cut=False)
        assert bus.backlog("purchases", after=found[-1].position) == Backlog(0, is_cut=False)

    def test_another_bus_over_the_same_place_sees_the_same_events(self, opened):
        opened().publish("purchases", [b"1", b"2"])
        assert [m.data for m in drain(opened(), "purchases", n_events=2)] == [b"1", b"2"]

    def test_a_bounded_topic_drops_its_oldest_events_and_says_so(self, opened):
        bus = opened(kept_events=100)
        bus.publish("purchases", [b"first"])
        (first,) = drain(bus, "purchases", n_events=1)
        for start in range(0, 2_000, 100):
            bus.publish("purchases", [str(start + number).encode() for number in range(100)])
        kept = drain(bus, "purchases")
        assert 100 <= len(kept) <= 300
        assert kept[-1].data == b"1999"
        assert bus.backlog("purchases", after=first.position).is_cut
        assert not bus.backlog("purchases", after=kept[0].position).is_cut

    def test_what_was_published_outlives_the_kill_of_its_publisher(self, opened, place):
        url, prefix = place
        context = multiprocessing.get_context("spawn")
        told = context.SimpleQueue()
        process = context.Process(target=publish_until_killed, args=(url, prefix, 30, told))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        taken = []
        while not told.empty():
            taken.append(str(told.get()).encode())
        assert len(taken) == 30
        assert [m.data for m in drain(opened(), "purchases", n_events=30)] == taken

    def test_many_publishers_lose_nothing(self, opened):
        buses = [opened() for _ in range(4)]

        def publish(number: int) -> None:
            for step in range(25):
                buses[number].publish("purchases", [f"{number}.{step}".encode()])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(publish, range(4)))
        found = [m.data.decode() for m in drain(opened(), "purchases", n_events=100)]
        assert sorted(found) == sorted(f"{number}.{step}" for number in range(4) for step in range(25))
        for number in range(4):  # each publisher's own order is kept
            mine = [one for one in found if one.startswith(f"{number}.")]
            assert mine == [f"{number}.{step}" for step in range(25)]

    @pytest.mark.parametrize("name", ["", "no spaces", "1st", "a.b", "x" * 65, "../up", "a*", "a>", "x.dead.dead"])
    def test_a_topic_that_some_bus_could_not_hold_is_refused_by_all(self, bus, name):
        with pytest.raises(UsageError, match="no topic can be named"):
            bus.publish(name, [b"x"])
        with pytest.raises(UsageError, match="no topic can be named"):
            bus.read(name)

    def test_a_place_of_another_kind_of_bus_is_refused(self, bus):
        with pytest.raises(UsageError, match="is no place in"):
            bus.read("purchases", after="yesterday")
