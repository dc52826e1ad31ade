"""The embedding of categories: it finds how they differ, keeps labels from their own rows, and is stored whole."""

import numpy as np
import polars as pl
import pytest

from assay.models.tensors import read_tensors, write_tensors
from assay.models.transforms import CategoryEmbedding


def made(n=4_000, *, seed=1, task="classification"):
    """Labels follow x in the first half of the categories and -x in the others: their mean tells nothing."""
    rng = np.random.default_rng(seed)
    category = rng.integers(0, 20, n)
    context = rng.normal(size=(n, 3))
    signal = np.where(category < 10, 1.0, -1.0) * 2 * context[:, 0]
    truth = (signal + rng.logistic(size=n) > 0).astype(float) if task == "classification" else 5 + 100 * signal
    return pl.Series("c", [f"c{one:02d}" for one in category]), truth, context, np.arange(n) % 5


@pytest.fixture(scope="module", params=["classification", "regression"])
def fitted(request):
    values, truth, context, folds = made(task=request.param)
    step, columns = CategoryEmbedding.fit("c", values, truth, context, folds, task=request.param, dimensions=2)
    return step, columns, values, request.param


def test_categories_that_behave_alike_lie_together(fitted):
    step, _, _, _ = fitted
    slope = step.table[:20, 1]
    assert (np.sign(slope[:10]) == np.sign(slope[0])).all()
    assert (np.sign(slope[10:]) == -np.sign(slope[0])).all()
    assert np.abs(slope).min() > 3 * np.abs(step.table[:20, 0]).mean()


def test_a_row_alone_is_as_among_others_and_the_unseen_are_like_all(fitted):
    step, _, _, _ = fitted
    asked = pl.Series(["c03", "never seen", None, ""], dtype=pl.String)
    many = np.column_stack(step.many(asked))
    assert [list(step.one(one)) for one in asked] == many.tolist()
    assert many[1:].tolist() == [[0, 0]] * 3


def test_training_rows_are_given_what_other_folds_say(fitted):
    step, columns, values, task = fitted
    assert not np.array_equal(np.column_stack(columns), np.column_stack(step.many(values)))
    single = pl.Series("c", [f"only {one}" for one in range(60)])
    truth, folds = (np.arange(60) % 2).astype(float), np.arange(60) % 5
    _, own = CategoryEmbedding.fit("c", single, truth, np.ones((60, 1)), folds, task=task, dimensions=2)
    np.testing.assert_allclose(np.column_stack(own), 0, atol=1e-12)  # a category of one row says nothing of itself


def test_equal_rows_give_equal_numbers_and_are_read_as_stored(fitted):
    step, _, _, task = fitted
    values, truth, context, folds = made(task=task)
    again, _ = CategoryEmbedding.fit("c", values, truth, context, folds, task=task, dimensions=2)
    assert again == step
    read = CategoryEmbedding.from_json(step.to_json(), read_tensors(write_tensors(step.tensors())))
    assert read == step
    assert read.one("c03") == step.one("c03")


def test_without_context_it_is_the_category_s_own_level():
    # residuals +-0.5, weights 1/4, prior 10 rows of weight 1/4: category a of 10 ones gives 10 * 0.5 / (2.5 + 2.5) = 1
    values, truth = pl.Series("c", ["a"] * 10 + ["b"] * 10), np.array([1.0] * 10 + [0.0] * 10)
    step, _ = CategoryEmbedding.fit(
        "c", values, truth, np.empty((20, 0)), np.arange(20) % 2, task="classification", dimensions=3
    )
    assert step.table == pytest.approx(np.array([[1.0], [-1.0], [0.0]]))
