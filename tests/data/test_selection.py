"""Rows of a snapshot by number or condition, found again in another snapshot, and left out."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data.selection import ROW, Selection, found_again, left_out, selected, selection
from assay.errors import UsageError

SALES = pl.DataFrame(
    {"shop": ["a", "b", None, "a"], "amount": [1.0, None, float("nan"), 4.0], "tags": [["x"], [], None, ["y"]]}
).with_columns(
    known_at=pl.Series(["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"])
    .str.to_datetime()
    .dt.replace_time_zone("UTC")
)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [("1:2", [1, 2]), (":1", [0, 1]), ("2:", [2, 3]), (":", [0, 1, 2, 3]), ("9:12", []), ("3:3", [3])],
)
def test_rows_are_chosen_by_number_both_ends_included(rows, expected):
    assert selected(SALES.lazy(), selection(rows))[ROW].to_list() == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("shop = 'a'", [0, 3]),
        ("known_at >= '2026-02-01' AND known_at < '2026-04-01T00:00:00Z'", [1, 2]),
        ("amount IS NULL", [1]),
        ("shop = 'nobody'", []),
    ],
)
def test_rows_are_chosen_by_a_condition_in_sql(where, expected):
    assert selected(SALES.lazy(), selection(where=where))[ROW].to_list() == expected


@pytest.mark.parametrize("rows", ["5", "a:b", "7:3", "-1:2", "1:2:3", "١:٢"])
def test_what_is_no_range_is_refused(rows):
    with pytest.raises(UsageError, match="100:200"):
        selection(rows)


@pytest.mark.parametrize("where", ["shop =", "nothing = 1", "amount", "1; DROP TABLE self"])
def test_what_is_no_condition_is_refused_with_the_columns_there_are(where):
    with pytest.raises(UsageError, match="shop, amount"):
        selected(SALES.lazy(), selection(where=where))


def test_one_way_of_naming_rows_is_enough():
    with pytest.raises(UsageError, match="one of them"):
        selection("1:2", "shop = 'a'")
    assert str(Selection(rows=(1, None))) == "rows 1:"


def test_rows_are_found_again_by_what_they_hold_wherever_they_stand():
    later = pl.concat([SALES[[3]], SALES.head(1).with_columns(amount=pl.lit(9.0)), SALES[[2, 1]]])
    assert found_again(selected(SALES.lazy(), selection("1:3")), later.lazy())[ROW].to_list() == [0, 2, 3]


def test_a_column_that_is_new_does_not_hide_a_row():
    later = SALES.with_columns(new=pl.lit(1))
    assert found_again(selected(SALES.lazy(), selection("0:0")), later.lazy())[ROW].to_list() == [0]


def test_nothing_is_found_where_no_column_is_shared():
    assert found_again(selected(SALES.lazy(), selection(":")), pl.LazyFrame({"other": [1]})).is_empty()


@given(st.sets(st.integers(0, 3)))
def test_what_is_left_out_and_what_stays_make_the_whole(numbers):
    stays = left_out(SALES.lazy(), pl.Series(sorted(numbers), dtype=pl.Int64)).collect()
    assert stays.equals(SALES[[n for n in range(4) if n not in numbers]])
