"""Promises of the online store: newest wins, all or nothing, readers never wait, what cannot be stored is refused.

Kept by SQLite and by a real Redis server; what only a file promises is further down.
"""

import math
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.servers import redis_server

from assay.errors import DataError, IntegrityError, ServiceUnreachable, UsageError
from assay.stores import online_sqlite
from assay.stores.online import OnlineRow, open_online


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "redis"])
def new_store(request, tmp_path_factory):
    """Makes empty stores of one backend."""
    if request.param == "sqlite":
        return lambda: open_online(tmp_path_factory.mktemp("online") / "online.db")
    url = request.getfixturevalue("server").url()
    return lambda: open_online(url, namespace=uuid.uuid4().hex)


@pytest.fixture
def store(new_store):
    return new_store()


@pytest.fixture
def sqlite(tmp_path):
    return open_online(tmp_path / "online.db")


def test_rows_come_back_in_the_order_of_the_keys_and_unknown_ones_as_none(store):
    assert store.put("form", ["a", "b"], [10, 20], [{"points": 1.5}, {"points": None}]) == 2
    assert store.get("form", ["b", "never", "a", "b"]) == [
        OnlineRow(20, {"points": None}),
        None,
        OnlineRow(10, {"points": 1.5}),
        OnlineRow(20, {"points": None}),
    ]
    assert store.get("form", ["a"]) == [OnlineRow(10, {"points": 1.5})]
    assert store.get("form", ["never"]) == [None]
    assert store.get("form", []) == []


def test_views_do_not_see_each_other(store):
    store.put("form", ["a"], [1], [{"x": 1}])
    store.put("rest", ["a"], [1], [{"x": 2}])
    assert store.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]
    assert (store.count("form"), store.count("rest"), store.count("none")) == (1, 1, 0)


def test_several_views_are_read_at_once(store):
    store.put("form", ["a", "b"], [1, 2], [{"x": 1}, {"x": 2}])
    store.put("rest", ["a"], [3], [{"y": 3}])
    asked = [("form", ["b", "c"]), ("rest", ["a"]), ("none", ["a"]), ("form", []), ("form", ["a"])]
    assert store.get_views(asked) == [
        [OnlineRow(2, {"x": 2}), None],
        [OnlineRow(3, {"y": 3})],
        [None],
        [],
        [OnlineRow(1, {"x": 1})],
    ]
    assert store.get_views([]) == []


def test_times_are_whole_to_the_last_microsecond(store):
    for time_us in (-(2**62), -1, 2**53 + 1, 2**53 + 2, 2**62):
        assert store.put("form", ["a"], [time_us], [{"x": time_us}]) == 1
        assert store.put("form", ["a"], [time_us - 1], [{"x": 0}]) == 0
        assert store.get("form", ["a"]) == [OnlineRow(time_us, {"x": time_us})]


def test_replacing_a_view_by_nothing_empties_it(store):
    store.put("form", ["a"], [1], [{"x": 1}])
    assert store.put("form", [], [], [], replace=True) == 0
    assert (store.count("form"), store.get("form", ["a"])) == (0, [None])
    assert store.put("form", [], [], []) == 0


def test_the_same_batch_twice_changes_nothing(store):
    batch = (["a", "b"], [1, 2], [{"x": 1}, {"x": math.nan}])
    assert store.put("form", *batch) == 2
    assert store.put("form", *batch) == 0


def test_at_the_same_time_the_last_written_wins(store):
    store.put("form", ["a"], [5], [{"x": 1}])
    assert store.put("form", ["a"], [5], [{"x": 2}]) == 1
    assert store.get("form", ["a"]) == [OnlineRow(5, {"x": 2})]


writes = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5), st.integers()), min_size=1, max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(rows=writes, cut=st.integers(0, 20))
def test_the_newest_time_wins_however_the_rows_are_batched(new_store, rows, cut):
    store = new_store()
    rows = [(key, time_us, number % 2**63) for key, time_us, number in rows]
    for batch in (rows[:cut], rows[cut:]):
        store.put("v", [r[0] for r in batch], [r[1] for r in batch], [{"x": r[2]} for r in batch])
    expected = {}
    for key, time_us, number in rows:
        if key not in expected or time_us >= expected[key].time_us:
            expected[key] = OnlineRow(time_us, {"x": number})
    assert store.get("v", ["a", "b", "c"]) == [expected.get(key) for key in "abc"]


def test_replacing_a_view_forgets_its_other_rows_and_older_times_return(store):
    store.put("form", ["a", "b"], [10, 10], [{"x": 1}, {"x": 1}])
    store.put("rest", ["a"], [10], [{"x": 1}])
    assert store.put("form", ["a"], [5], [{"x": 2}], replace=True) == 1
    assert store.get("form", ["a", "b"]) == [OnlineRow(5, {"x": 2}), None]
    assert store.count("rest") == 1


def test_nan_and_infinities_come_back_as_missing(store):
    values = {"nan": math.nan, "numpy": np.float64("nan"), "infinity": math.inf, "list": [1.0, -math.inf]}
    store.put("form", ["a"], [1], [values])
    (row,) = store.get("form", ["a"])
    assert row.values == {"nan": None, "numpy": None, "infinity": None, "list": [1.0, None]}


def test_every_kind_of_value_comes_back_equal(store):
    values = {"f": 0.1, "i": -(2**63), "flag": True, "text": 'é "quoted" \n', "none": None, "list": [1, 2], "empty": ""}
    store.put("form", ["ключ"], [1], [values])
    assert store.get("form", ["ключ"]) == [OnlineRow(1, values)]


@pytest.mark.parametrize("value", [datetime(2026, 11, 21), object(), 2**70, {1: "key"}])  # noqa: DTZ001
def test_a_value_without_json_form_is_refused_and_the_whole_batch_with_it(store, value):
    with pytest.raises(DataError, match=r"view 'form', key 'bad'"):
        store.put("form", ["good", "bad"], [1, 1], [{"x": 1}, {"x": value}])
    assert store.count("form") == 0
    assert store.put("form", ["good"], [1], [{"x": 1}]) == 1


def test_keys_that_are_not_text_times_that_are_not_whole_and_ragged_batches_are_refused(store):
    with pytest.raises(DataError, match="7 is a int"):
        store.put("form", [7], [1], [{}])
    with pytest.raises(DataError, match="7 is a int"):
        store.get("form", [7])
    with pytest.raises(DataError, match=r"time 1\.5"):
        store.put("form", ["a"], [1.5], [{}])
    with pytest.raises(DataError, match="1 keys, 2 times and 1 rows"):
        store.put("form", ["a"], [1, 2], [{}])


def test_numpy_times_are_numbers(store):
    store.put("form", ["a"], np.array([2**40]), [{}])
    assert store.get("form", ["a"]) == [OnlineRow(2**40, {})]


@pytest.mark.parametrize("n_keys", [2, 3, 64, 4_096, 4_097, 9_000])
def test_any_number_of_keys_is_read_in_one_statement(store, n_keys):
    keys = [f"k{number}" for number in range(n_keys)]
    store.put("form", keys[::2], [1] * len(keys[::2]), [{"x": number} for number in range(len(keys[::2]))])
    rows = store.get("form", keys)
    assert [row is not None for row in rows] == [number % 2 == 0 for number in range(n_keys)]


def test_a_hundred_thousand_rows_go_in_as_one_transaction(store):
    n_rows = 100_000
    started = time.perf_counter()
    row = {f"feature_{number}": 0.5 for number in range(10)}
    store.put("form", [str(number) for number in range(n_rows)], range(n_rows), [row] * n_rows)
    assert store.count("form") == n_rows
    assert time.perf_counter() - started < 20  # about 1 s; generous, for machines under load


def test_a_reader_goes_on_with_the_last_good_values_while_a_writer_holds_its_transaction(sqlite):  # lesson PF-5
    store = sqlite
    store.put("form", ["a"], [1], [{"x": 1}])
    writer = sqlite3.connect(store.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE latest SET time_us = 2")
    started = time.perf_counter()
    assert store.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]
    assert time.perf_counter() - started < 1
    writer.execute("COMMIT")
    writer.close()
    assert store.get("form", ["a"]) == [OnlineRow(2, {"x": 1})]


def test_no_read_sees_half_a_batch(store):
    keys = [f"k{number}" for number in range(50)]
    store.put("form", keys, [0] * 50, [{"batch": 0}] * 50)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            store.put("form", keys, [number] * 50, [{"batch": number}] * 50, replace=number % 2 == 0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [{row.values["batch"] for row in store.get("form", keys)} for _ in range(300)]
    finally:
        stop.set()
        writer.join()
    assert all(len(batches) == 1 for batches in seen)
    assert len({batch for batches in seen for batch in batches}) > 1


def _write_rows(store, number: int, barrier: "multiprocessing.Barrier") -> None:
    barrier.wait()
    for step in range(50):
        store.put("form", [f"{number}-{step}", "shared"], [step, step], [{"x": step}, {"x": step}])


def test_processes_write_at_once_without_a_lock_error(store):  # lesson PF-9
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(8)
    writers = [context.Process(target=_write_rows, args=(store, number, barrier)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 8
    assert store.count("form") == 8 * 50 + 1
    assert store.get("form", ["shared"]) == [OnlineRow(49, {"x": 49})]


def _read_in_child(store, results) -> None:
    results.put(store.get("form", ["a"])[0].values)


def test_a_forked_process_opens_its_own_connection(store):
    store.put("form", ["a"], [1], [{"x": 1}])
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_read_in_child, args=(store, results))
    child.start()
    child.join()
    assert results.get() == {"x": 1}
    assert store.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]


WRITER = """
import sys
from assay.stores.online import open_online
store = open_online(sys.argv[1])
keys = [str(number) for number in range(5_000)]
print("ready", flush=True)
for batch in range(1, 10_000):
    store.put("form", keys, [batch] * 5_000, [{"batch": batch}] * 5_000)
    print(batch, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_batches_only(tmp_path):
    path = tmp_path / "online.db"
    for attempt in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            writer.stdout.readline()
            time.sleep(0.02 + 0.03 * attempt)
            writer.kill()
            acknowledged = [int(line) for line in writer.stdout if line.endswith("\n")]
        batches = {row.values["batch"] if row else 0 for row in open_online(path).get("form", ["0", "2500", "4999"])}
        assert len(batches) == 1
        assert batches.pop() >= max(acknowledged, default=0)


def test_a_lock_held_too_long_is_named(sqlite, monkeypatch):
    store = sqlite
    monkeypatch.setattr(online_sqlite, "BUSY_TIMEOUT_SECONDS", 0.05)
    impatient = open_online(store.path)
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ServiceUnreachable, match="another process"):
        impatient.put("form", ["a"], [1], [{}])
    holder.close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "online.db"
    path.write_bytes(b"this is not a database, and long enough to be read as a header" * 20)
    with pytest.raises(IntegrityError, match=r"online\.db is not a sound"):
        open_online(path)


def test_an_impossible_path_and_an_unknown_scheme_are_usage_errors(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        open_online(tmp_path / "file" / "online.db")
    with pytest.raises(UsageError, match="'mysql' is not known"):
        open_online("mysql://localhost")


def test_urls_name_the_same_file(tmp_path):
    open_online(tmp_path / "o.db").put("form", ["a"], [1], [{"x": 1}])
    assert open_online(f"sqlite:///{tmp_path}/o.db").count("form") == 1
    assert open_online(f"file://{tmp_path}/o.db").count("form") == 1
