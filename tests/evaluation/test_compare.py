"""Comparisons: pairing finds what separate intervals hide, and luck is not called better."""

import numpy as np
import pytest

from assay.evaluation import intervals
from assay.evaluation.compare import compare


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=3_000)
    truth = (rng.random(3_000) < 1 / (1 + np.exp(-logits))).astype(float)
    return truth, 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-1.3 * logits))


def test_a_small_but_steady_advantage_is_found_by_pairing(rows):
    truth, honest, overconfident = rows
    rng = np.random.default_rng(1)
    result = compare(truth, honest, overconfident, metric="log_loss", rng=rng, names=("model:a@1", "model:b@1"))
    one, other = (intervals.bootstrap("log_loss", truth, scores, rng=rng) for scores in (honest, overconfident))
    assert one.high > other.low  # apart they overlap
    assert result.better
    assert result.significant
    assert result.difference.high < 0
    assert result.difference.value == pytest.approx(one.value - other.value)
    assert result.evidence.verdict == "pass"
    assert result.evidence.subject == "model:a@1"
    assert "better" in result.evidence.summary


def test_swapping_the_models_turns_the_answer_round(rows):
    truth, honest, overconfident = rows
    result = compare(truth, overconfident, honest, metric="log_loss", rng=np.random.default_rng(1))
    assert not result.better
    assert result.evidence.verdict == "fail"


def test_a_model_does_not_beat_itself(rows):
    truth, honest, _ = rows
    result = compare(truth, honest, honest, metric="roc_auc", rng=np.random.default_rng(1))
    assert result.difference.value == 0
    assert not result.better
    assert not result.significant
    assert result.evidence.verdict == "warn"


def test_higher_is_better_for_metrics_that_say_so():
    truth = np.array([0, 1] * 100)
    rng = np.random.default_rng(2)
    good = truth * 0.5 + 0.5 * rng.random(200)
    result = compare(truth, good, rng.random(200), metric="roc_auc", rng=rng)
    assert result.better
    assert result.significant
    assert result.difference.low > 0


def test_models_without_a_difference_are_seldom_called_different():
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(200):
        truth = (rng.random(150) < 0.5).astype(float)
        one, other = 0.5 + 0.2 * rng.uniform(-1, 1, (2, 150))
        called += compare(truth, one, other, metric="brier", rng=rng, resamples=400).significant
    assert called <= 20  # 5 % of 200, and two standard errors and a half


def test_grouped_rows_are_drawn_together(rows):
    truth, honest, overconfident = (np.repeat(values[:300], 10) for values in rows)
    alone = compare(*(values[:300] for values in rows), metric="brier", rng=np.random.default_rng(1))
    grouped = compare(
        truth, honest, overconfident, metric="brier", rng=np.random.default_rng(1), groups=np.repeat(np.arange(300), 10)
    )
    width = alone.difference.high - alone.difference.low
    assert grouped.difference.high - grouped.difference.low == pytest.approx(width, rel=0.1)


def test_very_many_rows_take_the_normal_interval_of_a_ranking(rows, monkeypatch):
    monkeypatch.setattr(intervals, "MANY_ROWS", 1_000)
    truth, honest, _ = rows
    noisy = honest + 0.2 * np.random.default_rng(4).normal(size=len(honest))
    result = compare(truth, honest, noisy, metric="roc_auc", rng=np.random.default_rng(1))
    assert result.difference.method == "influence"
    assert result.better
