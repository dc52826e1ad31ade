"""Target encoding: an encoding that has seen its own labels is told from one that has not, whatever its smoothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from assay.data.leakage import check_target_encoding
from assay.errors import DataError

FOLDS = np.array([0, 0, 0, 1, 1, 1])
CITY = pl.Series("city", ["a", "a", "b", "a", "b", "b"])
LABEL = np.array([1, 0, 1, 1, 0, 1])


def made(seed: int, n: int = 600, n_categories: int = 25) -> tuple[pl.Series, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, n_categories, n)
    label = (rng.random(n) < 0.2 + 0.5 * (drawn % 3 == 0)).astype(int)
    return pl.Series("shop", [f"shop-{one}" for one in drawn]), label, rng.integers(0, 5, n)


def test_means_of_the_other_fold_done_by_hand_pass():
    # fold 0 learns from rows 3-5: a 1/1, b 1/2; fold 1 from rows 0-2: a 1/2, b 1/1
    found = check_target_encoding([1, 1, 0.5, 0.5, 1, 1], CITY, LABEL, FOLDS)
    assert (found.kind, found.subject, found.verdict) == ("leakage.target_encoding", "feature:city", "pass")
    assert (found.figures["used"], found.figures["smoothing"]) == ("out_of_fold", "prior of 0 rows")


def test_means_of_all_rows_done_by_hand_are_refused_by_name():
    found = check_target_encoding([2 / 3] * 6, CITY, LABEL, FOLDS, name="city_rate")  # a 2/3, b 2/3
    assert (found.verdict, found.figures["used"]) == ("fail", "everything")
    assert "'city_rate' is a target encoding learnt from all rows, its own among them" in found.summary


def test_means_of_the_own_fold_are_refused():
    found = check_target_encoding([0.5, 0.5, 1, 1, 0.5, 0.5], CITY, LABEL, FOLDS)
    assert (found.verdict, found.figures["used"]) == ("fail", "own_fold")


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), smooth=st.sampled_from(["auto", 0.5, 10.0, 100.0]))
def test_the_encoder_of_scikit_learn_passes_cross_fitted_and_fails_fitted_on_everything(seed, smooth):
    shop, label, _ = made(seed)
    cut = StratifiedKFold(5, shuffle=True, random_state=seed)
    encoder = TargetEncoder(smooth=smooth, cv=cut, target_type="binary")
    folds = np.empty(len(label), dtype=int)
    for number, (_, held) in enumerate(cut.split(label, label)):
        folds[held] = number
    columns = shop.to_numpy()[:, None]
    crossed = check_target_encoding(encoder.fit_transform(columns, label).ravel(), shop, label, folds)
    assert (crossed.verdict, crossed.figures["used"]) == ("pass", "out_of_fold")
    leaking = check_target_encoding(encoder.transform(columns).ravel(), shop, label, folds)
    assert (leaking.verdict, leaking.figures["used"]) == ("fail", "everything")


SEES = {"out_of_fold": np.not_equal, "own_fold": np.equal, "everything": lambda folds, _: folds >= 0}


def judged(used: str, seed: int, strength: float) -> tuple[str, str | None]:
    """Verdict and finding on values of a smoothing that is not tried, learnt from the rows that `used` names."""
    shop, label, folds = made(seed)
    code = shop.rank("dense").to_numpy().astype(int) - 1
    values = np.empty(len(label))
    for fold in range(5):
        source = SEES[used](folds, fold)
        n, total = np.bincount(code[source], minlength=25), np.bincount(code[source], label[source], minlength=25)
        smoothed = np.sqrt((total + strength * label[source].mean()) / (n + strength))
        values[folds == fold] = smoothed[code[folds == fold]]
    found = check_target_encoding(values, shop, label, folds)
    return found.verdict, found.figures["used"]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.floats(3.3, 77.7))
def test_a_smoothing_that_is_not_tried_is_told_by_its_pattern(seed, strength):
    assert judged("out_of_fold", seed, strength) == ("pass", "out_of_fold")
    assert judged("everything", seed, strength) == ("fail", "everything")
    assert judged("own_fold", seed, strength) in (("fail", "own_fold"), ("warn", None))  # few rows may leave it open


def test_the_own_fold_is_told_from_its_pattern_nearly_always():
    rng = np.random.default_rng(1)
    found = [judged("own_fold", int(rng.integers(0, 10_000)), rng.uniform(3.3, 77.7)) for _ in range(100)]
    assert found.count(("fail", "own_fold")) >= 95  # 293 of 300 in a longer look


def test_leaving_out_the_own_row_alone_gives_the_label_away():
    shop, label, folds = made(3)
    code = shop.rank("dense").to_numpy().astype(int) - 1
    n, total = np.bincount(code), np.bincount(code, label)
    found = check_target_encoding((total[code] - label) / (n[code] - 1), shop, label, folds)
    assert (found.verdict, found.figures["used"]) == ("fail", "own_row")


def test_values_that_are_no_encoding_are_left_open():
    shop, label, folds = made(4)
    found = check_target_encoding(np.random.default_rng(0).normal(size=len(label)), shop, label, folds)
    assert (found.verdict, found.figures["used"]) == ("warn", None)


def test_a_missing_category_is_a_category_and_one_fold_tells_nothing():
    gaps = CITY.set(CITY == "a", None)
    assert check_target_encoding([1, 1, 0.5, 0.5, 1, 1], gaps, LABEL, FOLDS).verdict == "pass"
    assert check_target_encoding([2 / 3] * 6, CITY, LABEL, np.zeros(6)).verdict == "info"


def test_rows_that_do_not_fit_each_other_are_refused():
    with pytest.raises(DataError, match="same rows in the same order"):
        check_target_encoding([1.0], CITY, LABEL, FOLDS)
    with pytest.raises(DataError, match="a label is missing"):
        check_target_encoding([1.0] * 6, CITY, [1, 0, 1, None, 0, 1], FOLDS)
