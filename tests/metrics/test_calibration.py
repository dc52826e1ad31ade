"""Bins of scores: where their edges are, what they hold, and the error over them."""

import numpy as np
import pytest

from assay.metrics.calibration import (
    equal_count,
    equal_width,
    expected_calibration_error,
    noise_of_gaps,
    quantile_calibration_error,
    reliability,
)


def test_tenths_include_their_lower_edge_and_the_last_also_its_upper():
    scores = np.array([0.0, 0.1, 0.3, 0.6, 0.7, 0.99, 1.0])
    assert equal_width(scores).tolist() == [0, 1, 3, 6, 7, 9, 9]


def test_equal_counts_never_part_equal_scores():
    scores = np.array([0.2] * 95 + [0.3, 0.4, 0.5, 0.6, 0.7])
    codes = equal_count(scores)
    assert len(set(codes[:95])) == 1
    assert equal_count(np.full(50, 0.4)).max() <= 1


def test_equal_counts_hold_equally_many():
    assert np.bincount(equal_count(np.random.default_rng(0).random(1_000))).tolist() == [100] * 10


def test_reliability_gives_means_and_empty_tenths():
    scores, truth = np.array([0.12, 0.18, 0.95]), np.array([0.0, 1.0, 1.0])
    bins = reliability(truth, scores, codes=equal_width(scores), tenths=True)
    assert len(bins) == 10
    assert (bins[1].n, bins[1].score, bins[1].truth) == (2, pytest.approx(0.15), 0.5)
    assert (bins[9].low, bins[9].high, bins[9].n) == (0.9, 1.0, 1)
    assert bins[5].n == 0
    assert np.isnan(bins[5].truth)


def test_the_error_equals_the_weighted_gaps_of_the_bins():
    rng = np.random.default_rng(1)
    scores = rng.random(500) ** 2
    truth = (rng.random(500) < scores).astype(float)
    for metric, codes in (
        (expected_calibration_error, equal_width(scores)),
        (quantile_calibration_error, equal_count(scores)),
    ):
        bins = reliability(truth, scores, codes=codes)
        assert metric(truth, scores) == pytest.approx(sum(b.n * abs(b.truth - b.score) for b in bins) / 500)


def test_the_noise_of_a_miscalibrated_model_starts_from_zero():
    statistic = expected_calibration_error.prepare([1, 1, 1, 0], [0.1, 0.1, 0.4, 0.4])
    assert noise_of_gaps(statistic).at(np.ones((1, 4)))[0] == pytest.approx(0)
