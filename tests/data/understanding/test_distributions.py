"""Distributions and outliers: every row is in one bar, and a few strange values change nothing but their own count."""

import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data.understanding import distributions, moments
from assay.data.understanding.distributions import number_words
from assay.data.understanding.outliers import outliers
from assay.data.understanding.ranks import centred_ranks, quantiles

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=1, max_size=200))
def test_every_finite_number_is_in_one_bar_whatever_its_size(values):
    found = distributions.of_numbers(pl.Series(values, dtype=pl.Float64))
    assert sum(found.bars.counts) == len(values)
    assert found.distinct == len(set(values))
    assert found.figures["minimum"] == min(values)
    assert found.figures["maximum"] == max(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=100))
def test_whole_numbers_keep_their_ends_and_their_count_beyond_what_a_float_holds(values):
    found = distributions.of_numbers(pl.Series(values, dtype=pl.Int64))
    assert (found.figures["minimum"], found.figures["maximum"]) == (min(values), max(values))
    assert found.distinct == len(set(values))
    assert sum(found.bars.counts) == len(values)


def test_infinities_are_counted_and_left_out_of_the_rest():
    found = distributions.of_numbers(pl.Series([1.0, 2.0, math.inf, -math.inf, math.inf]))
    assert found.figures["infinite"] == 3
    assert found.figures["mean"] == 1.5
    assert found.distinct == 4
    only = distributions.of_numbers(pl.Series([math.inf]))
    assert (only.bars, only.figures) == (None, {"infinite": 1})


def test_quantiles_are_those_of_a_sum_done_by_hand():
    ordered = np.arange(1.0, 101.0)
    assert quantiles(ordered, (0.01, 0.25, 0.5, 0.99)).tolist() == [1, 25, 50, 99]
    assert quantiles(np.array([7.0]), (0.01, 1.0)).tolist() == [7, 7]


@given(st.lists(FINITE, min_size=1, max_size=60), st.floats(0.001, 1.0))
def test_a_quantile_is_the_value_at_or_below_which_that_share_lies(values, share):
    ordered = np.sort(values)
    place = float(quantiles(ordered, [share])[0])
    assert (ordered <= place).mean() >= share - 1e-9
    assert (ordered < place).mean() < share


def test_whole_numbers_fill_their_bins_evenly():
    found = distributions.of_numbers(pl.Series(list(range(90)) * 4))
    assert set(found.bars.counts[:-1]) == {12}  # three whole numbers a bin, four rows each


def test_few_numbers_are_counted_one_by_one():
    found = distributions.of_numbers(pl.Series([3, 1, 1, 2]))
    assert (found.bars.labels, found.bars.counts, found.bars.is_binned) == (("1", "2", "3"), (2, 1, 1), False)


def test_names_and_prose_are_not_shown():
    found = distributions.of_values(pl.Series(["Ana Lima", "Bo Ek"]), show_values=False)
    assert found.bars is None
    assert "Ana" not in str(found.to_json())


def test_values_come_by_count_and_the_rest_is_summed():
    found = distributions.of_values(pl.Series(list("aaabb") + [f"v{n:02}" for n in range(20)]), show_values=True)
    assert found.bars.labels[:2] == ("a", "b")
    assert found.bars.counts[:2] == (3, 2)
    assert found.bars.n_other == 20 - 8


def test_fences_are_those_of_a_sum_done_by_hand():
    # of 102 values the 26th, 51st and 77th are 26, 51 and 77; so fences stand at 26 - 6 * 25 and 77 + 6 * 26
    ordered = np.sort(np.r_[np.arange(1.0, 102.0), 500.0])
    found = outliers(ordered)
    assert (found.below, found.above) == (-124, 233)
    assert (found.n_below, found.n_above, found.farthest) == (0, 1, 500)
    assert found.distance == pytest.approx((500 - found.above) / (found.above - found.below))


@given(st.floats(1e3, 1e300))
def test_how_strange_one_value_is_does_not_move_the_fences(strange):
    calm = np.arange(100.0)
    assert outliers(np.r_[calm, 200.0]).above == outliers(np.r_[calm, strange]).above


def test_a_skewed_column_gets_a_wider_fence_on_its_long_side():
    found = outliers(np.sort(np.random.default_rng(0).lognormal(0, 1, 10_000)))
    assert found.n / found.of < 0.03
    assert found.n_below == 0


@pytest.mark.parametrize("values", [[1.0] * 50, [0.0] * 40 + [5.0] * 3, [1.0, 2.0, 300.0]])
def test_where_half_the_values_are_equal_or_there_are_few_the_rule_does_not_apply(values):
    assert outliers(np.sort(values)) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1984.0, "1984"),
        (12345.0, "12,345"),
        (0.03125, "0.03125"),
        (12345.678, "12,345.7"),
        (2e12, "2e+12"),
        (-3.0, "-3"),
    ],
)
def test_numbers_are_written_as_people_read_them(value, words):
    assert number_words(value) == words


def test_ranks_are_centred_and_ties_share_theirs():
    assert centred_ranks(np.array([30.0, 10.0, 20.0, 20.0])).tolist() == [0.375, -0.375, 0.0, 0.0]
    assert np.isnan(centred_ranks(np.array([math.nan, 1.0]))[0])


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - as files hold them
def test_every_moment_has_words(moment):
    column = pl.Series([moment.replace(microsecond=0)], dtype=pl.Datetime("us"))
    words = moments.words(column.to_physical()[0], column.dtype)
    assert words == str(moment.replace(microsecond=0)).removesuffix(" 00:00:00")


def test_moments_that_no_library_can_show_still_have_words():
    assert moments.words(2**62, pl.Datetime("us")).startswith("148108-07-06")
    assert moments.words(2**31 - 1, pl.Date()).startswith("5881580")
    assert moments.words(3 * 86_400_000, pl.Duration("ms")) == "3 days"
    assert moments.words(11_045 * 10**9, pl.Time()) == "03:04:05"
