"""Files that are written apart from their commit: no version has them before it, and all of them after it."""

import polars as pl
import pytest

from assay.errors import DataError
from assay.stores.data_files import write_data_file
from assay.stores.tables import open_tables

ROWS = pl.DataFrame({"team": ["ants", "bees", "cats"], "points": [1, 2, 3]})


def test_files_become_rows_in_the_order_in_which_they_are_named(tmp_path):
    tables = open_tables(tmp_path)
    place = tables.place("form")
    second = write_data_file(place, "b-2.parquet", ROWS[1:])
    first = write_data_file(place, "b-1.parquet", ROWS[:1])
    assert tables.version("form") is None
    assert tables.commit_files("form", [first, second], ROWS.schema, mode="overwrite", metadata={"build": "1"}) == 0
    assert tables.scan("form").collect().equals(ROWS)
    assert tables.metadata("form") == {"build": "1"}


def test_an_append_adds_and_an_overwrite_replaces(tmp_path):
    tables = open_tables(tmp_path)
    tables.append("form", ROWS)
    more = write_data_file(tables.place("form"), "more.parquet", ROWS.with_columns(points=pl.col("points") * 10))
    assert tables.commit_files("form", [more], ROWS.schema, mode="append") == 1
    assert tables.scan("form").collect()["points"].to_list() == [1, 2, 3, 10, 20, 30]
    other = ROWS.with_columns(city=pl.lit("Rome"))
    anew = write_data_file(tables.place("form"), "anew.parquet", other)
    assert tables.commit_files("form", [anew], other.schema, mode="overwrite") == 2
    assert tables.scan("form").collect().equals(other)
    assert tables.scan("form", version=0).collect().equals(ROWS)


def test_a_second_writing_of_a_file_changes_nothing(tmp_path):
    tables = open_tables(tmp_path)
    place = tables.place("form")
    written = [write_data_file(place, "one.parquet", ROWS) for _ in range(2)]
    assert written[0] == written[1]
    assert sorted(path.name for path in (tmp_path / "form").iterdir()) == ["one.parquet"]


def test_types_that_tables_lack_are_refused(tmp_path):
    with pytest.raises(DataError, match="'form'"):
        write_data_file(
            open_tables(tmp_path).place("form"), "one.parquet", ROWS.select(pl.duration(days="points").alias("age"))
        )


def test_no_files_make_an_empty_table(tmp_path):
    tables = open_tables(tmp_path)
    tables.commit_files("form", [], ROWS.schema, mode="overwrite")
    assert tables.scan("form").collect().equals(ROWS.clear())
