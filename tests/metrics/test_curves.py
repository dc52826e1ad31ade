"""Curves agree with scikit-learn where they are not thinned, and stay small where they are."""

import numpy as np
import pytest
import sklearn.metrics as sk

from assay.metrics import curves


@pytest.fixture
def rows():
    rng = np.random.default_rng(2)
    scores = rng.random(150).round(2)
    return (rng.random(150) < scores).astype(float), scores


def test_roc_points_are_those_of_scikit_learn(rows):
    false, true, _ = sk.roc_curve(*rows, drop_intermediate=False)
    assert np.array(curves.roc_curve(*rows)) == pytest.approx(np.column_stack([false, true]), abs=1e-5)


def test_precision_recall_points_are_those_of_scikit_learn(rows):
    precision, recall, _ = sk.precision_recall_curve(*rows)
    expected = np.column_stack([recall, precision])[:-1][::-1]
    assert np.array(curves.precision_recall_curve(*rows)) == pytest.approx(expected, abs=1e-5)


def test_long_curves_keep_their_shape_in_two_hundred_points():
    rng = np.random.default_rng(3)
    scores = rng.random(50_000)
    truth = (rng.random(50_000) < scores).astype(float)
    points = np.array(curves.roc_curve(truth, scores))
    assert len(points) <= curves.MAX_POINTS
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(sk.roc_auc_score(truth, scores), abs=1e-4)


def test_a_curve_without_both_classes_is_empty():
    assert curves.roc_curve(np.ones(3), np.array([0.1, 0.2, 0.3])) == []
    assert curves.precision_recall_curve(np.zeros(3), np.array([0.1, 0.2, 0.3])) == []


def test_histograms_lose_no_row():
    truth, scores = np.array([0, 1, 1, 1.0]), np.array([0.0, 1.0, 0.52, 0.51])
    histogram = curves.score_histogram(truth, scores)
    assert histogram.counts["negative"][0] == 1
    assert histogram.counts["positive"][10] == 2
    assert sum(histogram.counts["positive"]) == 3
    residuals = curves.residual_histogram(np.r_[np.zeros(500), 1e6], np.linspace(-1, 1, 501))
    assert sum(residuals.counts["residual"]) == 501


def test_confusion_counts_a_score_at_the_threshold_as_called():
    counted = curves.confusion(np.array([1, 0, 1, 0]), np.array([0.5, 0.5, 0.4, 0.1]))
    assert counted == {"true_positive": 1, "false_positive": 1, "false_negative": 1, "true_negative": 1}
