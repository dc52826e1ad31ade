"""Correlations: against scipy where it has the measure, with missing values and without."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from assay.data.understanding.correlations import correlate
from assay.data.understanding.groups import grouped

N = 2_000


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def figure(found, one, other):
    return found.between()[(one, other)]


def test_two_whole_numbers_have_spearmans_rho(rng):
    a = rng.integers(0, 30, N).astype(float)
    b = -a + rng.normal(0, 8, N)
    found = figure(correlate({"a": a, "b": b}, {}, ["a", "b"]), "b", "a")
    assert found.value == pytest.approx(spearmanr(a, b).statistic)
    assert (found.measure, found.n) == ("Spearman", N)


def test_rows_where_one_is_missing_are_left_out(rng):
    a = rng.normal(size=N)
    b = a + rng.normal(size=N)
    holed = np.where(rng.random(N) < 0.4, np.nan, b)
    there = ~np.isnan(holed)
    found = figure(correlate({"a": a, "b": holed}, {}, ["a", "b"]), "a", "b")
    assert found.n == there.sum()
    assert found.value == pytest.approx(spearmanr(a[there], holed[there]).statistic, abs=0.01)


def test_a_number_and_a_category_have_the_ratio_that_a_sum_by_hand_gives(rng):
    town = rng.integers(0, 3, N)
    a = town * 1.0 + rng.normal(size=N)
    ranks = pl.Series(a).rank().to_numpy()
    total = ((ranks - ranks.mean()) ** 2).sum()
    within = sum(((ranks[town == k] - ranks[town == k].mean()) ** 2).sum() for k in range(3))
    expected = np.sqrt(1 - (within / (N - 3)) / (total / (N - 1)))
    groups = grouped(pl.Series([f"t{k}" for k in town]), "category")
    assert figure(correlate({"a": a}, {"town": groups}, ["a", "town"]), "a", "town").value == pytest.approx(expected)


def test_missing_is_no_category_here(rng):
    town = [None if rng.random() < 0.5 else "x" if rng.random() < 0.5 else "y" for _ in range(N)]
    a = np.array([5.0 if one is None else 0.0 for one in town]) + rng.normal(size=N)
    groups = grouped(pl.Series(town), "category")
    found = correlate({"a": a}, {"town": groups}, ["a", "town"])
    assert figure(found, "a", "town").value < 0.1
    assert figure(found, "a", "town").n == sum(one is not None for one in town)


def test_unrelated_columns_of_all_kinds_are_near_zero_and_the_strongest_comes_first(rng):
    numbers = {"a": rng.normal(size=N), "b": rng.normal(size=N), "c": rng.normal(size=N)}
    numbers["d"] = numbers["a"] + rng.normal(0, 0.1, N)
    groups = {name: grouped(pl.Series(rng.choice(list("xyz"), N)), "category") for name in ("e", "f")}
    found = correlate(numbers, groups, [*numbers, *groups])
    assert {found.pairs[0].one, found.pairs[0].other} == {"a", "d"}
    assert found.pairs[0].value > 0.98
    assert all(abs(one.value) < 0.12 for one in found.pairs[1:])
    assert len(found.pairs) == 6 * 5 / 2


def test_constant_and_nearly_empty_columns_have_no_figure():
    numbers = {"a": np.ones(50), "b": np.arange(50.0), "c": np.r_[np.arange(5.0), np.full(45, np.nan)]}
    assert correlate(numbers, {}, list(numbers)).pairs == ()
