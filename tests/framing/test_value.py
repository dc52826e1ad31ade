"""Predictions are worth what a count by hand says, and the best threshold is the best of all."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.settings import BusinessValue
from assay.errors import ConfigError, DataError
from assay.framing.value import best_threshold, business_value, value_difference
from assay.ledger.evidence import plain

OFFER = BusinessValue(true_positive=40, false_positive=-10, false_negative=-5, unit="EUR")
SCORES = [0.9, 0.7, 0.6, 0.2]
TRUTH = [1, 0, 1, 0]


def test_value_is_counted_from_the_four_outcomes() -> None:
    # from 0.65 on: 40 (true positive) - 10 (false positive) - 5 (false negative) + 0; 25 of 4 rows is 6,250 per 1,000
    found = business_value(SCORES, TRUTH, OFFER, threshold=0.65)
    assert found.total == 25
    assert found.per_thousand.value == 6250
    assert found.counts == {"true_positive": 1, "false_positive": 1, "true_negative": 1, "false_negative": 1}
    assert found.best_possible == 20_000


def test_the_best_threshold_is_found_and_named() -> None:
    # from 0.6 on: 40 - 10 + 40 = 70; from 0.9 on: 40 - 5 = 35
    found = best_threshold(SCORES, TRUTH, OFFER)
    assert (found.threshold, found.total) == (0.6, 70)
    assert str(found).startswith("17,500.00 EUR [")
    assert str(found).endswith("per 1,000 predictions, acting from 0.6")
    assert plain(found.to_json())["value"] == 17_500


def test_never_to_act_can_be_best() -> None:
    found = best_threshold(
        SCORES, TRUTH, BusinessValue(true_positive=1, false_positive=-100, unit="EUR"), function=None
    )
    assert found.total == 1  # the first row alone
    found = best_threshold(SCORES, [0, 0, 0, 0], OFFER)
    assert found.total == 0
    assert found.threshold is not None
    assert found.threshold > 0.9


def test_rows_of_one_score_are_acted_upon_together() -> None:
    # acting on the positive one alone would be best, but no threshold tells the two apart
    found = best_threshold([0.5, 0.5], [1, 0], BusinessValue(true_positive=1, false_positive=-3))
    assert (found.total, found.counts["true_positive"]) == (0, 0)


def test_the_interval_is_that_of_a_mean() -> None:
    values = np.array([40.0, -10.0, -5.0, 0.0])
    half = 1000 * 1.959964 * values.std(ddof=1) / 2
    found = business_value(SCORES, TRUTH, OFFER, threshold=0.65).per_thousand
    assert (found.low, found.high) == pytest.approx((6250 - half, 6250 + half))
    assert (found.n, found.method) == (4, "normal")


def test_a_function_decides_instead_of_a_threshold() -> None:
    value = BusinessValue(function="value:of", unit="USD")
    found = best_threshold(SCORES, [10.0, 20.0, 30.0, 40.0], value, function=lambda scores, labels: scores * labels)
    assert found.total == pytest.approx(9 + 14 + 18 + 8)
    assert (found.threshold, found.counts, found.best_possible) == (None, {}, None)
    assert "acting" not in str(found)


def test_a_function_that_misbehaves_is_named() -> None:
    value = BusinessValue(function="value:of")
    with pytest.raises(ConfigError, match="value:of was not loaded"):
        business_value(SCORES, TRUTH, value)
    with pytest.raises(DataError, match="one number for each of 4 rows"):
        business_value(SCORES, TRUTH, value, function=lambda scores, labels: scores[:2])
    with pytest.raises(DataError, match="1 values that are no numbers"):
        business_value(SCORES, TRUTH, value, function=lambda scores, labels: [1, 2, 3, math.nan])


def test_unusable_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="threshold is needed"):
        business_value(SCORES, TRUTH, OFFER)
    with pytest.raises(DataError, match="one score for each label"):
        business_value(SCORES, TRUTH[:2], OFFER, threshold=0.5)
    with pytest.raises(DataError, match="without a label"):
        business_value(SCORES, [1, 0, 1, math.nan], OFFER, threshold=0.5)
    with pytest.raises(DataError, match="labels 0 and 1"):
        best_threshold(SCORES, [1, 2, 3, 4], OFFER)
    with pytest.raises(DataError, match="no rows"):
        best_threshold([], [], OFFER)


def test_no_rows_are_worth_nothing_that_could_be_told() -> None:
    found = business_value([], [], OFFER, threshold=0.5)
    assert math.isnan(found.per_thousand.value)
    assert found.per_thousand.n == 0


def test_two_models_are_compared_row_by_row() -> None:
    # the second threshold loses 45 on the third row alone
    gain = value_difference(SCORES, SCORES, TRUTH, OFFER, thresholds=(0.6, 0.65))
    assert gain.value == pytest.approx(1000 * 45 / 4)
    same = value_difference(SCORES, SCORES, TRUTH, OFFER, thresholds=(0.6, 0.6))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(DataError, match="one score for each label"):
        value_difference(SCORES, SCORES[:2], TRUTH, OFFER, thresholds=(0.6, 0.6))


AMOUNT = st.integers(-50, 50)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.8, 0.9]), st.integers(0, 1)), min_size=1, max_size=12),
    amounts=st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT),
)
def test_no_threshold_does_better_than_the_best(rows: list[Any], amounts: tuple[int, int, int, int]) -> None:
    names = ("true_positive", "false_positive", "true_negative", "false_negative")
    value = BusinessValue.model_validate(dict(zip(names, amounts, strict=True)))
    scores, truth = zip(*rows, strict=True)
    best = best_threshold(scores, truth, value)
    for threshold in (0.0, 0.1, 0.15, 0.2, 0.5, 0.8, 0.9, 1.0):
        assert business_value(scores, truth, value, threshold=threshold).total <= best.total
    assert best.best_possible is not None
    assert best.per_thousand.value <= best.best_possible + 1e-6
