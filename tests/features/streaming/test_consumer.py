"""Streaming comes to what a build comes to: for any order, any repetition, any restart, and any split of the past."""

import dataclasses
import itertools
import tempfile
from datetime import timedelta
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.streaming.streams import (
    NOW,
    START,
    TOPIC,
    Stage,
    built,
    event,
    held,
    publish,
    recent,
    source_frame,
    spend,
)

from assay.errors import ServiceUnreachable
from assay.features.definitions import feature_view
from assay.features.streaming.dead_letters import dead_letters
from assay.stores.bus import open_bus
from assay.stores.online import OnlineRow

NOW_US = int(NOW.timestamp() * 1_000_000)
CUSTOMERS = ("ana", "béa", "cem 😀")


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_a_sum_done_by_hand(stage):
    publish(stage.bus, [event(1, "ana", 0, 10.0), event(2, "ana", 24 * 4, 5.0), event(3, "ana", 24 * 11, 2.5)])
    stage.drain()
    (row,) = stage.online.get("spend", ["ana"])
    # the window of ten days up to day 11 holds days 4 and 11; that of five days only day 11
    assert row.values == {
        "customer_spend_10d_sum": 7.5,
        "customer_purchases_5d_count": 1,
        "customer_amount_last": 2.5,
    }
    (row,) = stage.online.get("recent", ["ana"])
    assert row.values["customer_amount_3g_mean"] == pytest.approx((10 + 5 + 2.5) / 3, abs=1e-6)


purchases = st.lists(
    st.tuples(st.sampled_from(CUSTOMERS), st.integers(0, 24 * 40), st.integers(0, 400)), min_size=1, max_size=30
)


@settings(max_examples=40, deadline=None)
@given(rows=purchases, data=st.data())
def test_streaming_in_any_order_comes_to_what_a_build_over_the_same_events_comes_to(rows, data):
    # A moment apart for each, so that "the last three" has one meaning
    events = [
        event(number, customer, hour + number / 3600, cents / 4) for number, (customer, hour, cents) in enumerate(rows)
    ]
    n_past = data.draw(st.integers(0, len(events)), label="rows that the last build saw")
    arriving = data.draw(st.permutations(events[data.draw(st.integers(0, n_past), label="from") :]), label="order")
    repeated = data.draw(st.lists(st.sampled_from(arriving), max_size=5) if arriving else st.just([]), label="again")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=3), label="restarts"))
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), past=source_frame(events[:n_past]) if n_past else None)
        stage.most_cells = data.draw(st.sampled_from([0, 1_000]), label="whether the past is held whole")
        for start, end in itertools.pairwise([0, *cuts, len(arriving)]):
            publish(stage.bus, arriving[start:end])
            stage.drain()
        publish(stage.bus, repeated)
        stage.drain()
        arrived = {one["customer_id"] for one in arriving}
        for view in (spend, recent):
            expected = built(view, source_frame(events))
            assert held(view, stage.online, CUSTOMERS) == {key: expected[key] for key in arrived}


@settings(max_examples=15, deadline=None)
@given(rows=purchases, data=st.data())
def test_rows_that_have_no_key_are_told_from_events_by_all_they_hold(rows, data):
    events = [event(number, customer, hour, cents / 4) for number, (customer, hour, cents) in enumerate(rows)]
    n_past = data.draw(st.integers(0, len(events)))
    again = data.draw(st.integers(0, n_past))
    nameless = source_frame(events).drop("event_id")
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), past=nameless.head(n_past) if n_past else None)
        stage.views, stage.key = (spend,), ()
        publish(stage.bus, events[again:])
        stage.drain()
        expected = built(spend, nameless)
        # Equal purchases of one moment are as many as the file or the stream holds, whichever is more
        counts = nameless.group_by(pl.all()).len()["len"].max()
        if counts == 1:
            arrived = {one["customer_id"] for one in events[again:]}
            assert held(spend, stage.online, CUSTOMERS) == {key: expected[key] for key in arrived}


def test_an_event_given_twice_counts_once_and_is_counted_as_repeated(stage):
    one = event(1, "ana", 0, 10.0)
    publish(stage.bus, [one, one])
    stage.drain()
    publish(stage.bus, [one])
    consumer = stage.drain()
    assert stage.online.get("spend", ["ana"])[0].values["customer_spend_10d_sum"] == 10.0
    assert (consumer.tally.n_messages, consumer.tally.n_repeated) == (1, 2)  # known to both views


def test_a_replay_from_the_start_changes_nothing(stage):
    events = [event(number, CUSTOMERS[number % 3], number * 5, float(number)) for number in range(60)]
    publish(stage.bus, events)
    stage.drain()
    before = held(spend, stage.online, CUSTOMERS)
    consumer = stage.consumer()
    consumer._state.move(TOPIC, None)
    while consumer.step(wait_seconds=0):
        pass
    stage.end(consumer)
    assert consumer.tally.n_messages == 60
    assert held(spend, stage.online, CUSTOMERS) == before == built(spend, source_frame(events))


def test_only_the_history_that_a_view_declares_is_kept(stage):
    publish(stage.bus, [event(number, "ana", 24 * number, 1.0) for number in range(40)])
    consumer = stage.consumer()
    while consumer.step(wait_seconds=0):
        pass
    # ten days and the day itself of `spend`, the last three rows of `recent`
    assert len(consumer._state.events("spend", ["ana"], now_us=NOW_US)) == 11
    assert len(consumer._state.events("recent", ["ana"], now_us=NOW_US)) == 3
    stage.end(consumer)


@settings(max_examples=15, deadline=None)
@given(rows=purchases, days=st.lists(st.integers(0, 80), min_size=1, max_size=4))
def test_an_event_whose_source_has_a_delay_shows_when_it_is_known_and_not_before(rows, days):
    delay = timedelta(days=20)
    events = [event(n, customer, hour + n / 3600, cents / 4) for n, (customer, hour, cents) in enumerate(rows)]
    shifted = source_frame(events).with_columns(known_at=pl.col("known_at") + delay)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        stage.form = dataclasses.replace(stage.form, delay_us=delay // timedelta(microseconds=1))
        stage.form = dataclasses.replace(stage.form, max_ahead_us=10**15)
        publish(stage.bus, events)
        for day in sorted(days):
            stage.now = START + timedelta(days=day)
            stage.drain()
            for view in (spend, recent):
                expected = built(view, shifted.filter(pl.col("known_at") <= stage.now))
                assert held(view, stage.online, CUSTOMERS) == expected


def test_what_was_absorbed_but_not_stored_online_is_stored_by_the_next_consumer(stage):
    publish(stage.bus, [event(1, "ana", 0, 10.0), event(2, "béa", 1, 3.0)])

    class Away:
        def put(self, *_arguments, **_options):
            raise ServiceUnreachable("the online store is away")

        get = stage.online.get

    consumer = stage.consumer()
    consumer._online = Away()
    with pytest.raises(ServiceUnreachable):
        consumer.step(wait_seconds=0)
    stage.end(consumer)
    assert stage.online.get("spend", ["ana"]) == [None]
    again = stage.drain()
    assert again.tally.n_messages == 0  # the place had moved; what was owed was not forgotten
    assert stage.online.get("spend", ["ana"])[0].values["customer_spend_10d_sum"] == 10.0


def test_a_new_build_is_the_past_from_then_on_and_late_events_stay_in_the_values(stage):
    early, late, last = event(1, "ana", 0, 1.0), event(2, "ana", 10, 2.0), event(3, "ana", 20, 4.0)
    stage.past = source_frame([early, last])
    publish(stage.bus, [late])
    stage.drain(mark="build 1")
    assert stage.online.get("spend", ["ana"])[0].values["customer_spend_10d_sum"] == 7.0
    newer = event(4, "ana", 30, 8.0)
    stage.past = source_frame([early, last, newer])  # the file has a later row by now, and still lacks the late one
    stage.online.put("spend", ["ana"], [built(spend, stage.past)["ana"].time_us], [{"customer_spend_10d_sum": 13.0}])
    stage.drain(mark="build 2")
    assert stage.online.get("spend", ["ana"])[0] == built(spend, source_frame([early, late, last, newer]))["ana"]


BAD = {
    "not JSON": b"{",
    "a list": b"[1]",
    "no id": {"customer_id": "ana", "time": "2026-01-01T00:00:00Z", "amount": 1},
    "no key": {"event_id": "b1", "time": "2026-01-01T00:00:00Z", "amount": 1},
    "a wrong type": {**event(7, "ana", 0, 1.0), "amount": "a lot"},
    "a flag for a number": {**event(7, "ana", 0, 1.0), "amount": True},
    "no time at all": {**event(7, "ana", 0, 1.0), "time": None},
    "an unreadable time": {**event(7, "ana", 0, 1.0), "time": "yesterday"},
    "the far future": {**event(7, "ana", 0, 1.0), "time": (NOW + timedelta(days=2)).isoformat()},
    "too large": {**event(7, "ana", 0, 1.0), "note": "x" * 3_000},
    "not UTF-8": b'{"event_id": "\xff"}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_event_is_put_aside_with_its_reason_and_the_good_ones_go_on(stage, bad):
    publish(stage.bus, [event(1, "ana", 0, 10.0), bad, event(2, "ana", 1, 3.0)])
    consumer = stage.drain()
    assert stage.online.get("spend", ["ana"])[0].values["customer_spend_10d_sum"] == 13.0
    (letter,) = dead_letters(stage.bus, TOPIC)
    assert letter.event == (bad if isinstance(bad, bytes) else orjson.dumps(bad))
    assert letter.reason
    assert consumer.tally.n_dead == sum(consumer.tally.reasons.values()) == 1


def test_a_view_that_fails_on_one_entity_holds_nobody_else_up(stage):
    @feature_view(
        entity="customer",
        source="purchases",
        stream=TOPIC,
        history=1,
        partition_by="customer_id",
        features={"customer_amount_last": "Amount"},
    )
    def brittle(purchases):
        refused = pl.when(pl.col("customer_id") == "béa").then(pl.lit("no number")).otherwise(pl.lit("1"))
        return purchases.select(
            "known_at", customer=pl.col("customer_id"), customer_amount_last=refused.cast(pl.Float64, strict=True)
        )

    stage.views = (brittle,)
    publish(stage.bus, [event(number, customer, 0, 1.0) for number, customer in enumerate(CUSTOMERS)])
    consumer = stage.drain()
    assert [row is not None for row in stage.online.get("brittle", list(CUSTOMERS))] == [True, False, True]
    assert consumer.tally.n_failed == 1
    assert "béa" in consumer.tally.failure


def test_events_that_made_room_unread_are_told_and_the_rest_is_read(tmp_path):
    stage = Stage(tmp_path, bus=open_bus(tmp_path / "bus.db", kept_events=10))
    publish(stage.bus, [event(0, "ana", 0, 1.0)])
    stage.drain()
    for number in range(1, 40):
        publish(stage.bus, [event(number, "ana", number / 10, 1.0)])
    consumer = stage.drain()
    assert consumer.tally.n_cut == 1
    assert 10 <= consumer.tally.n_messages <= 11
    assert (
        stage.online.get("spend", ["ana"])[0].time_us
        == built(spend, source_frame([event(39, "ana", 3.9, 1.0)]))["ana"].time_us
    )


def test_a_newer_value_of_a_build_is_never_undone(stage):
    publish(stage.bus, [event(1, "ana", 0, 10.0)])
    stage.online.put(
        "spend", ["ana"], [built(spend, source_frame([event(2, "ana", 5, 1.0)]))["ana"].time_us], [{"x": 1}]
    )
    stage.drain()
    assert isinstance(stage.online.get("spend", ["ana"])[0], OnlineRow)
    assert stage.online.get("spend", ["ana"])[0].values == {"x": 1}
