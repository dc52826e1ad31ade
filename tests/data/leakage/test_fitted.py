"""Fitted on train: a scaler that saw the test part has other numbers, and they are named."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from assay.data.leakage import check_fitted_on_train

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.normal(0, 1, (500, 2)), RNG.normal(1, 2, (500, 2))


def learnt(rows: np.ndarray) -> dict[str, np.ndarray]:
    scaler = StandardScaler().fit(rows)
    return {"scaler.mean": scaler.mean_, "scaler.scale": scaler.scale_}


def test_a_scaler_fitted_on_the_training_part_passes():
    found = check_fitted_on_train(learnt(TRAIN), lambda: learnt(TRAIN))
    assert (found.kind, found.verdict) == ("leakage.fitted", "pass")


def test_a_scaler_fitted_on_everything_is_named_with_both_numbers():
    found = check_fitted_on_train(learnt(np.vstack([TRAIN, TEST])), learnt(TRAIN))
    assert found.verdict == "fail"
    assert "'scaler.mean' and 'scaler.scale' were not fitted on the training part alone" in found.summary
    gap = found.figures["differ"]["scaler.mean"]
    assert gap["train"] == pytest.approx(TRAIN.mean(axis=0)[gap["position"]])


@pytest.mark.parametrize(
    ("fitted", "again", "verdict"),
    [
        ({"words": ["a", "b"]}, {"words": ["a", "b"]}, "pass"),
        ({"words": ["a", "b", "seen only in test"]}, {"words": ["a", "b"]}, "fail"),
        ({"words": ["a", "c"]}, {"words": ["a", "b"]}, "fail"),
        ({"fill": [np.nan, 1.0]}, {"fill": [np.nan, 1.0]}, "pass"),
        ({"fill": [np.nan, 1.0]}, {"fill": [0.5, 1.0]}, "fail"),
        ({"fill": [1e6]}, {"fill": [1e6 + 1e-3]}, "pass"),
        ({"mean": [1.0], "extra": [2.0]}, {"mean": [1.0]}, "fail"),
        ({}, {}, "info"),
    ],
)
def test_numbers_words_and_missing_statistics_are_compared(fitted, again, verdict):
    assert check_fitted_on_train(fitted, again).verdict == verdict
