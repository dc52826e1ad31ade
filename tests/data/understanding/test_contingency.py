"""Contingency: against sums done by hand and scipy, and what must hold for any table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import roc_auc_score

from assay.data.understanding.contingency import chance, chi_square, counted, cramers_v, crossed_auc

TABLES = st.integers(2, 5).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 40), min_size=k, max_size=k), min_size=2, max_size=5)
).map(lambda rows: np.array(rows, dtype=float))  # fmt: skip


@given(TABLES)
def test_chi_square_is_that_of_scipy(table):
    full = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    statistic, degrees = chi_square(table)
    if min(full.shape, default=0) < 2:
        assert degrees == 0
        return
    theirs = chi2_contingency(full, correction=False)
    assert statistic == pytest.approx(theirs.statistic, abs=1e-9)
    assert degrees == theirs.dof
    assert chance(table) == pytest.approx(theirs.pvalue, abs=1e-12)


@given(TABLES)
def test_cramers_v_lies_between_0_and_1_and_does_not_care_which_side_is_which(table):
    value = cramers_v(table)
    if np.isnan(value):
        return
    assert 0 <= value <= 1
    assert cramers_v(table.T) == pytest.approx(value)


def test_cramers_v_by_hand():
    # chi-square of [[30, 10], [10, 30]] is 80 * (30*30 - 10*10)^2 / 40^4 = 20, phi2 = 0.25; less 1/79 over 2 - 1/79 - 1
    expected = np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79))
    assert cramers_v(np.array([[30.0, 10.0], [10.0, 30.0]])) == pytest.approx(expected)


def test_unrelated_columns_of_many_groups_show_no_cramers_v_on_average():
    rng = np.random.default_rng(4)
    tables = [counted(rng.integers(0, 20, 500), rng.integers(0, 20, 500), 20, 20) for _ in range(40)]
    assert np.mean([cramers_v(one) for one in tables]) < 0.06  # without the correction it would be 0.19


def halves_of(codes, truth, k, half):
    return counted(codes[half], truth[half], k, 2), counted(codes[~half], truth[~half], k, 2)


def test_a_crossed_area_is_that_of_rates_learnt_on_the_other_half():
    rng = np.random.default_rng(5)
    codes, half = rng.integers(0, 8, 4_000), rng.random(4_000) < 0.5
    truth = (rng.random(4_000) < codes / 10).astype(int)
    found = crossed_auc(halves_of(codes, truth, 8, half))
    areas = []
    for learn, judge in ((half, ~half), (~half, half)):
        base = truth[learn].mean()
        rates = [
            (truth[learn & (codes == k)].sum() + 10 * base) / ((learn & (codes == k)).sum() + 10) for k in range(8)
        ]
        areas.append(roc_auc_score(truth[judge], np.array(rates)[codes[judge]]))
    assert found.value == pytest.approx(np.mean(areas))
    assert found.low < found.value < found.high


def test_a_column_of_noise_with_many_groups_tells_nothing():
    rng = np.random.default_rng(6)
    areas = []
    for _ in range(60):
        codes, truth, half = rng.integers(0, 30, 600), rng.integers(0, 2, 600), rng.random(600) < 0.5
        areas.append(crossed_auc(halves_of(codes, truth, 30, half)))
    assert np.mean([one.value for one in areas]) == pytest.approx(0.5, abs=0.01)
    assert np.mean([one.low <= 0.5 <= one.high for one in areas]) >= 0.9


def test_a_half_without_a_class_has_no_area():
    table = np.array([[3.0, 0.0], [2.0, 0.0]])
    assert np.isnan(crossed_auc((table, table)).value)
