"""The memory before an online store: bounded, never older than allowed or than what this process wrote."""

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.stores.online import OnlineRow, open_online
from assay.stores.online_cache import CachedOnline


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def store(tmp_path):
    return open_online(tmp_path / "online.db")


def cached(store, **options):
    clock = Clock()
    return CachedOnline(store, clock=clock, **{"most_rows": 100, "ttl_seconds": 10} | options), clock


def test_a_row_answers_from_memory_until_its_time_is_over(store):
    memory, clock = cached(store)
    store.put("form", ["a"], [1], [{"x": 1}])
    assert memory.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]
    store.put("form", ["a"], [2], [{"x": 2}])  # by another process
    clock.now = 10.0
    assert memory.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]
    assert (memory.counts.hits, memory.counts.misses, memory.counts.hit_rate) == (1, 1, 0.5)
    clock.now = 10.1
    assert memory.get("form", ["a"]) == [OnlineRow(2, {"x": 2})]
    assert math.isnan(cached(store)[0].counts.hit_rate)


def test_what_this_process_writes_is_read_at_once(store):
    memory, _ = cached(store)
    memory.put("form", ["a", "b"], [1, 1], [{"x": 1}, {"x": 1}])
    memory.get("form", ["a", "b"])
    memory.put("form", ["a"], [2], [{"x": 2}])
    assert memory.get("form", ["a", "b"]) == [OnlineRow(2, {"x": 2}), OnlineRow(1, {"x": 1})]
    memory.put("form", ["b"], [0], [{"x": 0}], replace=True)
    assert memory.get("form", ["a", "b"]) == [None, OnlineRow(0, {"x": 0})]


def test_a_write_that_fails_is_no_reason_to_trust_the_memory(store):
    memory, _ = cached(store)
    memory.put("form", ["a"], [1], [{"x": 1}])
    memory.get("form", ["a"])
    with pytest.raises(DataError):
        memory.put("form", ["a"], [2], [{"x": object()}])
    assert memory.remembered([("form", ["a"])]) == [[None]]


def test_a_row_that_may_not_answer_is_read_anew(store):
    fresh_from = 5
    memory, _ = cached(store, may_answer=lambda _view, row: row.time_us >= fresh_from)
    store.put("form", ["old", "new"], [1, 9], [{"x": 1}, {"x": 9}])
    memory.get("form", ["old", "new"])
    store.put("form", ["old", "new"], [10, 10], [{"x": 10}, {"x": 10}])
    assert [row.values["x"] for row in memory.get("form", ["old", "new"])] == [10, 9]


def test_rows_of_other_views_pass(store):
    memory, _ = cached(store, views={"form"})
    store.put("notes", ["a"], [1], [{"x": 1}])
    for _ in range(2):
        assert memory.get_views([("notes", ["a"]), ("form", ["a"])]) == [[OnlineRow(1, {"x": 1})], [None]]
    assert (memory.n_rows, memory.counts.hits, memory.counts.misses) == (0, 0, 2)


def test_a_missing_row_is_found_as_soon_as_it_is_there(store):
    memory, _ = cached(store)
    assert memory.get("form", ["a"]) == [None]
    store.put("form", ["a"], [1], [{"x": 1}])
    assert memory.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]


def test_the_memory_is_bounded_and_forgets_what_was_not_read_for_longest(store):
    memory, _ = cached(store, most_rows=2)
    store.put("form", ["a", "b", "c"], [1, 1, 1], [{"x": 1}] * 3)
    for key in "abac":
        memory.get("form", [key])
    assert memory.n_rows == 2
    assert memory.counts.evicted == 1
    assert [rows[0] is not None for rows in memory.remembered([("form", [key]) for key in "abc"])] == [
        True, False, True,
    ]  # fmt: skip


def test_without_a_time_to_live_every_read_asks_and_still_remembers(store):
    memory, _ = cached(store, ttl_seconds=0)
    store.put("form", ["a"], [1], [{"x": 1}])
    memory.get("form", ["a"])
    store.put("form", ["a"], [2], [{"x": 2}])
    assert memory.remembered([("form", ["a", "b"]), ("rest", ["a"])]) == [[OnlineRow(1, {"x": 1}), None], [None]]
    assert memory.get("form", ["a"]) == [OnlineRow(2, {"x": 2})]
    assert memory.counts.hits == 0


def test_what_is_distrusted_is_remembered_and_read_anew(store):
    memory, clock = cached(store)
    store.put("form", ["a"], [1], [{"x": 1}])
    memory.get("form", ["a"])
    store.put("form", ["a"], [2], [{"x": 2}])
    clock.now = 1.0
    memory.distrust()
    assert memory.remembered([("form", ["a"])]) == [[OnlineRow(1, {"x": 1})]]
    assert memory.get("form", ["a"]) == [OnlineRow(2, {"x": 2})]


def test_a_read_that_began_before_a_write_is_not_kept_after_it(store):
    began, written = threading.Event(), threading.Event()

    class Slow:
        """The store, whose answer takes until somebody has written."""

        def get_views(self, wanted):
            found = store.get_views(wanted)
            began.set()
            written.wait(10)
            return found

        def put(self, *batch, **options):
            return store.put(*batch, **options)

    memory, _ = cached(Slow())
    store.put("form", ["a"], [1], [{"x": 1}])
    reader = threading.Thread(target=memory.get, args=("form", ["a"]))
    reader.start()
    began.wait(10)
    memory.put("form", ["a"], [2], [{"x": 2}])
    written.set()
    reader.join(10)
    assert memory.get("form", ["a"]) == [OnlineRow(2, {"x": 2})]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("uv"), st.sampled_from("abc"), st.integers(0, 9)),
        st.tuples(st.just("replace"), st.sampled_from("uv"), st.sampled_from("abc"), st.integers(0, 9)),
        st.tuples(st.just("get"), st.sampled_from("uv"), st.lists(st.sampled_from("abc"), max_size=4), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, most_rows=st.integers(1, 4))
def test_in_one_process_the_memory_changes_no_answer(tmp_path_factory, steps, most_rows):
    store = open_online(tmp_path_factory.mktemp("online") / "online.db")
    memory, _ = cached(store, most_rows=most_rows)
    for what, view, key, time_us in steps:
        if what == "get":
            assert memory.get(view, key) == store.get(view, key)
        else:
            memory.put(view, [key], [time_us], [{"x": time_us}], replace=what == "replace")
        assert memory.n_rows <= most_rows
