"""Metrics on rows small enough for a pencil, and where they are undefined."""

import math

import numpy as np
import pytest

from assay.errors import ConfigError, DataError
from assay.metrics.index import METRICS, metric_named

TRUTH = [1, 0, 1, 1, 0]
SCORES = [0.9, 0.6, 0.6, 0.2, 0.1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", -(math.log(0.9) + math.log(0.4) + math.log(0.6) + math.log(0.2) + math.log(0.9)) / 5),
        ("brier", (0.01 + 0.36 + 0.16 + 0.64 + 0.01) / 5),
        ("roc_auc", (2 + 1.5 + 1) / 6),  # wins of each positive over the two negatives, the tie half
        ("average_precision", (1 * 1 + 1 * 2 / 3 + 1 * 3 / 4) / 3),  # the tie is called as one step
        ("accuracy", 3 / 5),
        ("precision", 2 / 3),
        ("recall", 2 / 3),
        ("f1", 2 / 3),
        ("f1_macro", (2 / 3 + 1 / 2) / 2),
        ("balanced_accuracy", (2 / 3 + 1 / 2) / 2),
        # tenths with a row: 0.9 -> |1 - .9|, 0.6 -> |1 - 1.2|, 0.2 -> |1 - .2|, 0.1 -> |0 - .1|
        ("expected_calibration_error", (0.1 + 0.2 + 0.8 + 0.1) / 5),
    ],
)
def test_classification_metrics_match_sums_done_by_hand(name, expected):
    assert METRICS[name](TRUTH, SCORES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mae", 4 / 3), ("rmse", math.sqrt(6 / 3)), ("r2", 1 - 6 / 8), ("mape", (1 / 2 + 1 / 4 + 2 / 6) / 3)],
)
def test_regression_metrics_match_sums_done_by_hand(name, expected):
    assert METRICS[name]([2, 4, 6], [3, 5, 4]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "truth", "scores"),
    [
        ("roc_auc", [1, 1], [0.2, 0.9]),
        ("average_precision", [0, 0], [0.2, 0.9]),
        ("precision", [1, 0], [0.1, 0.2]),
        ("recall", [0, 0], [0.9, 0.2]),
        ("f1", [0, 0], [0.1, 0.2]),
        ("r2", [3.3, 3.3, 3.3], [1, 2, 3]),
        ("mape", [0, 1], [1, 1]),
    ],
)
def test_an_undefined_figure_is_nan_and_not_zero(name, truth, scores):
    assert math.isnan(METRICS[name](truth, scores))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_without_rows_every_figure_is_nan(metric):
    assert math.isnan(metric([], []))


def test_a_wrong_certainty_is_punished_but_finite():
    assert METRICS["log_loss"]([1, 0], [0.0, 0.0]) == pytest.approx(-math.log(2.220446049250313e-16) / 2)


def test_skill_is_the_share_of_the_way_to_perfection():
    assert METRICS["log_loss"].skill(0.612, 0.68) == pytest.approx(0.1)
    assert METRICS["roc_auc"].skill(0.75, 0.5) == pytest.approx(0.5)
    assert METRICS["brier"].skill(0.3, 0.25) < 0
    assert math.isnan(METRICS["accuracy"].skill(1.0, 1.0))


def test_better_knows_which_way_is_up():
    assert METRICS["log_loss"].is_better(0.5, 0.6)
    assert METRICS["roc_auc"].is_better(0.6, 0.5)
    assert not METRICS["roc_auc"].is_better(float("nan"), 0.5)


@pytest.mark.parametrize(
    ("truth", "scores", "words"),
    [
        ([1, 0], [0.5], "one score for each row"),
        ([1, 0], [0.5, np.nan], "1 of 2 scores are missing or infinite, the first in row 1"),
        ([1, 2], [0.5, 0.5], "classes must be 0 or 1, but truth also holds 2"),
        ([1, 0], [0.5, 1.5], r"1 scores lie outside \[0, 1\], for example 1.5"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused_with_the_reason(truth, scores, words):
    with pytest.raises(DataError, match=words):
        METRICS["log_loss"](truth, scores)


def test_an_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="Closest: 'log_loss'"):
        metric_named("logloss")
    with pytest.raises(ConfigError, match="made for regression, and the task is classification"):
        metric_named("rmse", task="classification")
