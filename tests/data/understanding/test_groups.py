"""Groups: every row is in one of a few, missing is one of them, and names are never among the labels."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assay.data.understanding.groups import MISSING, REST, grouped


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True)), min_size=1, max_size=80))
def test_numbers_of_any_kind_fall_into_few_groups_and_missing_ones_into_their_own(values):
    found = grouped(pl.Series(values, dtype=pl.Float64), "number")
    if found is None:
        return
    missing = [value is None or np.isnan(value) for value in values]
    assert found.sizes.sum() == len(values)
    assert found.n <= 11
    if any(missing):
        assert found.labels[-1] == MISSING
        assert (found.codes == found.n - 1).tolist() == missing


def test_tenths_are_of_equal_size_and_in_order():
    found = grouped(pl.Series(np.random.default_rng(0).normal(size=1_000)), "number")
    assert set(found.sizes.tolist()) <= {99, 100, 101}
    assert found.is_ordered


def test_where_nearly_all_is_zero_the_rest_is_one_group():
    found = grouped(pl.Series([0.0] * 95 + list(range(1, 31))), "number")
    assert found.sizes[0] == 95
    mostly = grouped(pl.Series([0.0] * 990 + list(range(1, 31))), "number")
    assert mostly.sizes[0] == 990


def test_values_beyond_the_commonest_are_one_group():
    values = ["a"] * 50 + ["b"] * 40 + [f"v{number}" for number in range(60)] + [None, " "]
    found = grouped(pl.Series(values), "category")
    assert found.labels[:2] == ("a", "b")
    assert found.labels[-2:] == (REST, MISSING)
    assert found.sizes.tolist()[:2] == [50, 40]
    assert found.sizes[-1] == 2
    assert found.sizes.sum() == len(values)


def test_of_names_only_their_presence_counts():
    found = grouped(pl.Series(["Ana Lima", None, "Bo Ek", ""]), "identifier")
    assert found.labels == ("present", MISSING)
    assert found.codes.tolist() == [0, 1, 0, 1]
    assert grouped(pl.Series(["Ana Lima", "Bo Ek"]), "identifier") is None


def test_labels_of_times_are_dates():
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(100)]
    found = grouped(pl.Series(days), "time")
    assert found.labels[0] == "below 2024-01-10"


def test_a_single_group_is_none():
    assert grouped(pl.Series([1.0, 1.0]), "number") is None
    assert grouped(pl.Series([], dtype=pl.Float64), "number") is None
