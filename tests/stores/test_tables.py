"""Promises of the tables: transactions, time travel, order of appends, exact types; on S3 too, in integration."""

import math
import multiprocessing
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assay.errors import AssayError, DataError, IntegrityError, NotFound, UsageError
from assay.stores.tables import open_tables

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def tables(tmp_path):
    return open_tables(tmp_path / "tables")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AssayError, match=r"the table .*file/games could not be written"):
        open_tables(tmp_path / "file").append("games", pl.DataFrame({"i": [1]}))


def test_rows_come_back_in_the_order_of_their_appends(tables):
    frames = [pl.DataFrame({"i": [10 * number, 10 * number + 1]}) for number in range(15)]
    versions = [tables.append("games", frame) for frame in frames]
    assert versions == list(range(15))
    assert_frame_equal(tables.scan("games").collect(), pl.concat(frames))


def test_the_order_holds_beyond_a_checkpoint(tables):
    for number in range(105):  # Delta condenses its log every 100 versions
        tables.append("games", pl.DataFrame({"i": [number]}))
    assert tables.scan("games").collect()["i"].to_list() == list(range(105))


def test_every_type_of_a_frame_survives(tables):
    frame = pl.DataFrame(
        {
            "text": ["a", None],
            "number": [1.5, math.nan],
            "single": pl.Series([0.1, None], dtype=pl.Float32),
            "whole": [2**62, None],
            "small": pl.Series([1, None], dtype=pl.Int16),
            "flag": [True, None],
            "day": [date(2026, 11, 21), None],
            "known_at": pl.Series([NOON, None], dtype=pl.Datetime("us", "UTC")),
            "local": pl.Series([NOON.replace(tzinfo=None), None], dtype=pl.Datetime("us")),
            "list": [[1, 2], None],
        }
    )
    tables.append("games", frame)
    assert_frame_equal(tables.scan("games").collect(), frame)


def test_categories_and_unsigned_numbers_are_stored_as_text_and_signed(tables):
    frame = pl.DataFrame(
        {
            "category": pl.Series(["a", None], dtype=pl.Categorical),
            "choice": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])),
            "unsigned": pl.Series([2**32 - 1, 0], dtype=pl.UInt32),
        }
    )
    tables.append("games", frame)
    assert tables.scan("games").collect_schema() == {"category": pl.String, "choice": pl.String, "unsigned": pl.Int64}
    assert tables.scan("games").collect().rows() == [("a", "x", 2**32 - 1), (None, "y", 0)]


def test_a_new_column_is_null_in_older_rows_and_a_missing_one_in_newer(tables):
    tables.append("games", pl.DataFrame({"i": [1], "old": ["a"]}))
    tables.append("games", pl.DataFrame({"i": [2], "new": [0.5]}))
    assert tables.scan("games").collect().to_dicts() == [
        {"i": 1, "old": "a", "new": None},
        {"i": 2, "old": None, "new": 0.5},
    ]
    assert tables.scan("games", version=0).collect().to_dicts() == [{"i": 1, "old": "a"}]
    assert tables.scan("games").select("new").filter(pl.col("new") > 0).collect().to_dicts() == [{"new": 0.5}]


def test_a_new_column_of_nulls_needs_a_type_and_a_known_one_does_not(tables):
    with pytest.raises(DataError, match="'x' holds only nulls"):
        tables.append("games", pl.DataFrame({"x": [None]}))
    tables.append("games", pl.DataFrame({"x": [1.5]}))
    tables.append("games", pl.DataFrame({"x": [None]}))
    assert tables.scan("games").collect()["x"].to_list() == [1.5, None]


@pytest.mark.parametrize(
    ("stored", "appended"),
    [
        ([1], [2.5]),  # Delta alone would store 2
        ([1], ["2"]),
        (["a"], [1]),
        ([1.5], [2**53 + 1]),
        ([True], [1]),
        ([date(2026, 11, 21)], [NOON]),
        ([NOON], [NOON.replace(tzinfo=None)]),
    ],
)
def test_a_value_that_the_column_cannot_hold_exactly_is_refused(tables, stored, appended):
    tables.append("games", pl.DataFrame({"x": stored}))
    with pytest.raises(DataError, match="column 'x' is"):
        tables.append("games", pl.DataFrame({"x": appended}))
    assert tables.scan("games").collect()["x"].to_list() == stored


def test_a_value_that_fits_exactly_is_converted(tables):
    tables.append("games", pl.DataFrame({"x": [1.5]}))
    tables.append("games", pl.DataFrame({"x": [2]}))
    assert tables.scan("games").collect()["x"].to_list() == [1.5, 2.0]


def test_a_type_that_delta_lacks_is_refused_by_name(tables):
    with pytest.raises(DataError, match=r"'gap' is a Duration.*seconds"):
        tables.append("games", pl.DataFrame({"gap": [timedelta(1)]}))
    with pytest.raises(DataError, match="'big' is UInt64"):
        tables.append("games", pl.DataFrame({"big": pl.Series([2**64 - 1], dtype=pl.UInt64)}))
    assert tables.version("games") is None


def test_overwriting_changes_rows_and_schema_and_keeps_older_versions(tables):
    tables.append("games", pl.DataFrame({"i": [1]}))
    before = tables.scan("games")
    assert tables.overwrite("games", pl.DataFrame({"z": ["new"]})) == 1
    assert tables.scan("games").collect().to_dicts() == [{"z": "new"}]
    assert tables.scan("games", version=0).collect().to_dicts() == [{"i": 1}]
    assert before.collect().to_dicts() == [{"i": 1}], "a scan is fixed to its version"


def test_metadata_travels_with_the_last_commit(tables):
    assert tables.metadata("games") == {}
    tables.append("games", pl.DataFrame({"i": [1]}), metadata={"definition": "abc", "version": "ours"})
    assert tables.metadata("games") == {"definition": "abc", "version": "ours"}
    tables.append("games", pl.DataFrame({"i": [2]}), metadata={"watermark": "2026-11-21"})
    assert tables.metadata("games") == {"watermark": "2026-11-21"}
    tables.append("games", pl.DataFrame({"i": [3]}))
    assert tables.metadata("games") == {}


def test_history_is_newest_first_with_rows_and_metadata(tables):
    tables.append("games", pl.DataFrame({"i": [1, 2]}), metadata={"a": "1"})
    tables.append("games", pl.DataFrame({"i": [3]}))
    newest, oldest = tables.history("games")
    assert (newest.version, newest.n_rows, newest.metadata) == (1, 1, {})
    assert (oldest.version, oldest.n_rows, oldest.metadata) == (0, 2, {"a": "1"})
    assert oldest.time <= newest.time <= datetime.now(UTC)


def test_an_empty_frame_makes_a_table_with_its_columns(tables):
    tables.append("games", pl.DataFrame(schema={"i": pl.Int64, "known_at": pl.Datetime("us", "UTC")}))
    assert tables.scan("games").collect().height == 0
    assert tables.scan("games").collect_schema() == {"i": pl.Int64, "known_at": pl.Datetime("us", "UTC")}
    tables.append("games", pl.DataFrame({"i": [1], "known_at": [NOON]}))
    assert tables.append("games", tables.scan("games").collect().clear(), metadata={"watermark": "w"}) == 2
    assert tables.scan("games").collect().rows() == [(1, NOON)]


def test_what_is_not_there_is_not_found(tables):
    assert tables.version("games") is None
    assert tables.history("games") == []
    with pytest.raises(NotFound, match="no table 'games'"):
        tables.scan("games")
    tables.append("games", pl.DataFrame({"i": [1]}))
    with pytest.raises(NotFound, match="no version 7; it has 0 to 0"):
        tables.scan("games", version=7)
    with pytest.raises(NotFound, match="no version -1"):
        tables.scan("games", version=-1)


@pytest.mark.parametrize("name", ["../elsewhere", "", "/etc", "a//b", "a b", "_delta_log/../x"])
def test_a_name_that_leaves_the_root_is_refused(tables, name):
    with pytest.raises(UsageError, match="cannot name a table"):
        tables.append(name, pl.DataFrame({"i": [1]}))


def test_folders_spaces_and_file_urls(tmp_path):
    tables = open_tables(f"file://{tmp_path}/with%20space")
    tables.append("features/form", pl.DataFrame({"i": [1]}))
    assert open_tables(tmp_path / "with space").scan("features/form").collect()["i"].to_list() == [1]
    with pytest.raises(UsageError, match="ftp"):
        open_tables("ftp://host/there")


def test_a_damaged_log_is_named(tables):
    tables.append("games", pl.DataFrame({"i": [1]}))
    (Path(tables.uri("games")) / "_delta_log" / f"{0:020}.json").write_text("{ not json")
    with pytest.raises(IntegrityError, match=r"tables/games cannot be read"):
        tables.scan("games")


def _append_rows(root: Path, number: int, barrier: "multiprocessing.Barrier") -> None:
    tables = open_tables(root)
    barrier.wait()
    for step in range(6):
        extra = {f"of_{number}": [step]} if step == 3 else {}  # a new column makes a conflict that Delta does not solve
        tables.append("games", pl.DataFrame({"writer": [number], "step": [step]} | extra))


def test_appends_of_several_processes_are_all_kept(tmp_path):
    context = multiprocessing.get_context("spawn")  # the writer's threads do not survive a fork
    barrier = context.Barrier(4)
    writers = [context.Process(target=_append_rows, args=(tmp_path, number, barrier)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    rows = open_tables(tmp_path).scan("games").collect()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert sorted(rows.select("writer", "step").rows()) == [(w, s) for w in range(4) for s in range(6)]
    for number in range(4):
        assert rows.filter(writer=number)["step"].to_list() == list(range(6))
        assert rows.filter(writer=number)[f"of_{number}"].to_list() == [None, None, None, 3, None, None]


WRITER = """
import sys
import polars as pl
from assay.stores.tables import open_tables
tables = open_tables(sys.argv[1])
start = tables.version("games")
start = 0 if start is None else start + 1
print("ready", flush=True)
for batch in range(start, 10_000):
    tables.append("games", pl.DataFrame({"batch": [batch] * 1_000}))
    print(batch, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_commits_only(tmp_path):
    acknowledged = []
    for attempt in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            writer.stdout.readline()
            time.sleep(0.01 * attempt)
            writer.kill()
            acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    tables = open_tables(tmp_path)
    if tables.version("games") is not None:
        counts = dict(tables.scan("games").collect()["batch"].value_counts().rows())
        assert set(acknowledged) <= set(counts)
        assert set(counts.values()) == {1_000}
        assert sorted(counts) == list(range(len(counts)))
    tables.append("games", pl.DataFrame({"batch": [99_999]}))
