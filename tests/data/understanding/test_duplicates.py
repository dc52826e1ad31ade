"""Duplicates: rows and columns that say the same twice, counted as a sum by hand counts them."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assay.data.understanding.duplicates import Comparison

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None]), st.floats(0, 1) | st.none()), max_size=30
)


def compared(frame, key=(), empty=frozenset()):
    found = Comparison(frame.height, key)
    for column in frame.iter_columns():
        found.add(column)
    return found.result(empty=empty)


@given(ROWS)
def test_repeated_rows_and_keys_are_those_that_polars_counts(rows):
    frame = pl.DataFrame(rows, schema={"x": pl.Int64, "y": pl.String, "z": pl.Float64}, orient="row")
    found = compared(frame, key=("x", "y"))
    assert found.exact == frame.height - frame.n_unique() if frame.height else found.exact == 0
    assert found.on_key == frame.height - (frame.select("x", "y").n_unique() if frame.height else 0)
    assert found.beside_key == frame.height - (frame.select("z").n_unique() if frame.height else 0)


def test_swapped_values_are_not_the_same_row():
    frame = pl.DataFrame({"a": [1, 2], "b": [2, 1]})
    assert compared(frame).exact == 0


def test_columns_with_equal_values_in_an_equal_order_are_copies():
    frame = pl.DataFrame(
        {"a": [1, 2, 3], "b": [3, 2, 1], "c": [1, 2, 3], "d": ["1", "2", "3"], "e": [None, None, None]}
    )
    found = compared(frame.with_columns(f=pl.col("e")), empty=frozenset(["e", "f"]))
    assert found.columns == (("a", "c"),)


def test_without_a_key_nothing_is_said_of_keys():
    found = compared(pl.DataFrame({"a": [1, 1]}))
    assert (found.exact, found.on_key, found.beside_key) == (1, None, None)
    assert compared(pl.DataFrame({"a": []})).exact == 0
