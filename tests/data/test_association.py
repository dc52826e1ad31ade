"""Association: one figure for numbers, words and flags, and none for chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.data.association import association


def test_the_correlation_ratio_matches_a_sum_done_by_hand():
    # groups (0, 0, 1) and (1, 1, 0), ten times: means 1/3 and 2/3, total 15, between 60 * (1/6)^2 = 5/3
    # within 15 - 5/3 = 40/3; adjusted 1 - (40/3 / 58) / (15 / 59) = 0.0957; root 0.3094; F = 7.25, p = 0.009
    column, truth = pl.Series(["a", "a", "a", "b", "b", "b"] * 10), pl.Series([0, 0, 1, 1, 1, 0] * 10)
    assert association(column, truth) == pytest.approx(0.3094, abs=1e-4)


def test_a_column_that_determines_the_label_has_one_and_noise_has_none():
    rng = np.random.default_rng(0)
    truth = pl.Series(rng.integers(0, 2, 1_000))
    assert association(truth.cast(pl.String), truth) == pytest.approx(1.0)
    assert association(pl.Series(rng.normal(size=1_000)), truth, n_columns=10) == 0.0
    assert association(pl.Series([f"id{n}" for n in range(1_000)]), truth) == 0.0


def test_a_bend_and_a_missing_value_are_seen_where_a_correlation_sees_none():
    x = np.linspace(-1, 1, 2_000)
    assert association(pl.Series(x), pl.Series(x**2)) > 0.9
    truth = pl.Series([0.0, 1.0] * 100)
    assert association(pl.Series([None, 5.0] * 100), truth) == pytest.approx(1.0)


def test_a_label_that_does_not_vary_has_no_association():
    assert np.isnan(association(pl.Series([1, 2]), pl.Series([1, 1])))
