"""What is particular to a ledger in a file: damage to its bytes, forks, opening, memory."""

import os
import random
import sqlite3
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from tests.ledger.promises import evidence

from assay.errors import AssayError, IntegrityError, UsageError
from assay.ledger.evidence import Evidence
from assay.ledger.ledger import open_ledger


def fill(path: Path, n_records: int) -> None:
    with open_ledger(path) as ledger:
        ledger.record_all([evidence(number, subject=f"thing:{number}") for number in range(n_records)])


def test_any_byte_flipped_in_a_record_is_named(tmp_path: Path):
    path = tmp_path / "ledger.db"
    fill(path, 40)
    sound = path.read_bytes()
    rng = random.Random(11)
    for _ in range(60):
        number = rng.randrange(40)
        at = sound.index(f'"summary":"summary {number}"'.encode()) + rng.randrange(20)
        path.write_bytes(sound[:at] + bytes([sound[at] ^ (1 << rng.randrange(8))]) + sound[at + 1 :])
        with open_ledger(path, read_only=True) as ledger:
            broken = ledger.verify().broken
        assert broken is not None
        assert broken.sequence == number + 1


def test_any_byte_flipped_anywhere_is_found_or_changes_nothing_that_is_read(tmp_path: Path):
    path = tmp_path / "ledger.db"
    fill(path, 40)
    sound = path.read_bytes()
    with open_ledger(path, read_only=True) as ledger:
        expected = ledger.find()
    rng = random.Random(12)
    n_found = 0
    for _ in range(150):
        at = rng.randrange(len(sound))
        path.write_bytes(sound[:at] + bytes([sound[at] ^ (1 << rng.randrange(8))]) + sound[at + 1 :])
        try:
            with open_ledger(path, read_only=True) as ledger:
                verification = ledger.verify()
                n_found += not verification.ok
                assert not verification.ok or ledger.find() == expected
        except (IntegrityError, UsageError, AssayError):
            n_found += 1  # it could not even be opened, and says so
    assert n_found > 50


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and longer than a header of one hundred bytes " * 10)
    with pytest.raises(IntegrityError, match=r"notes\.txt is damaged, or is not a ledger"):
        open_ledger(path)


def test_a_database_of_another_format_is_refused(tmp_path: Path):
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UsageError, match="format 99"):
        open_ledger(path)


def test_a_folder_and_an_unknown_scheme_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="is a folder"):
        open_ledger(tmp_path)
    with pytest.raises(UsageError, match="no ledger can be kept at mysql://…") as caught:
        open_ledger("mysql://user:s3cret@host/db")
    assert "s3cret" not in str(caught.value)


def test_an_sqlite_url_names_the_same_file_as_its_path(tmp_path: Path):
    fill(tmp_path / "ledger.db", 1)
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger.head().sequence == 1


def test_a_name_with_special_characters_is_just_a_name(tmp_path: Path):
    path = tmp_path / "a b?mode=memory#%41.db"
    fill(path, 1)
    assert path.exists()
    with open_ledger(path, read_only=True) as ledger:
        assert ledger.head().sequence == 1


def test_every_commit_is_on_disk_before_it_is_answered(tmp_path: Path):
    fill(tmp_path / "ledger.db", 1)
    with open_ledger(tmp_path / "ledger.db") as ledger, ledger._backend.writing() as session:
        assert list(session.rows("PRAGMA synchronous")) == [(2,)]  # FULL
        assert list(session.rows("PRAGMA journal_mode")) == [("wal",)]


def test_a_forked_child_and_its_parent_both_go_on_writing(tmp_path: Path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.record(evidence())
        child = os.fork()
        for number in range(20):
            ledger.record(evidence(number))
        if child == 0:
            ledger.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        verification = ledger.verify()
        assert (verification.broken, verification.n_records) == (None, 41)


def test_another_program_that_holds_the_file_is_waited_for_and_then_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(
        "assay.ledger.sqlite.SqliteBackend.__init__.__kwdefaults__", {"read_only": False, "wait_seconds": 0.1}
    )
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger:
        ledger.record(evidence())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AssayError, match="no other program holds the file"):
            ledger.record(evidence())
        other.execute("ROLLBACK")
        other.close()
        assert ledger.record(evidence()).id == "E-000002"


def test_opening_and_closing_while_others_do_never_meets_a_lock(tmp_path: Path):
    code = (
        "import sys\nfrom assay.ledger.evidence import Evidence\nfrom assay.ledger.ledger import open_ledger\n"
        "for _ in range(25):\n"
        "    with open_ledger(sys.argv[1]) as ledger:\n"
        "        ledger.record(Evidence('a.b', 's:x', 'info', 'x'))\n"
        "    with open_ledger(sys.argv[1], read_only=True) as ledger:\n"
        "        assert ledger.latest('a.b')\n"
    )
    path = tmp_path / "ledger.db"
    processes = [subprocess.Popen([sys.executable, "-c", code, path], stderr=subprocess.PIPE) for _ in range(5)]
    assert [process.communicate()[1] for process in processes] == [b""] * 5
    with open_ledger(path) as ledger:
        assert ledger.verify().n_records == 125


def test_verifying_and_exporting_take_no_more_memory_for_a_longer_ledger(tmp_path: Path):
    def peak(n_records: int) -> int:
        path = tmp_path / f"{n_records}.db"
        with open_ledger(path) as ledger:
            ledger.record_all([Evidence("a.b", "s:x", "info", "x" * 2_000)] * n_records)
        with open_ledger(path, read_only=True) as ledger:
            tracemalloc.start()
            assert ledger.verify().ok
            ledger.export(tmp_path / "out.jsonl")
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return highest

    peak(10)  # what is made once, by the first call
    assert peak(4_000) < peak(400) + 200_000  # 4,000 records hold nine megabytes


def test_a_ledger_that_was_forgotten_closes_itself(tmp_path: Path):
    ledger = open_ledger(tmp_path / "ledger.db")
    ledger.record(evidence())
    connections = ledger._backend._all
    del ledger
    assert connections
    for connection in connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_importing_the_ledger_does_not_import_what_only_a_server_needs():
    heavy = ["sqlalchemy", "psycopg", "polars", "pydantic"]
    code = f"import sys, assay.ledger.ledger; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
