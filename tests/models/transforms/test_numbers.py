"""Transforms of numbers: sums by hand, a second implementation, and what holds for every number."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import RobustScaler, StandardScaler

from assay.models.transforms import KINDS, Bin, RobustScale, SignedLog, Standardise

NUMBERS = st.floats(min_value=-1e15, max_value=1e15, allow_nan=False)
COLUMNS = st.lists(NUMBERS, min_size=1, max_size=30).map(np.array)
ANY = st.one_of(st.floats(allow_nan=True, allow_infinity=False), st.just(math.nan))


def test_the_logarithm_by_hand():
    made = SignedLog("x").many(np.array([0.0, math.e - 1, 1 - math.e, math.nan]))[0]
    assert made[:3] == pytest.approx([0, 1, -1])
    assert math.isnan(made[3])


def test_scales_agree_with_scikit_learn():
    values = np.random.default_rng(3).lognormal(size=200)
    column = values.reshape(-1, 1)
    for ours, theirs in ((Standardise, StandardScaler()), (RobustScale, RobustScaler())):
        np.testing.assert_allclose(
            ours.fit("x", values).many(values)[0], theirs.fit_transform(column)[:, 0], rtol=1e-12, atol=1e-12
        )


@given(COLUMNS, COLUMNS)
def test_the_inverse_gives_back_what_went_in(train, values):
    largest = max(np.abs(train).max(), np.abs(values).max())
    for kind in (SignedLog, Standardise, RobustScale):
        step = kind.fit("x", train)
        np.testing.assert_allclose(step.inverse(step.many(values)[0]), values, rtol=1e-13, atol=1e-13 * largest)


@given(COLUMNS, st.lists(ANY, min_size=1, max_size=20).map(np.array))
def test_a_row_alone_is_as_among_others(train, values):
    for kind in (SignedLog, Standardise, RobustScale, Bin):
        step = kind.fit("x", train)
        with np.errstate(all="ignore"):
            many = pl.Series(step.many(values)[0]).to_list()
            alone = [step.one(value)[0] for value in values.tolist()]
        assert all(a == b or (a != a and b != b) for a, b in zip(alone, many, strict=True))


@given(COLUMNS, st.randoms(use_true_random=False))
def test_the_order_of_training_rows_does_not_count(train, random):
    shuffled = train.tolist()
    random.shuffle(shuffled)
    for kind in (RobustScale, Bin):
        assert kind.fit("x", train) == kind.fit("x", np.array(shuffled))
    one, other = Standardise.fit("x", train), Standardise.fit("x", np.array(shuffled))
    scale = max(1.0, np.abs(train).max())
    assert one.centre == pytest.approx(other.centre, abs=1e-12 * scale)


@pytest.mark.parametrize("kind", [Standardise, RobustScale])
def test_what_does_not_vary_becomes_zeros_and_what_is_not_there_stays_missing(kind):
    assert kind.fit("x", np.full(5, 0.1)).many(np.array([0.1]))[0] == pytest.approx([0])
    nothing = kind.fit("x", np.full(3, np.nan))
    assert nothing.many(np.array([2.0]))[0].tolist() == [2.0]
    assert math.isnan(nothing.one(math.nan)[0])


def test_bins_hold_about_as_many_rows_and_have_names():
    step = Bin.fit("age", np.arange(100.0), bins=4)
    assert step.names == ("below 25", "25 to 50", "50 to 75", "75 and more")
    names = pl.Series(step.many(np.arange(100.0))[0])
    assert names.value_counts()["count"].to_list() == [25, 25, 25, 25]
    assert step.one(25.0) == ("25 to 50",)
    assert step.one(math.nan) == (None,)
    assert step.many(np.array([math.nan, -5, 1e9]))[0].to_list() == [None, "below 25", "75 and more"]


def test_bins_of_repeated_values_are_fewer():
    assert Bin.fit("x", np.array([0.0] * 90 + [1.0] * 10)).edges == ()
    assert Bin.fit("x", np.array([0.0] * 50 + [1.0] * 50)).names == ("below 1", "1 and more")
    assert Bin.fit("x", np.full(4, np.nan)).many(np.array([1.0, math.nan]))[0].to_list() == ["any", None]


@given(COLUMNS)
def test_what_was_stored_is_what_is_read(train):
    for kind in (SignedLog, Standardise, RobustScale, Bin):
        step = kind.fit("x", train)
        assert KINDS[step.kind].from_json(step.to_json(), {}) == step
