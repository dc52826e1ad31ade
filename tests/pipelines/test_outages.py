"""Outages of the online store in one process: policies, recovery, filling beside a builder, and the memory."""

import threading
import time

import pytest
from tests.integration.servers import redis_server
from tests.pipelines import crowd

from assay.errors import ServiceUnreachable
from assay.pipelines import inference, outages
from assay.pipelines.outages import KIND
from assay.project import Project
from assay.serving.measures import Measures
from assay.serving.predictor import EntityMissing

KNOWN, UNREAD, NOBODY = {"customer": "C1"}, {"customer": "C2"}, {"customer": "nobody"}
EXPECTED = {"customer_generation": 1, "customer_check": crowd.check_of(1, 1)}


@pytest.fixture
def server():
    with redis_server() as running:
        yield running


@pytest.fixture
def opened(server, tmp_path):
    """Opens the built project with settings of its own: a reader of request rows, the workspace, its measures."""
    crowd.make(tmp_path / "crowd")
    projects = []

    def make(*overrides):
        project = Project.open(tmp_path / "crowd", overrides=(f"stores.online={server.url()}", *overrides))
        projects.append(project)
        project.features.build()
        measures = Measures()
        outages.watch(project.workspace, measures)
        return inference.features_reader(project.workspace, degrades=True), project.workspace, measures

    yield make
    for project in projects:
        project.close()


def wait_until(condition):
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def read(reader, row):
    (found,) = reader([row])
    return dict(found.values), set(found.states.values())


def test_the_values_read_last_until_the_server_is_back_and_filled(server, opened):
    reader, workspace, _ = opened()
    assert read(reader, KNOWN) == (EXPECTED, set())
    server.stop()
    assert read(reader, KNOWN) == (EXPECTED, {"stale"})
    assert read(reader, UNREAD) == (dict.fromkeys(EXPECTED), {"unavailable"})
    server.start()
    wait_until(lambda: not workspace.online_guard.is_away)
    assert read(reader, KNOWN) == (EXPECTED, set())
    assert read(reader, NOBODY) == (dict.fromkeys(EXPECTED), {"missing"})
    wait_until(lambda: len(workspace.ledger.find(kind=KIND)) == 2)
    begun, over = workspace.ledger.find(kind=KIND)
    assert (begun.verdict, over.verdict, over.figures["reads"]) == ("warn", "info", 2)


def test_nulls_where_that_is_declared(server, opened):
    reader, _, _ = opened("serving.unavailable=missing")
    read(reader, KNOWN)
    server.stop()
    assert read(reader, KNOWN) == (dict.fromkeys(EXPECTED), {"unavailable"})


def test_an_error_where_that_is_declared(server, opened):
    reader, _, _ = opened("serving.unavailable=error")
    read(reader, KNOWN)
    server.stop()
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        read(reader, KNOWN)


def test_who_must_be_known_is_not_called_unknown_while_nobody_can_say(server, opened):
    reader, workspace, _ = opened("serving.missing=error")
    with pytest.raises(EntityMissing):
        read(reader, NOBODY)
    read(reader, KNOWN)
    server.stop()
    assert read(reader, KNOWN) == (EXPECTED, {"stale"})
    with pytest.raises(ServiceUnreachable, match="nothing is remembered of customer"):
        read(reader, UNREAD)
    server.start()
    wait_until(lambda: not workspace.online_guard.is_away)
    with pytest.raises(EntityMissing):
        read(reader, NOBODY)


def test_a_server_that_lost_its_data_is_filled_although_somebody_builds(server, opened):
    reader, workspace, _ = opened()
    read(reader, KNOWN)
    building, done = threading.Event(), threading.Event()

    def build():
        with workspace.alone("a long build"):
            building.set()
            done.wait(30)

    builder = threading.Thread(target=build)
    builder.start()
    building.wait(10)
    server.stop()
    server.start()
    try:
        reader([KNOWN])  # finds out
        wait_until(lambda: not workspace.online_guard.is_away)
        assert read(reader, UNREAD)[1] == set()
    finally:
        done.set()
        builder.join()


def test_batch_prediction_does_not_go_on_without_the_store(server, opened):
    _, workspace, _ = opened()
    reader = inference.features_reader(workspace)
    server.stop()
    with pytest.raises(ServiceUnreachable):
        reader([KNOWN])


def test_the_memory_answers_for_as_long_as_declared_and_is_counted(server, opened):
    reader, workspace, measures = opened("serving.cache_ttl=1h")
    for _ in range(4):
        assert read(reader, KNOWN) == (EXPECTED, set())
    shown = measures.exposition().decode()
    assert "assay_online_cache_hit_rate 0.75" in shown
    assert "assay_online_cache_rows 1.0" in shown
    assert "assay_online_up 1.0" in shown
    crowd.write_generation(workspace.folder)
    with Project.open(workspace.folder, overrides=(f"stores.online={server.url()}",)) as other:
        other.features.build()
    assert read(reader, KNOWN)[0]["customer_generation"] == 1  # another process wrote; ours remembers
    values = {"customer_generation": 3, "customer_check": 0}
    workspace.online.put("state", ["C1"], [int((crowd.START.timestamp() + 9_999) * 1e6)], [values])
    assert read(reader, KNOWN)[0] == values  # this process wrote


def test_without_a_time_to_live_every_read_asks(server, opened):
    reader, workspace, measures = opened()
    read(reader, KNOWN)
    crowd.write_generation(workspace.folder)
    with Project.open(workspace.folder, overrides=(f"stores.online={server.url()}",)) as other:
        other.features.build()
    assert read(reader, KNOWN)[0]["customer_generation"] == 2
    assert "assay_online_cache_hits 0.0" in measures.exposition().decode()
