"""The ledger's promises, kept on SQLite."""

import sqlite3
from pathlib import Path

import pytest
from tests.ledger.promises import LedgerPromises, Place, write_from_many_processes
from tests.ledger.tampering import TamperingPromises


def sqlite_place(folder: Path) -> Place:
    path = folder / "ledger.db"
    return Place(
        str(path),
        folder / "ledger.db.head",
        lambda: sqlite3.connect(path),
        "DROP TRIGGER IF EXISTS ledger_never_edited;DROP TRIGGER IF EXISTS ledger_never_removed",
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return sqlite_place(tmp_path)


class TestSqlite(LedgerPromises):
    """Every promise, on a file."""


class TestSqliteTampering(TamperingPromises):
    """Every way to tamper, on a file."""


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_fifty_processes_write_a_thousand_records_each(place: Place):
    write_from_many_processes(place, writers=50, each=1_000)
