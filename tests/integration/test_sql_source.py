"""A source in a real PostgreSQL server: read by its query, in a transaction that cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from tests.integration.servers import PASSWORD, PostgresServer, postgresql

from assay.config.settings import Source
from assay.data import sources
from assay.errors import ConfigError, ServiceUnreachable


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgresql() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer) -> str:
    url = server.new_schema()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE sales (id int, at timestamptz, amount numeric, note text)")
        connection.execute("INSERT INTO sales VALUES (1, '2026-01-01 12:00+02', 2.5, '100 %'), (2, NULL, NULL, ':x')")
    return url


def read(url: str, query: str, folder: Path, **declared: object):
    return sources.read("sales", Source(url=url, query=query, **declared), folder).collect()


def test_rows_come_with_their_types_and_times(url, tmp_path):
    rows = read(
        url, "SELECT *, id::text || ':x' AS code FROM sales WHERE note LIKE '%' ORDER BY id", tmp_path, time="at"
    )
    assert rows["event_time"].to_list() == [datetime(2026, 1, 1, 10, tzinfo=UTC), None]
    assert rows["code"].to_list() == ["1:x", "2:x"]
    assert rows["amount"].cast(float).to_list() == [2.5, None]


@pytest.mark.parametrize(
    "query", ["DELETE FROM sales", "WITH gone AS (DELETE FROM sales RETURNING *) SELECT * FROM gone", "SELECT nothing"]
)
def test_a_query_that_writes_or_fails_is_refused_and_changes_nothing(url, tmp_path, query):
    with pytest.raises(ConfigError) as refusal:
        read(url, query, tmp_path)
    assert PASSWORD not in str(refusal.value)
    assert read(url, "SELECT * FROM sales", tmp_path).height == 2


def test_a_wrong_password_is_told_without_showing_it(server, tmp_path):
    with pytest.raises(ServiceUnreachable, match="sales") as refusal:
        read(server.url(password="guessed"), "SELECT 1", tmp_path)
    assert "guessed" not in str(refusal.value)
