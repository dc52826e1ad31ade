"""Excel workbooks: the declared sheet is read with its types, and what cannot be told is refused by name."""

from __future__ import annotations

import sys
from datetime import date

import polars as pl
import pytest
from tests.data import workbooks

from assay.config.settings import Source
from assay.data import sources
from assay.errors import ConfigError, DataError

SALES = [
    ["id", "amount", "day", "zip", "paid"],
    [1, 2.5, date(2026, 1, 2), "02134", True],
    [2, None, date(2026, 1, 3), 10001, False],
    [None] * 5,
    [3, "#DIV/0!", None, None, None],
]


def rows_of(folder, sheets, **declared):
    workbooks.write(folder / "book.xlsx", sheets)
    return sources.read("sales", Source(path="book.xlsx", **declared), folder).collect()


def test_the_first_sheet_is_read_with_whole_numbers_dates_and_texts(tmp_path):
    rows = rows_of(tmp_path, {"sales": SALES, "notes": [["x"]]})
    assert rows.dtypes == [pl.Int64, pl.Float64, pl.Datetime("us"), pl.String, pl.Boolean]
    assert rows.with_columns(pl.col("day").dt.date()).rows() == [
        (1, 2.5, date(2026, 1, 2), "02134", True),
        (2, None, date(2026, 1, 3), "10001", False),
        (3, None, None, None, None),
    ]


def test_a_sheet_is_chosen_by_name_and_another_name_lists_those_there_are(tmp_path):
    sheets = {"cover": [["x"]], "sales": SALES}
    assert rows_of(tmp_path, sheets, sheet="sales", time="day").get_column("event_time").null_count() == 1
    with pytest.raises(ConfigError, match=r"no sheet 'sale'; it has 'cover', 'sales'"):
        rows_of(tmp_path, sheets, sheet="sale")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "must name every column"),
        ([["a", None, "c"], [1, 2, 3]], "must name every column"),
        ([["a", "a"], [1, 2]], "two columns are called 'a'"),
    ],
)
def test_a_sheet_without_a_name_for_each_column_is_refused(tmp_path, rows, said):
    with pytest.raises(DataError, match=said):
        rows_of(tmp_path, {"sales": rows})


def test_what_is_no_workbook_is_refused_by_name(tmp_path):
    (tmp_path / "book.xlsx").write_bytes(b"id,amount\n1,2\n")
    with pytest.raises(DataError, match=r"book\.xlsx cannot be read as an Excel workbook"):
        sources.read("sales", Source(path="book.xlsx"), tmp_path)


def test_without_the_library_the_message_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(ConfigError, match=r"pip install 'assay\[excel\]'"):
        rows_of(tmp_path, {"sales": SALES})
