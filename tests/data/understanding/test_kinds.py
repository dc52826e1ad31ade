"""Kinds: what a column holds is told from its values, and text that holds numbers or times is found out."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data.understanding.kinds import kind_of, missing_in, reading_of, without_missing

NAMES = [f"C{number:05}" for number in range(100)]


def told(values, *, in_key=False, **options):
    present = without_missing(pl.Series("x", values, **options))
    return kind_of(present, distinct=present.n_unique() if not present.dtype.is_nested() else 0, in_key=in_key)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.5, 3.5, None], "number"),
        ([0, 1, 1, 0], "flag"),
        (["yes", "no", "yes"], "flag"),
        ([True, None, True], "flag"),
        (["red", "green", "blue"] * 10, "category"),
        (NAMES, "identifier"),
        ([f"{name} said what nobody had expected on that long and rainy day" for name in NAMES], "text"),
        ([date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)], "time"),
        ([[1], [2]], "nested"),
        ([{"a": 1}, {"a": 2}], "nested"),
        ([b"x", b"y"], "nested"),
        ([None, None], "empty"),
        (["", "  "], "empty"),
        (list(range(100)), "identifier"),  # a row number
        ([5, 3, 4] * 20, "number"),
    ],
)
def test_a_kind_is_told_from_the_values(values, kind):
    assert told(values) == kind


def test_a_number_that_the_source_names_as_its_key_is_a_name():
    shuffled = [(number * 37) % 101 for number in range(1, 101)]
    assert told(shuffled) == "number"
    assert told(shuffled, in_key=True) == "identifier"


def test_missing_is_counted_by_its_reason():
    text = missing_in(pl.Series(["a", " ", "", None]))
    assert (text.null, text.blank, text.n, text.share) == (1, 2, 3, 0.75)
    numbers = missing_in(pl.Series([1.0, float("nan"), float("inf"), None]))
    assert (numbers.null, numbers.nan, numbers.n) == (1, 1, 2)


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30))
def test_present_and_missing_are_all_there_is(values):
    column = pl.Series("x", values, dtype=pl.String)
    assert without_missing(column).len() + missing_in(column).n == len(values)


def test_text_that_holds_numbers_is_read_as_numbers_with_its_blanks_missing():
    found = reading_of(pl.Series("charges", ["29.85", " 1889.5", "", None, "108"]))
    assert (found.kind, found.n_unread) == ("number", 0)
    assert found.values.to_list() == [29.85, 1889.5, None, None, 108]


def test_a_few_values_that_do_not_read_are_counted_and_the_column_stays_text():
    found = reading_of(pl.Series([str(number) for number in range(98)] + ["n/a", "?"]))
    assert (found.kind, found.n_unread, found.values) == ("number", 2, None)


@pytest.mark.parametrize(
    "values",
    [["007", "123", "045"], ["a", "b", "1"], ["02/03/2015", "04/05/2015"], [], [None], ["12 apples", "3 pears"]],
    ids=["codes", "words", "dates of two meanings", "nothing", "null", "amounts"],
)
def test_codes_words_and_ambiguous_dates_stay_text(values):
    assert reading_of(pl.Series(values, dtype=pl.String)).kind == ""


def test_iso_times_are_read():
    found = reading_of(pl.Series(["2013-08-13 06:03:42", "2013-01-26", None]))
    assert found.kind == "time"
    assert [str(one)[:19] for one in found.values.drop_nulls()] == ["2013-08-13 06:03:42", "2013-01-26 00:00:00"]
