"""What every ledger promises, whatever holds it; run over SQLite here and PostgreSQL in `tests/integration`."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.errors import IntegrityError, NotFound, UsageError
from assay.ledger.chain import GENESIS, Head, id_of
from assay.ledger.evidence import Evidence
from assay.ledger.ledger import Ledger, open_ledger
from assay.ledger.verification import Broken

WRITER = """
import sys
from pathlib import Path
from assay.ledger.evidence import Evidence
from assay.ledger.ledger import open_ledger

url, anchor, name, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with open_ledger(url, anchor=anchor) as ledger:
    for number in range(count):
        recorded = ledger.record(Evidence("test.write", f"writer:{name}", "info", f"number {number}", {"n": number}))
        sys.stdout.write(recorded.id + "\\n")
        sys.stdout.flush()
"""

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Place:
    """Where a ledger lies, and a way to change its tables behind its back."""

    def __init__(self, url: str, anchor: Path, connect: Callable[[], Any], unlock: str) -> None:
        self.url = url
        self.anchor = anchor
        self._connect = connect
        self._unlock = unlock

    def open(self, **options: Any) -> Ledger:
        return open_ledger(self.url, anchor=self.anchor, **options)

    def change(self, *statements: str) -> None:
        """Run SQL without the triggers that keep records from being changed."""
        self.query(*self._unlock.split(";"), *statements)

    def query(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run SQL in one transaction; the rows of the last statement."""
        connection = self._connect()
        try:
            for statement in statements:
                cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
        finally:
            connection.close()
        return rows


def evidence(number: int = 0, *, kind: str = "test.kind", subject: str = "thing:a", **more: Any) -> Evidence:
    return Evidence(kind, subject, "pass", f"summary {number}", {"number": number, "half": number / 2}, **more)


def start_writer(place: Place, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, place.url, str(place.anchor), name, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_from_many_processes(place: Place, *, writers: int, each: int) -> None:
    place.open().close()
    processes = [start_writer(place, str(number), each) for number in range(writers)]
    answers = [process.communicate(timeout=1_100) for process in processes]
    assert [error for _, error in answers if error] == []
    ids = [evidence_id for output, _ in answers for evidence_id in output.split()]
    assert sorted(ids) == [id_of(number) for number in range(1, writers * each + 1)]
    with place.open() as ledger:
        verification = ledger.verify()
        assert verification.broken is None
        assert (verification.n_records, verification.anchored) == (writers * each, True)
        for name in range(writers):
            own = ledger.find(subject=f"writer:{name}")
            assert [one.figures["n"] for one in own] == list(range(each))


class LedgerPromises:
    """Tests to inherit; a subclass gives the fixture `place`."""

    rounds_of_killing = 6

    @pytest.fixture
    def ledger(self, place: Place):
        moments = (NOON + timedelta(seconds=number) for number in range(10_000_000))
        with place.open(clock=lambda: next(moments)) as ledger:
            yield ledger

    # recording and reading

    def test_what_is_recorded_is_what_is_read(self, ledger: Ledger):
        given = Evidence(
            "model.evaluation", "model:ü", "warn", "a \"quoted\"\nline \U0001f600 \u2028",
            {"nan": float("nan"), "tiny": 1e-7, "list": (1, 2.5), "deep": {"a": {"b": None}}, "big": 2**60},
        )  # fmt: skip
        recorded = ledger.record(given, run="RUN-1")
        assert recorded == ledger.get("E-000001")
        assert (recorded.id, recorded.time, recorded.run) == ("E-000001", "2026-11-21T12:00:00.000000Z", "RUN-1")
        assert (recorded.kind, recorded.subject, recorded.verdict) == (given.kind, given.subject, given.verdict)
        assert recorded.summary == given.summary
        assert recorded.figures == {
            "nan": None, "tiny": 1e-7, "list": [1, 2.5], "deep": {"a": {"b": None}}, "big": "1152921504606846976",
        }  # fmt: skip

    def test_large_decimals_stay_decimals_however_often_they_are_recorded(self, ledger: Ledger):
        given = Evidence("a.b", "s:x", "info", "", {"a": [3.105870425927997e16], "b": 1e22, "c": 2**53 - 1})
        for _ in range(2):
            given = ledger.record(replace(given, id="", time=""))
        assert given.figures == {"a": [3.105870425927997e16], "b": 1e22, "c": 2**53 - 1}

    def test_a_second_opening_reads_and_continues_what_the_first_wrote(self, place: Place):
        with place.open() as first:
            first.record(evidence(1))
        with place.open() as second:
            assert second.get("E-000001").summary == "summary 1"
            assert second.record(evidence(2)).id == "E-000002"
            assert second.verify().ok

    def test_a_batch_is_recorded_whole_or_not_at_all(self, ledger: Ledger):
        assert [one.id for one in ledger.record_all([evidence(1), evidence(2, parents=("E-000001",))])] == [
            "E-000001",
            "E-000002",
        ]
        with pytest.raises(UsageError, match="E-000099"):
            ledger.record_all([evidence(3), evidence(4, parents=("E-000099",))])
        assert ledger.head().sequence == 2
        assert ledger.record_all([]) == []
        assert ledger.verify().ok

    def test_the_run_of_the_call_goes_before_the_run_of_the_evidence(self, ledger: Ledger):
        assert ledger.record(evidence(run="RUN-own")).run == "RUN-own"
        assert ledger.record(evidence(run="RUN-own"), run="RUN-call").run == "RUN-call"

    @pytest.mark.parametrize("evidence_id", ["E-000002", "E-2", "", "E-0000001", "E-000000", "E-9" + "9" * 17, "x"])
    def test_an_id_that_is_not_there_is_not_found(self, ledger: Ledger, evidence_id: str):
        ledger.record(evidence())
        with pytest.raises(NotFound, match="no evidence"):
            ledger.get(evidence_id)

    def test_find_matches_all_that_is_asked_for(self, ledger: Ledger):
        for number, (kind, subject, run) in enumerate(
            [("a.x", "s:1", ""), ("a.y", "s:1", "R"), ("ab.x", "s:2", "R"), ("a.x", "s:2", ""), ("a", "s:1", "R")]
        ):
            ledger.record(evidence(number, kind=kind, subject=subject), run=run)

        def found(**wanted: Any) -> list[int]:
            return [one.figures["number"] for one in ledger.find(**wanted)]

        assert found() == [0, 1, 2, 3, 4]
        assert found(kind="a.x") == [0, 3]
        assert found(kind="a.*") == [0, 1, 3]
        assert found(subject="s:1") == [0, 1, 4]
        assert found(run="R", kind="a.*") == [1]
        assert found(newest_first=True, limit=2) == [4, 3]
        assert found(since=NOON + timedelta(seconds=1), until=NOON + timedelta(seconds=3)) == [1, 2, 3]
        assert found(kind="nothing") == []
        assert found(kind="' OR 1=1 --") == []
        latest = ledger.latest("a.x")
        assert latest is not None
        assert latest.figures["number"] == 3
        assert ledger.latest("a.x", "s:3") is None

    def test_times_without_a_zone_and_limits_below_one_are_refused(self, ledger: Ledger):
        with pytest.raises(UsageError, match="has no zone"):
            ledger.find(since=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
        with pytest.raises(UsageError, match="1 or more"):
            ledger.find(limit=0)

    def test_each_series_counts_from_one_by_itself(self, ledger: Ledger):
        assert [ledger.next_number("EXP-2026-11-21") for _ in range(3)] == [1, 2, 3]
        assert ledger.next_number("RUN-2026-11-21") == 1

    def test_the_head_moves_with_each_record(self, ledger: Ledger):
        assert ledger.head() == Head(0, GENESIS)
        ledger.record(evidence())
        first = ledger.head()
        ledger.record(evidence())
        assert (first.sequence, ledger.head().sequence) == (1, 2)
        assert first.digest != ledger.head().digest

    # refusals

    def test_a_record_that_was_recorded_before_is_refused(self, ledger: Ledger):
        recorded = ledger.record(evidence())
        with pytest.raises(UsageError, match="recorded already, as E-000001"):
            ledger.record(recorded)

    def test_records_are_bounded_in_size(self, ledger: Ledger):
        with pytest.raises(UsageError, match="at most 1,000,000"):
            ledger.record(Evidence("a.b", "s", "info", "big", {"text": "x" * 1_000_000}))
        assert ledger.record(Evidence("a.b", "s", "info", "big", {"text": "x" * 999_000})).id == "E-000001"

    def test_a_ledger_opened_for_reading_refuses_to_record(self, place: Place):
        with pytest.raises(NotFound, match="no ledger at"):
            place.open(read_only=True)
        with place.open() as writer, place.open() as other:
            writer.record(evidence())
            with place.open(read_only=True) as reader:
                assert reader.get("E-000001").summary == "summary 0"
                other.record(evidence(1))
                assert reader.head().sequence == 2
                assert reader.verify().ok
                with pytest.raises(UsageError, match="for reading only"):
                    reader.record(evidence())
                with pytest.raises(UsageError, match="for reading only"):
                    reader.next_number("x")
        with place.open(read_only=True) as reader:
            assert len(reader.find()) == 2

    def test_a_clock_without_a_zone_is_refused_and_nothing_is_recorded(self, place: Place):
        with place.open(clock=lambda: datetime(2026, 1, 1)) as ledger:  # noqa: DTZ001 - the point of the test
            with pytest.raises(UsageError, match="has no zone"):
                ledger.record(evidence())
            assert ledger.head().sequence == 0

    def test_the_database_itself_refuses_to_change_records(self, place: Place, ledger: Ledger):
        ledger.record(evidence())
        for statement in ("UPDATE ledger_records SET run = 'x'", "DELETE FROM ledger_records"):
            with pytest.raises(Exception, match="append-only"):
                place.query(statement)

    # lineage

    def test_lineage_goes_back_and_forward_over_any_number_of_steps(self, ledger: Ledger):
        #   1   2      lineage of 4 back: 1, 2, 3; of 1 forward: 3, 4, 5
        #    \ / \
        #     3   6
        #    / \
        #   4   5
        for parents in [(), (), (1, 2), (3,), (3, 1), (2,)]:
            ledger.record(evidence(parents=tuple(map(id_of, parents))))
        back = ledger.lineage("E-000004")
        assert [node.id for node in back.nodes] == ["E-000001", "E-000002", "E-000003", "E-000004"]
        assert back.edges == (("E-000001", "E-000003"), ("E-000002", "E-000003"), ("E-000003", "E-000004"))
        forward = ledger.lineage("E-000001", direction="forward")
        assert [node.id for node in forward.nodes] == ["E-000001", "E-000003", "E-000004", "E-000005"]
        assert back.complete
        assert forward.complete
        alone = ledger.lineage("E-000006", direction="forward")
        assert ([node.id for node in alone.nodes], alone.edges) == (["E-000006"], ())
        with pytest.raises(NotFound):
            ledger.lineage("E-000009")
        with pytest.raises(UsageError, match="sideways"):
            ledger.lineage("E-000001", direction="sideways")  # type: ignore[arg-type]

    def test_a_long_lineage_is_cut_at_its_limit_and_says_so(self, ledger: Ledger):
        ledger.record_all([evidence(), *(evidence(parents=(id_of(number),)) for number in range(1, 1500))])
        assert len(ledger.lineage("E-001500").nodes) == 1500
        cut = ledger.lineage("E-001500", limit=10)
        assert [node.id for node in cut.nodes] == [id_of(number) for number in range(1491, 1501)]
        assert not cut.complete
        with pytest.raises(UsageError, match="1 or more"):
            ledger.lineage("E-001500", limit=0)

    def test_a_cycle_made_by_hand_does_not_trap_lineage(self, place: Place, ledger: Ledger):
        ledger.record_all([evidence(), evidence(parents=("E-000001",))])
        place.change("INSERT INTO ledger_edges VALUES (1, 0, 2)")
        assert [node.id for node in ledger.lineage("E-000001").nodes] == ["E-000001", "E-000002"]
        assert ledger.verify().broken == Broken(
            1, "E-000001", "has edges in the table of lineage that are not the parents it names"
        )

    # the anchor

    def test_records_removed_with_their_head_are_missed_by_the_anchor(self, place: Place, ledger: Ledger):
        ledger.record(evidence(1))
        kept = ledger.head()
        ledger.record_all([evidence(2), evidence(3)])
        place.change(
            "DELETE FROM ledger_records WHERE sequence > 1",
            f"UPDATE ledger_head SET sequence = 1, digest = '{kept.digest}'",
        )
        verification = ledger.verify()
        assert verification.broken is not None
        assert verification.broken.id == "E-000002"
        assert "the anchor file has seen the ledger end at E-000003" in verification.broken.reason
        with pytest.raises(IntegrityError, match="records were lost or rewritten"):
            ledger.record(evidence(4))
        place.anchor.unlink()  # as the message says, for a backup that was restored on purpose
        assert ledger.record(evidence(4)).id == "E-000002"
        assert ledger.verify().ok

    def test_a_chain_rewritten_from_end_to_end_is_known_by_the_anchor_and_by_a_witness(
        self, place: Place, tmp_path: Path, ledger: Ledger
    ):
        ledger.record_all([evidence(number) for number in range(3)])
        witness = ledger.head()
        place.change("DELETE FROM ledger_records", f"UPDATE ledger_head SET sequence = 0, digest = '{GENESIS}'")
        moved = place.anchor.rename(tmp_path / "aside")
        ledger.record_all([evidence(number) for number in range(10, 13)])
        assert ledger.verify().ok  # nothing is left that knows
        by_witness = ledger.verify(witness=witness).broken
        assert by_witness is not None
        assert (by_witness.sequence, "the witness has seen" in by_witness.reason) == (3, True)
        moved.replace(place.anchor)
        by_anchor = ledger.verify().broken
        assert by_anchor is not None
        assert (by_anchor.sequence, "the anchor file has seen" in by_anchor.reason) == (3, True)

    def test_without_its_anchor_a_ledger_holds_but_says_that_nothing_vouched_for_its_end(
        self, place: Place, ledger: Ledger
    ):
        ledger.record(evidence())
        assert ledger.verify().anchored
        place.anchor.unlink()
        verification = ledger.verify()
        assert (verification.ok, verification.anchored) == (True, False)

    # many at once

    def test_processes_that_write_at_once_lose_nothing(self, place: Place):
        write_from_many_processes(place, writers=6, each=25)

    def test_threads_share_one_ledger(self, ledger: Ledger):
        def work(thread: int) -> list[str]:
            ids = [ledger.record(evidence(number, subject=f"thread:{thread}")).id for number in range(10)]
            assert len(ledger.find(subject=f"thread:{thread}")) == 10
            ledger.next_number("shared")
            return ids

        with ThreadPoolExecutor(12) as pool:
            ids = [one for found in pool.map(work, range(12)) for one in found]
        assert sorted(ids) == [id_of(number) for number in range(1, 121)]
        assert ledger.next_number("shared") == 13
        assert ledger.verify().ok

    def test_a_reader_sees_one_instant_while_others_write(self, place: Place, ledger: Ledger):
        stop = threading.Event()

        def write() -> None:
            with place.open() as other:
                while not stop.is_set():
                    other.record(evidence())

        writer = threading.Thread(target=write)
        writer.start()
        try:
            results = [ledger.verify() for _ in range(10)]
        finally:
            stop.set()
            writer.join()
        assert [one.broken for one in results] == [None] * 10

    def test_writers_killed_at_random_moments_leave_a_chain_that_holds(self, place: Place):
        rng = random.Random(7)
        acknowledged: list[str] = []
        for number in range(self.rounds_of_killing):
            writers = [start_writer(place, f"{number}-{one}", 10_000) for one in range(2)]
            first = writers[0].stdout.readline()  # it writes now
            time.sleep(rng.uniform(0, 0.1))
            for writer in writers:
                writer.send_signal(signal.SIGKILL)
            said = first + "".join(writer.communicate()[0] for writer in writers)
            acknowledged += [line for line in said.splitlines(keepends=True) if line.endswith("\n")]
        with place.open() as ledger:
            assert ledger.verify().broken is None
            known = {one.id for one in ledger.find()}
            assert {line.strip() for line in acknowledged} <= known
            assert ledger.record(evidence()).id == id_of(len(known) + 1)
