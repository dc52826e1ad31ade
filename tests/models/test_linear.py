"""A linear model imputes, marks, one-hots and standardises by training arrays, and its ONNX graph agrees."""

import numpy as np
import polars as pl
import pytest

from assay.models.encoder import Encoder
from assay.models.linear import MAX_ONE_HOT, Expansion, LinearScorer, logistic
from assay.models.runtime import OnnxScorer
from assay.models.signature import infer_signature

TRAIN = pl.DataFrame({"x": [1.0, 3.0, None, 8.0], "team": ["a", "a", "b", None]})


def encoded(frame: pl.DataFrame = TRAIN):
    encoder = Encoder.fit(frame, infer_signature(frame, task="classification", label="y"))
    return encoder.encode(frame), encoder


def scorer(task="classification", *, rng=None) -> LinearScorer:
    matrix, encoder = encoded()
    expansion = Expansion.fit(matrix, encoder)
    weights = (rng or np.random.default_rng(0)).normal(size=len(expansion.column))
    return LinearScorer(task, 2, expansion, weights, 0.25)


def test_expansion_matches_columns_made_by_hand():
    # x: median of (1, 3, 8) is 3, so 1 3 3 8, mean 3.75, deviation sqrt(6.6875); then a mark for the missing third
    # row, marks for a (code 0), b (code 1) and null (code 3); each mark has mean 1/4 or 1/2
    matrix, encoder = encoded()
    expansion = Expansion.fit(matrix, encoder)
    assert expansion.fill.tolist() == [3, 0, 0, 0, 0]
    np.testing.assert_allclose(expansion.mean, [3.75, 0.25, 0.5, 0.25, 0.25])
    np.testing.assert_allclose(expansion.scale[0], np.sqrt(6.6875))
    raw = expansion.apply(matrix) * expansion.scale + expansion.mean
    np.testing.assert_allclose(raw, [[1, 0, 1, 0, 0], [3, 0, 1, 0, 0], [3, 1, 0, 1, 0], [8, 0, 0, 0, 1]], atol=1e-12)


def test_training_columns_are_standardised():
    columns = (lambda pair: Expansion.fit(*pair).apply(pair[0]))(encoded())
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(columns.std(axis=0), 1, atol=1e-12)


def test_constant_and_empty_columns_become_zeros():
    matrix, encoder = encoded(pl.DataFrame({"same": [0.1] * 7, "empty": pl.Series([None] * 7, dtype=pl.Float64)}))
    assert not Expansion.fit(matrix, encoder).apply(matrix).any()


def test_rare_categories_share_the_intercept():
    frame = pl.DataFrame({"city": [f"c{number}" for number in range(100)]})
    matrix, encoder = encoded(frame)
    assert len(Expansion.fit(matrix, encoder).column) == MAX_ONE_HOT


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_graph_answers_as_numpy_does(task):
    rows = pl.DataFrame({"x": [1.0, None, -1e6, 7.5, 1e30], "team": ["a", "zzz", None, "b", "a"]})
    matrix = encoded()[1].encode(rows)
    model = scorer(task)
    graph = OnnxScorer(model.to_onnx())
    np.testing.assert_allclose(graph.score(matrix), model.score(matrix), rtol=1e-9, atol=1e-12)
    assert graph.score_row(matrix[1:2]) == pytest.approx(graph.score(matrix)[1], rel=1e-12)


def test_it_survives_its_file_exactly():
    model = scorer()
    again = LinearScorer.from_bytes(model.to_bytes())
    matrix = encoded()[0]
    np.testing.assert_array_equal(again.score(matrix), model.score(matrix))
    assert again.to_bytes() == model.to_bytes()


def test_importance_sums_the_weights_made_from_each_input():
    model = scorer()
    weights = np.abs(model.coefficient)
    np.testing.assert_allclose(model.importance(), [weights[:2].sum(), weights[2:].sum()])


def test_logistic_does_not_overflow():
    np.testing.assert_allclose(logistic(np.array([-1e4, 0.0, 1e4])), [0, 0.5, 1])
