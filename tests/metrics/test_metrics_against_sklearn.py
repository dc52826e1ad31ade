"""Every metric against scikit-learn on random rows with ties, and the weights that resampling uses."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.metrics.index import METRICS


def at_half(function, **choices):
    return lambda truth, scores, weights: function(truth, scores >= 0.5, sample_weight=weights, **choices)


def weighted(function, **choices):
    return lambda truth, scores, weights: function(truth, scores, sample_weight=weights, **choices)


def by_classes(function, **choices):
    return lambda truth, scores, weights: function(truth, scores, labels=[0, 1], sample_weight=weights, **choices)


CLASSIFICATION = {
    "log_loss": by_classes(sk.log_loss),
    "brier": weighted(sk.brier_score_loss),
    "roc_auc": weighted(sk.roc_auc_score),
    "average_precision": weighted(sk.average_precision_score),
    "accuracy": at_half(sk.accuracy_score),
    "balanced_accuracy": at_half(sk.balanced_accuracy_score),
    "precision": at_half(sk.precision_score, zero_division=np.nan),
    "recall": at_half(sk.recall_score),
    "f1": at_half(sk.f1_score),
    "f1_macro": at_half(sk.f1_score, average="macro"),
    "f1_micro": at_half(sk.f1_score, average="micro"),
}
REGRESSION = {
    "mae": weighted(sk.mean_absolute_error),
    "rmse": weighted(sk.root_mean_squared_error),
    "r2": weighted(sk.r2_score),
    "mape": weighted(sk.mean_absolute_percentage_error),
}


@st.composite
def classified_rows(draw):
    n_rows = draw(st.integers(4, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    decimals = draw(st.sampled_from([1, 2, 12]))  # few decimals: many ties
    scores = np.round(rng.random(n_rows), decimals)
    truth = (rng.random(n_rows) < scores).astype(float)
    truth[:2] = 0, 1
    weights = rng.integers(0, 4, n_rows).astype(float)
    weights[:2] = 1
    return truth, scores, weights


@pytest.mark.parametrize("name", CLASSIFICATION)
@settings(max_examples=60, deadline=None)
@given(rows=classified_rows())
def test_classification_metrics_agree_with_scikit_learn(name, rows):
    truth, scores, weights = rows
    expected = CLASSIFICATION[name](truth, scores, np.ones(len(truth)))
    assert METRICS[name](truth, scores) == pytest.approx(expected, nan_ok=True)
    expected = CLASSIFICATION[name](truth, scores, weights)
    assert METRICS[name].prepare(truth, scores).at(weights[None])[0] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", REGRESSION)
@settings(max_examples=40, deadline=None)
@given(n_rows=st.integers(2, 60), seed=st.integers(0, 2**32))
def test_regression_metrics_agree_with_scikit_learn(name, n_rows, seed):
    rng = np.random.default_rng(seed)
    truth, weights = rng.normal(100, 5, n_rows), rng.integers(1, 4, n_rows).astype(float)
    scores = truth + rng.normal(size=n_rows)
    assert METRICS[name](truth, scores) == pytest.approx(REGRESSION[name](truth, scores, np.ones(n_rows)), rel=1e-9)
    value = METRICS[name].prepare(truth, scores).at(weights[None])[0]
    assert value == pytest.approx(REGRESSION[name](truth, scores, weights), rel=1e-9)


def test_every_metric_has_a_second_opinion():
    own = {"expected_calibration_error", "quantile_calibration_error"}  # not in scikit-learn; see test_calibration.py
    assert set(METRICS) == CLASSIFICATION.keys() | REGRESSION.keys() | own


@pytest.mark.parametrize("name", ["log_loss", "roc_auc", "average_precision", "f1", "accuracy"])
def test_influence_is_the_slope_of_the_figure_in_each_weight(name):
    rng = np.random.default_rng(3)
    scores = np.round(rng.random(400), 2)
    truth = (rng.random(400) < scores).astype(float)
    statistic = METRICS[name].prepare(truth, scores)
    step = 1e-4
    nudged = np.ones((400, 400)) + step * np.eye(400)
    slopes = (statistic.at(nudged) - statistic.at(np.ones((1, 400)))) / step
    assert statistic.influence() == pytest.approx(slopes, abs=0.02 * np.abs(slopes).max())


def test_row_order_does_not_matter():
    rng = np.random.default_rng(5)
    scores = np.round(rng.random(50), 1)
    truth = (rng.random(50) < scores).astype(float)
    shuffled = rng.permutation(50)
    for metric in METRICS.values():
        assert metric(truth[shuffled], scores[shuffled]) == pytest.approx(metric(truth, scores), nan_ok=True)
