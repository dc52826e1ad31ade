"""Calibration mends what is off, leaves alone what is right, and never turns the order of scores round."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from assay.errors import DataError
from assay.metrics.index import METRICS
from assay.training.calibrate import best_method, calibrate, cross_fitted_log_loss


def sample(distort, *, n=4_000, seed=0):
    """Scores that are `distort` of the true probabilities, and outcomes."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0.02, 0.98, n)
    return distort(true), (rng.random(n) < true).astype(float), true


def overconfident(p):
    return p**3 / (p**3 + (1 - p) ** 3)


def staircase(p):
    return np.where(p < 0.5, p * 0.2, 0.8 + p * 0.2)


def test_honest_scores_are_left_nearly_as_they_are():
    scores, truth, true = sample(lambda p: p)
    assert np.abs(calibrate(scores, truth).apply(scores) - true).max() < 0.02


def test_log_odds_that_are_too_large_are_shrunk_by_platt():
    # overconfident() triples the log odds, so the slope that mends it is a third
    scores, truth, true = sample(overconfident)
    calibrator = calibrate(scores, truth, method="platt")
    assert calibrator.slope == pytest.approx(1 / 3, abs=0.03)
    assert best_method(scores, truth) == "platt"
    assert np.abs(calibrator.apply(scores) - true).mean() < 0.02


def test_a_distortion_that_no_slope_mends_is_mended_by_isotonic():
    scores, truth, _ = sample(staircase)
    assert best_method(scores, truth) == "isotonic"
    others, outcomes, _ = sample(staircase, seed=1)
    mended = calibrate(scores, truth).apply(others)
    assert METRICS["log_loss"](outcomes, mended) < METRICS["log_loss"](outcomes, others) - 0.05
    assert METRICS["expected_calibration_error"](outcomes, mended) < 0.03


def test_platt_agrees_with_scikit_learn_where_targets_are_barely_softened():
    scores, truth, _ = sample(overconfident)
    odds = np.log(scores / (1 - scores)).reshape(-1, 1)
    reference = LogisticRegression(C=np.inf).fit(odds, truth)
    calibrator = calibrate(scores, truth, method="platt")
    assert calibrator.slope == pytest.approx(reference.coef_[0, 0], rel=0.01)
    assert calibrator.offset == pytest.approx(reference.intercept_[0], abs=0.01)


def test_auto_takes_the_least_cross_fitted_loss():
    scores, truth, _ = sample(overconfident)
    losses = cross_fitted_log_loss(scores, truth)
    assert set(losses) == {"none", "platt", "isotonic"}
    assert best_method(scores, truth) == min(losses, key=losses.get)
    assert losses["none"] == pytest.approx(METRICS["log_loss"](truth, scores))


def test_too_few_rows_teach_nothing():
    scores, truth, _ = sample(overconfident, n=100)
    assert calibrate(scores, truth).method == "none"
    assert calibrate(scores, np.zeros(100)).method == "none"


def test_one_class_cannot_be_calibrated_on_request():
    with pytest.raises(DataError, match="both classes"):
        calibrate(np.full(300, 0.5), np.ones(300), method="isotonic")


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=80),
    method=st.sampled_from(["platt", "isotonic", "auto"]),
)
def test_whatever_it_is_fitted_on_the_order_is_kept(pairs, method):
    scores = np.array([score for score, _ in pairs])
    truth = np.array([float(outcome) for _, outcome in pairs])
    if len(set(truth)) < 2:
        return
    grid = np.linspace(0, 1, 101)
    calibrated = calibrate(scores, truth, method=method).apply(grid)
    assert (np.diff(calibrated) >= -1e-12).all()
    assert ((calibrated >= 0) & (calibrated <= 1)).all()


def test_calibration_never_answers_with_certainty():
    scores, truth = np.r_[np.full(200, 0.1), np.full(200, 0.9)], np.r_[np.zeros(200), np.ones(200)]
    for method in ("isotonic", "platt"):
        calibrated = calibrate(scores, truth, method=method).apply(scores)
        assert calibrated.min() > 0
        assert calibrated.max() < 1
