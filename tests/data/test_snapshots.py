"""Snapshots: the same rows are the same snapshot, and a changed byte is named."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import polars as pl
import pytest

from assay.config.settings import Source
from assay.data import snapshots, sources
from assay.errors import DataError, IntegrityError, NotFound

ROWS = pl.DataFrame({"id": [1, 2], "event_time": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)]})


def test_a_snapshot_says_what_it_holds(tmp_path):
    taken = snapshots.take("sales", ROWS.lazy(), tmp_path)
    assert (taken.rows, taken.first, taken.last) == (2, ROWS["event_time"][0], ROWS["event_time"][1])
    assert taken.path.name == f"{taken.digest}.parquet"
    assert taken.evidence.kind == "data.snapshot"
    assert taken.evidence.figures["schema"] == {
        "id": "Int64",
        "event_time": "Datetime(time_unit='us', time_zone='UTC')",
    }


def test_an_unchanged_source_is_the_same_snapshot_and_a_changed_one_is_another(tmp_path):
    first = snapshots.take("sales", ROWS.lazy(), tmp_path)
    assert snapshots.take("sales", ROWS.lazy(), tmp_path) == first
    assert len(list(tmp_path.iterdir())) == 1
    assert snapshots.take("sales", ROWS.reverse().lazy(), tmp_path).digest != first.digest
    assert snapshots.take("sales", ROWS.select("event_time", "id").lazy(), tmp_path).digest != first.digest


def test_a_snapshot_reads_back_bit_for_bit_by_itself_or_by_its_digest(tmp_path):
    taken = snapshots.take("sales", ROWS.lazy(), tmp_path)
    assert snapshots.load(taken, tmp_path).collect().equals(ROWS)
    assert snapshots.load(taken.digest, tmp_path).collect().equals(ROWS)


def test_a_flipped_byte_is_named_and_taking_the_snapshot_again_mends_it(tmp_path):
    taken = snapshots.take("sales", ROWS.lazy(), tmp_path)
    damaged = bytearray(taken.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    taken.path.chmod(0o644)
    taken.path.write_bytes(damaged)
    with pytest.raises(IntegrityError, match=taken.path.name):
        snapshots.load(taken, tmp_path)
    assert snapshots.verify(tmp_path) == [str(taken.path)]
    snapshots.take("sales", ROWS.lazy(), tmp_path)
    assert snapshots.verify(tmp_path) == []


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd"])
def test_an_unknown_digest_is_not_found(tmp_path, digest):
    with pytest.raises(NotFound):
        snapshots.load(digest, tmp_path)


def test_a_source_that_breaks_midway_leaves_nothing_behind(tmp_path):
    broken = ROWS.lazy().with_columns(pl.lit("x").cast(pl.Int64))
    with pytest.raises(DataError, match="source 'sales' cannot be read to its end"):
        snapshots.take("sales", broken, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_real_games_are_the_same_snapshot_twice(assay_data, tmp_path):
    source = Source(path="nba_elo/nbaallelo.parquet", time="date_game", time_format="%m/%d/%Y")
    first, second = (snapshots.take("games", sources.read("games", source, assay_data), tmp_path) for _ in range(2))
    assert first == second
    assert (first.rows, first.first, first.last) == (
        126_314,
        datetime(1946, 11, 1, tzinfo=UTC),
        datetime(2015, 6, 16, tzinfo=UTC),
    )


TAKER = """
import sys, polars as pl
from pathlib import Path
from assay.data import snapshots
print("ready", flush=True)
for number in range(10_000):
    snapshots.take("sales", pl.DataFrame({"id": range(number, number + 100_000)}).lazy(), Path(sys.argv[1]))
"""


def test_a_killed_process_leaves_only_whole_snapshots(tmp_path):
    for delay in (0.05, 0.2, 0.4):
        with subprocess.Popen([sys.executable, "-c", TAKER, str(tmp_path)], stdout=subprocess.PIPE) as taker:
            taker.stdout.readline()
            time.sleep(delay)
            taker.kill()
    taken = list(tmp_path.glob("*.parquet"))
    assert taken
    assert snapshots.verify(tmp_path) == []


def test_what_a_crash_left_is_removed_a_day_later(tmp_path):
    old, new = tmp_path / "old.part", tmp_path / "new.part"
    for part in (old, new):
        part.touch()
    os.utime(old, (0, 0))
    snapshots.take("sales", ROWS.lazy(), tmp_path)
    assert (old.exists(), new.exists()) == (False, True)
