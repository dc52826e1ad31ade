"""Indicators and target encoding: by hand, and what holds for any categories and labels."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models.transforms import KINDS, OneHot, TargetEncoding

WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "é", ""]), st.text(max_size=3))
ROWS = st.lists(st.tuples(WORDS, st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=40)


def text(values):
    return pl.Series("x", values, dtype=pl.String)


def test_indicators_by_hand():
    step = OneHot.fit("x", text(["b", "a", "b", "c", None]), most=2)
    assert [spec.name for spec in step.writes] == ["x=b", "x=a", "x=(other)", "x=(missing)"]
    made = np.column_stack(step.many(text(["a", "b", "c", "new", None])))
    assert made.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_category_named_like_a_place_of_its_own_is_among_the_others():
    step = OneHot.fit("x", text(["(other)", "(missing)", "a", None]))
    assert [spec.name for spec in step.writes] == ["x=a", "x=(other)", "x=(missing)"]
    assert step.one("(missing)") == (0, 1, 0)
    assert np.column_stack(step.many(text(["(other)", None]))).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_the_labels_mean_by_hand():
    # prior 3/5; a: (2 + 2 * 0.6) / (2 + 2) = 0.8; b: (0 + 1.2) / (1 + 2) = 0.4; missing: (1 + 1.2) / (2 + 2) = 0.55
    truth = np.array([1.0, 1, 0, 1, 0])
    step = TargetEncoding.fit("x", text(["a", "a", "b", None, None]), truth, smoothing=2)
    assert step.many(text(["b", "a", None, "new"]))[0] == pytest.approx([0.4, 0.8, 0.55, 0.6])


def test_a_fold_is_encoded_by_the_others_alone():
    values, truth, folds = text(["a", "a", "a", "b"]), np.array([1.0, 0, 1, 1]), np.array([0, 0, 1, 1])
    made = TargetEncoding.out_of_fold("x", values, truth, folds, smoothing=1)[0]
    # fold 0 sees a=1, b=1 (prior 1): (1 + 1) / 2 = 1; fold 1 sees a=1, a=0 (prior 0.5): a (1 + .5) / 3, b unseen .5
    assert made == pytest.approx([1, 1, 0.5, 0.5])


@given(ROWS)
def test_an_own_label_never_reaches_its_own_encoding(rows):
    values = text([word for word, _, _ in rows])
    truth, folds = (np.array([row[part] for row in rows], dtype=float) for part in (1, 2))
    if len(np.unique(folds)) < 2:
        return
    made = TargetEncoding.out_of_fold("x", values, truth, folds)[0]
    for fold in np.unique(folds):
        turned = np.where(folds == fold, 1 - truth, truth)
        again = TargetEncoding.out_of_fold("x", values, turned, folds)[0]
        np.testing.assert_array_equal(made[folds == fold], again[folds == fold])


@given(ROWS, st.lists(WORDS, min_size=1, max_size=10))
def test_a_row_alone_is_as_among_others_and_storing_changes_nothing(rows, asked):
    values = text([word for word, _, _ in rows])
    truth = np.array([label for _, label, _ in rows], dtype=float)
    for step in (OneHot.fit("x", values, most=2), TargetEncoding.fit("x", values, truth)):
        many = np.column_stack(step.many(text(asked)))
        assert [list(step.one(word)) for word in asked] == many.tolist()
        assert KINDS[step.kind].from_json(step.to_json(), {}) == step


@given(ROWS)
def test_the_order_of_training_rows_does_not_count(rows):
    def fitted(of):
        values = text([word for word, _, _ in of])
        truth = np.array([label for _, label, _ in of], dtype=float)
        return OneHot.fit("x", values, most=3), TargetEncoding.fit("x", values, truth)

    assert fitted(rows) == fitted(rows[::-1])


def test_encodings_lie_between_the_labels_and_no_rows_are_no_trouble():
    step = TargetEncoding.fit("x", text([]), np.empty(0))
    assert step.many(text(["a", None]))[0].tolist() == [0.0, 0.0]
    assert OneHot.fit("x", text([])).one("a") == (1.0, 0.0)
