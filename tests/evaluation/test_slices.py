"""Slices: a planted weakness is found, chance is not, and no column can make too many."""

import math

import numpy as np
import pytest

from assay.evaluation.slices import MISSING, OTHERS, holm, judge_slices
from assay.metrics.index import METRICS


def judged(truth, scores, segments, metric="log_loss"):
    return judge_slices(truth, scores, segments, metric=METRICS[metric], rng=np.random.default_rng(0), resamples=200)


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.05, 0.95, 4_000)
    return (rng.random(4_000) < scores).astype(float), scores, rng


def test_holm_matches_a_case_done_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, and never falling
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.03, float("nan")])[0] == 0.03
    assert math.isnan(holm([0.03, float("nan")])[1])


def test_a_planted_weakness_is_the_first_slice_and_significant(rows):
    truth, scores, rng = rows
    plan = rng.choice(["basic", "plus", "trial"], 4_000)
    truth[plan == "trial"] = (rng.random((plan == "trial").sum()) < 0.5).astype(float)  # scores mean nothing there
    worst, *others = judged(truth, scores, {"plan": plan})
    assert (worst.column, worst.value, worst.worse) == ("plan", "trial", True)
    assert worst.difference > 0
    assert worst.estimate.low < worst.estimate.value < worst.estimate.high
    assert worst.calibration_error > max(one.calibration_error for one in others)
    assert not any(one.worse for one in others)


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
def test_forty_arbitrary_segments_raise_no_alarm(rows, metric):
    truth, scores, rng = rows
    segments = {f"column_{place}": rng.choice(["a", "b"], 4_000) for place in range(20)}
    assert not any(one.worse for one in judged(truth, scores, segments, metric))


def test_small_slices_are_listed_and_not_judged(rows):
    truth, scores, _ = rows
    segments = {"rare": np.where(np.arange(4_000) < 10, "few", "many")}
    few = next(one for one in judged(truth, scores, segments) if one.value == "few")
    assert few.n == 10
    assert math.isnan(few.p_value)
    assert not few.worse


def test_numbers_are_cut_into_quarters_and_missing_is_a_segment(rows):
    truth, scores, rng = rows
    age = rng.uniform(20, 60, 4_000)
    age[:100] = np.nan
    found = judged(truth, scores, {"age": age})
    assert sum(one.n for one in found) == 4_000
    assert {one.value for one in found} >= {MISSING}
    assert len(found) == 5


def test_many_values_end_in_one_last_slice_and_no_row_is_lost(rows):
    truth, scores, rng = rows
    found = judged(truth, scores, {"city": rng.integers(0, 300, 4_000).astype(str)})
    assert len(found) == 20
    assert OTHERS in {one.value for one in found}
    assert sum(one.n for one in found) == 4_000


def test_flags_small_numbers_and_nulls_keep_their_names(rows):
    truth, scores, rng = rows
    names = np.array([None, "x"], dtype=object)[rng.integers(0, 2, 4_000)]
    found = judged(truth, scores, {"flag": rng.random(4_000) < 0.5, "level": rng.integers(1, 3, 4_000), "name": names})
    assert {(one.column, one.value) for one in found} == {
        ("flag", "True"), ("flag", "False"), ("level", "1"), ("level", "2"), ("name", MISSING), ("name", "x"),
    }  # fmt: skip


def test_a_column_with_one_value_is_no_slice(rows):
    truth, scores, _ = rows
    assert judged(truth, scores, {"constant": np.full(4_000, "same")}) == ()
