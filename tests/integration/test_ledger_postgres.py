"""The ledger's promises, kept on a real PostgreSQL server; and what happens when that server is away."""

import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.integration.servers import PASSWORD, PostgresServer, free_port, postgresql
from tests.ledger.promises import LedgerPromises, Place, evidence, write_from_many_processes
from tests.ledger.tampering import TamperingPromises

from assay.errors import AssayError, NotFound, ServiceUnreachable, UsageError
from assay.ledger.ledger import open_ledger

UNLOCK = "ALTER TABLE ledger_records DISABLE TRIGGER ledger_never_edited"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgresql() as running:
        yield running


@pytest.fixture
def place(server: PostgresServer, tmp_path: Path) -> Place:
    url = server.new_schema()
    return Place(url, tmp_path / "ledger.head", lambda: psycopg.connect(url), UNLOCK)


def said(error: BaseException | None) -> str:
    """Every message that a traceback of `error` would show."""
    return f"{error!r} {error} {said(error.__cause__)} {said(error.__context__)}" if error else ""


class TestPostgres(LedgerPromises):
    """Every promise, on a server."""

    rounds_of_killing = 3  # its writers take longer to start


class TestPostgresTampering(TamperingPromises):
    """Every way to tamper, on a server."""


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_fifty_processes_write_a_thousand_records_each(place: Place):
    write_from_many_processes(place, writers=50, each=1_000)


def test_without_an_anchor_file_writers_still_take_turns(server: PostgresServer):
    url = server.new_schema()

    def write() -> None:
        with open_ledger(url) as ledger:
            for _ in range(20):
                ledger.record(evidence())

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_ledger(url) as ledger:
        verification = ledger.verify()
        assert (verification.ok, verification.n_records, verification.anchored) == (True, 120, False)


def test_a_server_that_crashes_loses_nothing_that_was_answered(server: PostgresServer, place: Place):
    with place.open() as ledger:
        ids = [ledger.record(evidence(number)).id for number in range(20)]
        server.stop(signal.SIGQUIT)
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            ledger.record(evidence())
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            ledger.head()
        server.start()
        assert [one.id for one in ledger.find()] == ids
        assert ledger.record(evidence()).id == "E-000021"
        assert ledger.verify().ok


def test_a_server_that_is_not_there_is_named_without_the_password():
    url = f"postgresql://assay:{PASSWORD}@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(
        ServiceUnreachable, match=r"postgresql://assay@127\.0\.0\.1:\d+/postgres does not answer"
    ) as caught:
        open_ledger(url)
    assert "Check that the server runs" in str(caught.value)
    assert caught.value.exit_code == 5
    assert PASSWORD not in said(caught.value)


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("assay.ledger.postgres.CONNECT_SECONDS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            open_ledger(f"postgresql://assay:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/postgres")


def test_a_wrong_password_is_refused_and_never_shown(server: PostgresServer):
    with pytest.raises(ServiceUnreachable, match="name and password") as caught:
        open_ledger(server.url(password="not-the-one"))
    assert "not-the-one" not in said(caught.value)


def test_a_password_among_the_options_is_never_shown_either(server: PostgresServer):
    url = f"postgresql://assay@127.0.0.1:{server.port}/postgres?password=not-the-one"
    with pytest.raises(ServiceUnreachable) as caught:
        open_ledger(url)
    assert "not-the-one" not in said(caught.value)


def test_a_url_that_cannot_be_read_is_not_repeated():
    with pytest.raises(UsageError, match="cannot be read") as caught:
        open_ledger("postgresql://assay:s3cret@host:port/database")
    assert "s3cret" not in said(caught.value)


def test_reading_only_makes_no_tables(server: PostgresServer):
    url = server.new_schema()
    with pytest.raises(NotFound, match="no ledger at"):
        open_ledger(url, read_only=True)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('ledger_head')").fetchone() == (None,)


def test_a_ledger_of_another_format_is_refused(place: Place):
    place.open().close()
    place.query("UPDATE ledger_head SET format = 99")
    with pytest.raises(UsageError, match="format 99"):
        place.open()


def test_a_user_without_rights_is_told_so(server: PostgresServer, place: Place):
    place.open().close()
    schema = place.url.rpartition("%3D")[2]
    place.query(
        "DROP ROLE IF EXISTS guest",
        "CREATE ROLE guest LOGIN PASSWORD 'guest'",
        f"GRANT USAGE ON SCHEMA {schema} TO guest",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO guest",
    )
    url = place.url.replace(f"assay:{PASSWORD}@", "guest:guest@")
    with open_ledger(url) as ledger:
        assert ledger.head().sequence == 0
        with pytest.raises(AssayError, match=r"permission denied .* Check the rights"):
            ledger.record(evidence())
    place.query(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM guest", f"REVOKE ALL ON SCHEMA {schema} FROM guest")


def test_a_writer_that_hangs_is_given_up_with_advice(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "assay.ledger.postgres.TAKE_TURN",
        "SET LOCAL lock_timeout = '200ms'; SELECT pg_advisory_xact_lock('ledger_head'::regclass::oid::bigint)",
    )
    with place.open() as ledger, psycopg.connect(place.url) as other:
        other.execute("SELECT pg_advisory_xact_lock('ledger_head'::regclass::oid::bigint)")
        with pytest.raises(AssayError, match="pg_stat_activity"):
            ledger.record(evidence())
        other.rollback()
        assert ledger.record(evidence()).id == "E-000001"
