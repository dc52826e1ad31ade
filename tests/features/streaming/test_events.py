"""Reading events: types as their source has them, times as it reads them, and a reason for each that cannot be used."""

import dataclasses
from datetime import date, timedelta

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.features.streaming.streams import CLOCK, FORM, NOW, TYPES, event, source_frame

from assay.features.streaming.events import frame_of, read_events, readable
from assay.stores.bus import Message

NOW_US = int(NOW.timestamp() * 1_000_000)


def read(*contents, form=FORM):
    data = [one if isinstance(one, bytes) else orjson.dumps(one) for one in contents]
    return read_events([Message(str(n), one, 0) for n, one in enumerate(data)], form, now_us=NOW_US)


def test_events_become_the_rows_that_a_build_would_read():
    events = [event(1, "ana", 5, 2.5), event(2, "béa", 1.25, 7.0)]
    found, bad = read(*events)
    assert bad == []
    frame = frame_of([(one.known_us, one.row) for one in found], FORM)
    assert frame.equals(source_frame(events).select(frame.columns))


def test_a_delay_puts_off_when_an_event_is_known_and_not_when_it_was():
    form = dataclasses.replace(FORM, delay_us=3_600_000_000)
    (found,), _ = read(event(1, "ana", 5, 2.5), form=form)
    frame = frame_of([(found.known_us, found.row)], form)
    assert (frame["known_at"] - frame["event_time"]).to_list() == [timedelta(hours=1)]
    assert frame["event_time"].equals(frame["time"], check_names=False)


def test_each_type_of_column_takes_what_fits_it():
    types = {
        "n": pl.Int16(), "u": pl.UInt8(), "x": pl.Float32(), "flag": pl.Boolean(), "day": pl.Date(),
        "ms": pl.Datetime("ms"), "kind": pl.Enum(["a", "b"]), "time": CLOCK, "customer_id": pl.Int64(),
    }  # fmt: skip
    form = dataclasses.replace(FORM, types=types)
    good = {
        "event_id": 7, "n": -5, "u": 255, "x": 3, "flag": False, "day": "2026-02-03", "ms": "2026-02-03T04:05:06Z",
        "kind": "a", "time": "2026-01-01T00:00:00Z", "customer_id": 12, "unknown": [1],
    }  # fmt: skip
    (found,), bad = read(good, form=form)
    assert (bad, found.id) == ([], "7")
    row = frame_of([(found.known_us, found.row)], form).row(0, named=True)
    assert (row["n"], row["u"], row["x"], row["flag"], row["kind"]) == (-5, 255, 3.0, False, "a")
    assert row["day"] == date(2026, 2, 3)
    assert row["ms"].isoformat() == "2026-02-03T04:05:06"
    for column, wrong in {"n": 40_000, "u": -1, "x": "3", "flag": 1, "day": 5, "kind": "c", "customer_id": 1.5}.items():
        _, (refused,) = read({**good, column: wrong}, form=form)
        assert refused.fault.kind == "wrong type"
        assert repr(column) in refused.fault.reason


@pytest.mark.parametrize(("day", "is_held"), [("1678-01-01", True), ("1600-01-01", False), ("2300-01-01", False)])
def test_a_moment_that_its_column_cannot_hold_is_a_fault_and_neither_a_crash_nor_a_null(day, is_held):
    form = dataclasses.replace(FORM, types={**TYPES, "since": pl.Datetime("ns")})
    found, bad = read({**event(1, "ana", 5, 2.5), "since": day}, form=form)
    assert (len(found), [one.fault.kind for one in bad]) == ((1, []) if is_held else (0, ["no time"]))
    assert not is_held or frame_of([(found[0].known_us, found[0].row)], form)["since"][0].date().isoformat() == day


def test_what_an_event_does_not_bring_is_null():
    (found,), _ = read({"event_id": "x", "customer_id": "ana", "time": "2026-01-01T00:00:00Z"})
    assert found.row["amount"] is None
    assert found.row["shop"] is None


@given(st.one_of(st.binary(max_size=80), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists)))
def test_nothing_that_arrives_breaks_the_reading(content):
    found, bad = read(content if isinstance(content, bytes) else orjson.dumps(content))
    assert len(found) + len(bad) == 1


@given(st.dictionaries(st.sampled_from([*TYPES, "note"]), st.none() | st.integers() | st.text() | st.booleans()))
def test_any_object_is_an_event_or_has_a_reason(content):
    try:
        data = orjson.dumps(content)
    except TypeError:  # an integer that JSON readers would round
        return
    found, bad = read(data)
    assert len(found) + len(bad) == 1
    if found:
        frame_of([(found[0].known_us, found[0].row)], FORM)


@pytest.mark.parametrize(("ahead", "is_good"), [(59, True), (61, False)])
def test_clocks_may_differ_by_the_tolerance_and_no_more(ahead, is_good):
    time = (NOW + timedelta(seconds=ahead)).isoformat()
    found, bad = read({"event_id": "x", "customer_id": "ana", "time": time})
    assert (len(found), len(bad)) == ((1, 0) if is_good else (0, 1))


def test_nested_columns_and_those_that_assay_adds_cannot_be_brought():
    types = {"a": pl.List(pl.Int8), "b": pl.String(), "known_at": CLOCK, "event_time": CLOCK}
    assert readable(types) == {"b": pl.String()}
