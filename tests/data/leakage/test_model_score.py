"""A model that tells the label almost without an error is warned of, whichever columns the label is spread over."""

import numpy as np
import pytest

from assay.data.leakage import check_model_score

TRUTH = np.tile([0.0, 1.0], 500)


def test_a_perfect_order_is_warned_of_and_names_what_to_do():
    found = check_model_score(TRUTH, TRUTH * 0.8 + 0.1, task="classification", subject="experiment:EXP-1")
    assert (found.verdict, found.figures["value"], found.figures["rows"]) == ("warn", 1.0, 1_000)
    assert "columns that together hold the label" in found.summary


@pytest.mark.parametrize(("wrong", "verdict"), [(1, "warn"), (3, "pass")])
def test_the_limit_lies_at_an_auc_of_0995(wrong, verdict):
    # each of the `wrong` positives scored below all negatives takes 1 / 500 from the AUC: 0.998, 0.994
    scores = TRUTH.copy()
    scores[np.flatnonzero(TRUTH == 1)[:wrong]] = -1.0
    found = check_model_score(TRUTH, scores, task="classification", subject="experiment:EXP-1")
    assert found.figures["value"] == pytest.approx(1 - wrong / 500)
    assert found.verdict == verdict


def test_numbers_are_judged_by_the_variance_explained():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=1_000)
    close, far = truth + 1e-4 * rng.normal(size=1_000), truth + 0.1 * rng.normal(size=1_000)
    verdicts = [check_model_score(truth, one, task="regression", subject="x").verdict for one in (close, far)]
    assert verdicts == ["warn", "pass"]


def test_one_class_alone_says_nothing():
    found = check_model_score(np.ones(10), np.linspace(0, 1, 10), task="classification", subject="x")
    assert found.verdict == "info"
