"""Intervals: against formulas and a second implementation, and how often they hold the truth."""

import numpy as np
import pytest
import scipy.stats

from assay.evaluation import intervals
from assay.evaluation.interval_methods import bca, wilson
from assay.evaluation.intervals import bootstrap, bootstrap_all
from assay.metrics.index import METRICS


def drawn(n_rows, rng, *, intercept=0.0):
    """Scores that are the true probabilities, and what then happened."""
    scores = 1 / (1 + np.exp(-(1.2 * rng.normal(size=n_rows) + intercept)))
    return (rng.random(n_rows) < scores).astype(float), scores


def coverage(names, *, n_rows, repetitions, intercept=0.0, resamples=1_000, seed=0):
    """Share of repetitions whose interval holds the figure of two million rows."""
    rng = np.random.default_rng(seed)
    metrics = [METRICS[name] for name in names]
    true = {metric.name: metric(*drawn(2_000_000, rng, intercept=intercept)) for metric in metrics}
    true["expected_calibration_error"] = 0.0  # by construction; its estimate never is
    held = dict.fromkeys(names, 0)
    for _ in range(repetitions):
        estimates = bootstrap_all(metrics, *drawn(n_rows, rng, intercept=intercept), rng=rng, n_resamples=resamples)
        for name, estimate in estimates.items():
            held[name] += estimate.low <= true[name] <= estimate.high
    return {name: count / repetitions for name, count in held.items()}


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    covered = coverage(["log_loss", "brier", "accuracy", "roc_auc"], n_rows=200, repetitions=300, resamples=400)
    assert all(0.91 <= share <= 0.98 for share in covered.values()), covered


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [50, 1_000])
def test_coverage_is_95_percent_within_two_in_a_thousand_repetitions(n_rows):
    covered = coverage(["log_loss", "brier", "accuracy"], n_rows=n_rows, repetitions=1_000)
    assert all(0.93 <= share <= 0.97 for share in covered.values()), covered


@pytest.mark.slow
def test_the_calibration_error_of_a_calibrated_model_is_recognised():
    covered = coverage(["expected_calibration_error"], n_rows=1_000, repetitions=500)
    assert covered["expected_calibration_error"] >= 0.93


@pytest.mark.slow
def test_rare_positives_are_covered_a_little_worse_and_not_absurdly():
    covered = coverage(
        ["log_loss", "brier", "accuracy", "roc_auc", "average_precision"],
        n_rows=1_000, repetitions=500, intercept=-3.5,
    )  # fmt: skip
    assert all(0.90 <= share <= 0.99 for share in covered.values()), covered


def test_bca_agrees_with_scipy_before_the_small_sample_widening():
    rng = np.random.default_rng(4)
    rows = rng.exponential(size=2_000)
    theirs = scipy.stats.bootstrap(
        (rows,), np.mean, method="BCa", n_resamples=20_000, rng=rng, batch=500
    ).confidence_interval
    ours = bootstrap("mae", np.zeros(2_000), rows, rng=rng, n_resamples=20_000)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=2e-3)


def test_wilson_matches_the_worked_example_of_newcombe():
    # Newcombe (1998), Table I: 81 of 263, 95 %: 0.2553 to 0.3662
    interval = wilson(81 / 263, 263, level=0.95)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_an_accuracy_of_one_still_admits_doubt():
    estimate = bootstrap("accuracy", [1] * 10, [0.9] * 10, rng=np.random.default_rng(0))
    assert estimate.value == estimate.high == 1
    assert estimate.low == pytest.approx(0.7225, abs=1e-4)
    assert estimate.method == "wilson"


def test_a_figure_that_no_sample_changes_gets_no_interval():
    estimate = bootstrap("f1", [1, 0] * 20, [0.1, 0.2] * 20, rng=np.random.default_rng(0))
    assert estimate.value == 0
    assert np.isnan(estimate.low)
    assert estimate.method == "bca-1000, all equal"


def test_samples_without_the_figure_are_counted_and_too_many_forbid_an_interval():
    rng = np.random.default_rng(0)
    truth = np.zeros(60)
    truth[:2] = 1  # one sample in seven has no positive
    estimate = bootstrap("roc_auc", truth, rng.random(60), rng=rng)
    assert np.isnan(estimate.low)
    assert "undefined" in estimate.method
    truth[:6] = 1
    estimate = bootstrap("roc_auc", truth, rng.random(60), rng=rng)
    assert estimate.low < estimate.value < estimate.high


def test_an_undefined_figure_has_no_interval_and_no_method():
    estimate = bootstrap("roc_auc", [1, 1], [0.2, 0.3], rng=np.random.default_rng(0))
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
    assert estimate.method == "none"


def test_copied_rows_do_not_make_an_interval_narrower_once_they_are_grouped():
    rng = np.random.default_rng(5)
    truth, scores = drawn(400, rng)
    copied = np.repeat(truth, 10), np.repeat(scores, 10)
    names = np.repeat(np.arange(400), 10).astype(str)
    for metric in ("log_loss", "accuracy", "roc_auc", "expected_calibration_error"):
        once = bootstrap(metric, truth, scores, rng=rng, n_resamples=2_000)
        grouped = bootstrap(metric, *copied, rng=rng, n_resamples=2_000, groups=names)
        fooled = bootstrap(metric, *copied, rng=rng, n_resamples=2_000)
        assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.12)
        assert fooled.high - fooled.low < 0.6 * (once.high - once.low)


def test_very_many_rows_are_bundled_without_changing_the_answer(monkeypatch):
    rng = np.random.default_rng(6)
    truth, scores = drawn(20_000, rng)
    names = ["log_loss", "roc_auc", "average_precision", "f1"]
    metrics = [METRICS[name] for name in names]
    row_by_row = bootstrap_all(metrics, truth, scores, rng=rng, n_resamples=2_000)
    monkeypatch.setattr(intervals, "MANY_ROWS", 10_000)
    monkeypatch.setattr(intervals, "N_BUNDLES", 4_000)
    bundled = bootstrap_all(metrics, truth, scores, rng=rng, n_resamples=2_000)
    assert bundled["roc_auc"].method == "influence"
    for name in names:
        width = row_by_row[name].high - row_by_row[name].low
        assert (bundled[name].low, bundled[name].high) == pytest.approx(
            (row_by_row[name].low, row_by_row[name].high), abs=0.08 * width
        )


def test_the_same_seed_gives_the_same_interval():
    truth, scores = drawn(100, np.random.default_rng(7))
    first, again = (bootstrap("log_loss", truth, scores, rng=np.random.default_rng(1)) for _ in range(2))
    assert first == again


def test_bca_shifts_towards_the_longer_tail():
    rng = np.random.default_rng(8)
    rows = rng.exponential(size=40)
    means = rows[rng.integers(0, 40, (4_000, 40))].mean(axis=1)
    interval = bca(rows.mean(), means, (rows - rows.mean()) / 40, level=0.95)
    assert interval.high - rows.mean() > rows.mean() - interval.low
