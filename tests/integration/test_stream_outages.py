"""Servers that go away while a stream runs: it waits, says so, finds them again, and nothing is missing afterwards."""

import threading
from contextlib import contextmanager

import pytest
import redis
from tests.integration.bus_servers import bus_server
from tests.pipelines.test_streaming import DEFINITIONS, SETTINGS, online_spend, purchase, until, write_purchases

from assay.errors import ServiceUnreachable
from assay.features.online import pushed
from assay.project import Project


@pytest.fixture(params=["redis", "nats"])
def server(request):
    with bus_server(request.param) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "assay.yaml").write_text(SETTINGS)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "labels.csv").write_text("row,customer_id,time,answer\n1,ana,2026-10-01,1\n")
    write_purchases(tmp_path, [purchase(1, days=-60)])
    return tmp_path


@contextmanager
def streaming(folder, overrides):
    """A project, a stream that runs on it in a thread, and what the stream said."""
    over, said, ended = threading.Event(), [], []
    with Project.open(folder, overrides=overrides, environment={}) as project:
        project.features.build()

        def run():
            with Project.open(folder, overrides=overrides, environment={}) as own:
                ended.extend(own.features.stream(is_over=over.is_set, watch=said.append))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield project, said, ended
        finally:
            over.set()
            thread.join(60)
    assert ended, "the stream did not survive"


def publish_when_there(project, events):
    """Publish, again and again while the bus is away: events have ids."""

    def try_it():
        try:
            return project.features.publish("purchases", events)
        except ServiceUnreachable:
            return 0

    until(try_it)


def test_a_bus_that_is_killed_and_comes_back(server, folder):
    with streaming(folder, [f"stores.bus={server.url}"]) as (project, said, ended):
        project.features.publish("purchases", [purchase(2, "bo", amount=1.0)])
        until(lambda: online_spend(project, "bo") == 1.0)
        server.stop()
        until(lambda: any("does not answer" in flow.problem for flow in said))
        server.start()
        publish_when_there(project, [purchase(3, "bo", amount=2.0)])
        until(lambda: online_spend(project, "bo") == 3.0)
    assert ended[0].figures["n_events"] >= 2
    assert ended[0].verdict == "info"


def test_an_online_store_that_is_killed_and_comes_back(folder):
    with bus_server("redis") as server:
        with streaming(folder, [f"stores.online={server.url}"]) as (project, said, ended):
            project.features.publish("purchases", [purchase(2, "bo", amount=1.0)])
            until(lambda: online_spend(project, "bo") == 1.0)
            server.stop()
            project.features.publish("purchases", [purchase(3, "bo", amount=2.0), purchase(4, "cy", amount=5.0)])
            until(lambda: any(flow.problem for flow in said))
            server.start()
            until(lambda: (online_spend(project, "bo"), online_spend(project, "cy")) == (3.0, 5.0))
        assert ended[0].figures["n_events"] == 3


def test_an_online_store_that_has_lost_everything_is_filled_again_with_what_was_built_and_streamed(folder):
    with bus_server("redis") as server, streaming(folder, [f"stores.online={server.url}"]) as (project, _, ended):
        project.features.publish("purchases", [purchase(2, "bo", amount=1.0)])
        until(lambda: online_spend(project, "bo") == 1.0)
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
        with Project.open(folder, overrides=[f"stores.online={server.url}"], environment={}) as reader:
            until(lambda: _is_built(reader) and (online_spend(reader, "bo"), online_spend(reader)) == (1.0, 10.0))
    assert ended[0].figures["n_events"] == 1


def _is_built(project):
    """Whether the online store has the views again; before, there are no types to read by."""
    return all(pushed(view, project.workspace.online) for view in project.workspace.definitions.views)
