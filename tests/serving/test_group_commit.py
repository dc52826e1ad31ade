"""Group commit loses nothing it acknowledged, bounds what waits, and says when it cannot write."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.serving import segments
from assay.serving.group_commit import GroupCommit, Limits, LogUnavailable
from assay.serving.segments import Sealed


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def open_log(folder: Path, *, strict: bool = True, sealed: list[Sealed] | None = None, **others: Any) -> GroupCommit:
    seen = [] if sealed is None else sealed
    return GroupCommit(
        folder, strict=strict, clock=others.pop("clock", Clock()), on_sealed=seen.append, limits=Limits(**others)
    )


def append(log: GroupCommit, *values: int, columns: dict[str, Any] | None = None) -> list[str]:
    records = [{"id": "", "n": value} for value in values]
    log.append(records, columns=columns or {}, deployment="E-000001")
    return [record["id"] for record in records]


def numbers(folder: Path) -> list[int]:
    found = []
    for path in sorted(folder.iterdir()):
        found += [segments.orjson.loads(line) for line in segments.whole_lines(path).splitlines()]
    return sorted(one["n"] for one in found if "n" in one)


def test_an_id_names_the_byte_where_its_record_begins(tmp_path: Path):
    log = open_log(tmp_path)
    ids = append(log, 1, 2) + append(log, 3)
    log.flush()
    for number, one in enumerate(ids, start=1):
        name, _, offset = one.rpartition("-")
        record = segments.read_at(tmp_path, name, int(offset, 16))
        assert record is not None
        assert (record["id"], record["n"]) == (one, number)
    log.close()


def test_what_a_future_acknowledges_is_on_disk(tmp_path: Path):
    log = open_log(tmp_path)

    async def many() -> None:
        for number in range(50):
            done = log.append([{"id": "", "n": number}], columns={})
            assert done is not None
            await done
            assert number in numbers(tmp_path)

    asyncio.run(many())
    log.close()


def test_requests_at_the_same_time_share_a_flush(tmp_path: Path):
    log = open_log(tmp_path)

    async def together() -> None:
        await asyncio.gather(*(log.append([{"id": "", "n": n}], columns={}) for n in range(500)))

    asyncio.run(together())
    assert log.counts.flushes < 50
    log.close()
    assert numbers(tmp_path) == list(range(500))


def test_segments_rotate_by_size_by_age_and_when_the_columns_change(tmp_path: Path):
    clock, sealed = Clock(), list[Sealed]()
    log = open_log(tmp_path, sealed=sealed, clock=clock, segment_bytes=300, segment_age=timedelta(hours=1))
    append(log, *range(5))
    append(log, 5)  # the first is over 300 bytes by now
    append(log, 6, columns={"features": {"a": "number"}})
    clock.now += timedelta(hours=2)
    append(log, 7, columns={"features": {"a": "number"}})
    log.close()
    assert [one.records for one in sealed] == [5, 1, 1, 1]
    assert {one.deployments for one in sealed} == {("E-000001",)}
    assert numbers(tmp_path) == list(range(8))
    assert {path.suffix for path in tmp_path.iterdir()} == {".jsonl"}


def test_a_sealed_segment_has_the_digest_that_was_told(tmp_path: Path):
    sealed: list[Sealed] = []
    log = open_log(tmp_path, sealed=sealed)
    append(log, 1)
    log.close()
    assert segments.digest_of(tmp_path / f"{sealed[0].name}.jsonl") == sealed[0].digest


def test_in_fast_mode_what_does_not_fit_is_dropped_and_counted(tmp_path: Path):
    log = open_log(tmp_path, strict=False, waiting_records=10)
    ids = append(log, *range(10)) + append(log, 10, 11)
    assert [one.startswith("unlogged-") for one in ids] == [False] * 10 + [True] * 2
    assert (log.counts.appended, log.counts.dropped) == (10, 2)
    log.close()
    assert numbers(tmp_path) == list(range(10))


def test_in_strict_mode_what_does_not_fit_is_refused(tmp_path: Path):
    log = open_log(tmp_path, waiting_records=10)
    with pytest.raises(LogUnavailable, match="wait for the disk"):
        append(log, *range(11))
    log.close()


def test_a_disk_that_fails_is_told_to_those_who_wait_and_the_log_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = open_log(tmp_path)
    append(log, 1)
    log.flush()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    async def one(number: int) -> None:
        done = log.append([{"id": "", "n": number}], columns={})
        assert done is not None
        await done

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        with pytest.raises(LogUnavailable, match="No space left"):
            asyncio.run(one(2))
    asyncio.run(one(3))
    log.close()
    assert numbers(tmp_path) == [1, 3]
    assert log.counts.dropped == 1


def test_a_record_without_json_form_is_refused_and_harms_no_other(tmp_path: Path):
    log = open_log(tmp_path)
    append(log, 1)
    with pytest.raises(TypeError):
        log.append([{"id": "", "n": 2}, {"id": "", "n": object()}], columns={})
    append(log, 3)
    log.close()
    assert numbers(tmp_path) == [1, 3]


def test_a_segment_that_cannot_be_recorded_is_sealed_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def ledger_is_gone(_sealed: Sealed) -> None:
        raise OSError("the ledger is gone")

    log = GroupCommit(tmp_path, strict=True, clock=Clock(), on_sealed=ledger_is_gone)
    append(log, 1)
    log.close()
    assert "it will be at the next start" in caplog.text
    sealed: list[Sealed] = []
    open_log(tmp_path, sealed=sealed).close()
    assert [one.records for one in sealed] == [1]
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]


def test_after_close_nothing_is_taken(tmp_path: Path):
    log = open_log(tmp_path)
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        append(log, 1)
