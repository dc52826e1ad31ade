"""The embedded bus keeps every promise, and says what is wrong where it cannot work at all."""

import sqlite3

import pytest
from tests.stores.bus_promises import BusPromises, drain

from assay.errors import IntegrityError, UsageError
from assay.stores.bus import open_bus


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "bus.db"), "assay"


@pytest.fixture
def opened(place):
    buses = []

    def open_it(**options):
        buses.append(open_bus(place[0], **options))
        return buses[-1]

    yield open_it
    for bus in buses:
        bus.close()


class TestEmbedded(BusPromises):
    """Every promise, in a file."""


def test_a_sqlite_url_is_the_same_file(tmp_path):
    path = tmp_path / "of its own" / "bus.db"
    open_bus(path).publish("purchases", [b"1"])
    assert [m.data for m in drain(open_bus(f"sqlite:///{path}".replace(" ", "%20")), "purchases")] == [b"1"]


def test_places_are_never_given_twice_even_when_all_events_have_made_room(tmp_path):
    bus = open_bus(tmp_path / "bus.db", kept_events=1)
    bus.publish("purchases", [b"1", b"2", b"3"])
    bus.publish("purchases", [b"4", b"5"])
    assert [(m.position, m.data) for m in drain(bus, "purchases")] == [("5", b"5")]


def test_a_file_that_is_no_bus_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "bus.db"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(IntegrityError, match="not a sound bus"):
        open_bus(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_half_published_batch_is_never_seen(tmp_path):
    bus = open_bus(tmp_path / "bus.db")
    with pytest.raises(sqlite3.ProgrammingError):
        bus.publish("purchases", [b"1", object()])
    bus.publish("purchases", [b"2"])
    assert [m.data for m in drain(bus, "purchases")] == [b"2"]


def test_an_unknown_scheme_is_refused(tmp_path):
    with pytest.raises(UsageError, match="amqp") as refusal:
        open_bus("amqp://assay:hunter2@localhost")
    assert "hunter2" not in str(refusal.value)


def test_a_port_that_is_no_number_is_refused_without_the_password():
    pytest.importorskip("faststream")
    with pytest.raises(UsageError, match="cannot be read") as refusal:
        open_bus("redis://assay:hunter2@localhost:port")
    assert "hunter2" not in str(refusal.value)
