"""Evaluation: all figures, one piece of evidence, bounded in size, with the notes a reader needs."""

import json
import time

import numpy as np
import pytest

from assay.errors import ConfigError
from assay.evaluation.evaluate import ALWAYS, evaluate


def rows(n_rows, *, rate=0.5, seed=0):
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=n_rows) + np.log(rate / (1 - rate))
    scores = 1 / (1 + np.exp(-logits))
    return (rng.random(n_rows) < scores).astype(float), scores


def measured(truth, scores, **choices):
    choices = {"task": "classification", "primary": "log_loss", "subject": "model:churn@1.0.0"} | choices
    return evaluate(truth, scores, rng=np.random.default_rng(0), resamples=200, **choices)


def test_the_usual_metrics_are_always_there_and_the_primary_comes_first():
    evaluation = measured(*rows(500), primary="brier", secondary=["f1", "log_loss"])
    assert next(iter(evaluation.metrics)) == "brier"
    assert set(evaluation.metrics) == {*ALWAYS["classification"], "f1"}
    assert evaluation.estimate == evaluation.metrics["brier"]
    regression = measured(*rows(500), task="regression", primary="mae")
    assert set(regression.metrics) == {"mae", "rmse", "r2"}


def test_a_model_that_surely_beats_no_information_passes_and_shows_its_skill():
    evaluation = measured(*rows(2_000), no_information=0.5, part="holdout", role="candidate", parents=["E-000001"])
    figures = evaluation.evidence.to_json()["figures"]
    assert evaluation.evidence.verdict == "pass"
    assert evaluation.evidence.kind == "model.evaluation"
    assert evaluation.evidence.parents == ("E-000001",)
    assert figures["no_information"]["log_loss"] == pytest.approx(np.log(2))
    loss = figures["metrics"]["log_loss"]
    assert loss["skill"] == pytest.approx(1 - loss["value"] / np.log(2))
    assert "on 2,000 holdout rows; no information 0.6931, skill" in evaluation.evidence.summary


def test_a_useless_model_is_a_warning_in_words():
    truth, scores = rows(1_000)
    evaluation = measured(truth, scores[::-1].copy(), no_information=truth.mean())
    assert evaluation.evidence.verdict == "warn"
    assert "no better than a constant prediction" in " ".join(evaluation.notes)


def test_without_something_to_compare_with_the_evidence_only_informs():
    assert measured(*rows(100)).evidence.verdict == "info"


def test_accuracy_on_imbalanced_rows_is_flagged_with_what_to_use_instead():
    truth, scores = rows(3_000, rate=0.02)
    (note,) = [note for note in measured(truth, scores, primary="accuracy").notes if "Accuracy" in note]
    assert "right 9" in note
    assert "Use average_precision as the primary metric" in note
    assert not measured(*rows(500)).notes


def test_a_weak_segment_turns_the_verdict_into_a_warning_that_names_it():
    truth, scores = rows(4_000)
    segment = np.where(np.arange(4_000) % 4 == 0, "west", "east")
    truth[segment == "west"] = 1 - truth[segment == "west"]
    evaluation = measured(truth, scores, slices={"region": segment}, no_information=0.5)
    assert evaluation.slices[0].value == "west"
    assert evaluation.evidence.verdict == "warn"
    assert "region = west" in " ".join(evaluation.notes)


def test_evidence_stays_small_and_is_plain_json():
    truth, scores = rows(50_000)
    rng = np.random.default_rng(1)
    segments = {f"column_{place}": rng.integers(0, 1_000, 50_000).astype(str) for place in range(8)}
    evaluation = measured(truth, scores, slices=segments, secondary=["f1", "precision"], no_information=0.5)
    text = json.dumps(evaluation.evidence.to_json(), allow_nan=False)
    assert len(text) < 100_000
    assert len(evaluation.evidence.figures["curves"]["roc"]) <= 200


def test_one_class_leaves_ranking_undefined_and_says_so():
    evaluation = measured(np.ones(40), np.full(40, 0.9))
    assert np.isnan(evaluation.metrics["roc_auc"].value)
    assert any("Undefined on these rows: ROC AUC" in note for note in evaluation.notes)
    assert evaluation.evidence.to_json()["figures"]["metrics"]["roc_auc"]["value"] is None


def test_no_rows_give_undefined_figures_and_no_error():
    evaluation = measured([], [], no_information=0.5)
    assert evaluation.n == 0
    assert np.isnan(evaluation.estimate.value)
    assert evaluation.calibration is None
    assert evaluation.evidence.verdict == "warn"


def test_regression_is_measured_with_residuals_and_bins():
    rng = np.random.default_rng(2)
    scores = rng.normal(50, 10, 1_000)
    evaluation = measured(scores + rng.normal(0, 2, 1_000), scores, task="regression", primary="mae", no_information=50)
    assert evaluation.evidence.verdict == "pass"
    assert len(evaluation.calibration.bins) == 10
    assert sum(evaluation.evidence.figures["residuals"]["counts"]["residual"]) == 1_000
    low, high = evaluation.calibration.intervals[4]
    assert low < evaluation.calibration.bins[4].truth < high


def test_a_metric_of_the_other_task_is_refused():
    with pytest.raises(ConfigError, match="made for regression"):
        measured(*rows(10), primary="rmse")


@pytest.mark.slow
def test_ten_thousand_rows_and_a_thousand_resamples_take_seconds_not_minutes():
    truth, scores = rows(10_000)
    began = time.perf_counter()
    evaluate(
        truth, scores, task="classification", primary="log_loss", subject="model:x", secondary=["f1", "precision"],
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert time.perf_counter() - began < 10  # two at leisure
