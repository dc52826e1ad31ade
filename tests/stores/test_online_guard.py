"""The guard: an outage begins with one failed read, costs the next ones nothing, and ends when the store is mended."""

import threading
import time

import pytest

from assay.errors import DataError, IntegrityError, ServiceUnreachable, UsageError
from assay.stores.online import OnlineRow, open_online
from assay.stores.online_guard import GuardedOnline


class Moody:
    """A store that fails on demand, and counts how often it is asked."""

    def __init__(self, store):
        self.store, self.error, self.n_asked = store, None, 0

    def get_views(self, wanted):
        self.n_asked += 1
        if self.error is not None:
            raise self.error
        return self.store.get_views(wanted)

    def put(self, *batch, **options):
        if self.error is not None:
            raise self.error
        return self.store.put(*batch, **options)


@pytest.fixture
def moody(tmp_path):
    store = open_online(tmp_path / "online.db")
    store.put("form", ["a"], [1], [{"x": 1}])
    return Moody(store)


def wait_until(condition):
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def watched(moody):
    guard, told, tries = GuardedOnline(moody, pause_seconds=0.01), [], []

    def mend(store):
        tries.append(threading.current_thread().name)
        store.put("form", ["a"], [2], [{"x": 2}])

    guard.watch(mend=mend, told=told.append)
    return guard, told, tries


@pytest.mark.parametrize("error", [ServiceUnreachable("away"), UsageError("no password"), IntegrityError("not ours")])
def test_an_outage_from_its_first_read_to_its_end(moody, error):
    guard, told, tries = watched(moody)
    assert guard.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]
    moody.error = error
    for _ in range(100):
        with pytest.raises(ServiceUnreachable, match=str(error)):
            guard.get("form", ["a"])
    assert guard.is_away
    assert moody.n_asked == 2  # once before, once to find out
    wait_until(lambda: len(tries) > 3)
    assert guard.is_away
    moody.error = None
    wait_until(lambda: not guard.is_away)
    assert guard.get("form", ["a"]) == [OnlineRow(2, {"x": 2})]
    wait_until(lambda: len(told) == 2)
    begun, over = told
    assert (begun.problem, begun.seconds, over.n_reads, guard.n_outages) == (str(error), None, 100, 1)
    assert over.seconds > 0
    assert set(tries) == {"online-store"}


def test_a_fault_of_the_reader_is_no_outage(moody):
    guard, told, _ = watched(moody)
    with pytest.raises(DataError):
        guard.get("form", [7])
    assert (guard.is_away, told) == (False, [])


def test_unless_it_is_watched_it_lets_everything_pass(moody):
    guard = GuardedOnline(moody)
    moody.error = UsageError("no password")
    for _ in range(2):
        with pytest.raises(UsageError):
            guard.get("form", ["a"])
    assert (moody.n_asked, guard.is_away) == (2, False)


def test_what_fails_while_it_is_told_or_mended_does_not_end_the_mending(moody, caplog):
    guard = GuardedOnline(moody, pause_seconds=0.01)
    tries = []

    def mend(_store):
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("a defect")

    def told(_outage):
        raise OSError("the disk is full")

    guard.watch(mend=mend, told=told)
    moody.error = ServiceUnreachable("away")
    with pytest.raises(ServiceUnreachable):
        guard.get("form", ["a"])
    wait_until(lambda: not guard.is_away)
    assert len(tries) == 3
    wait_until(lambda: caplog.text.count("could not be recorded") == 2)


def test_many_threads_find_one_outage(moody):
    guard, told, _ = watched(moody)
    moody.error = ServiceUnreachable("away")

    def read():
        for _ in range(50):
            with pytest.raises(ServiceUnreachable):
                guard.get("form", ["a"])

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(20)
    moody.error = None
    wait_until(lambda: len(told) == 2)
    assert guard.n_outages == 1


def test_closing_waits_until_nothing_is_mended_or_told_any_more(moody):
    guard, told = GuardedOnline(moody, pause_seconds=0.01), []
    entered = threading.Event()

    def mend(_store):
        entered.set()
        time.sleep(0.2)
        raise ServiceUnreachable("still away")

    guard.watch(mend=mend, told=told.append)
    moody.error = ServiceUnreachable("away")
    with pytest.raises(ServiceUnreachable):
        guard.get("form", ["a"])
    entered.wait(10)
    guard.close()
    assert not any(thread.name == "online-store" for thread in threading.enumerate())
    assert len(told) == 1
