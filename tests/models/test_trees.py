"""Boosted trees as ONNX take every decision as LightGBM does, at the thresholds too, with nan and with categories."""

import lightgbm
import numpy as np
import pytest

from assay.errors import IntegrityError, UsageError
from assay.models.onnx_graph import _float32_below
from assay.models.runtime import OnnxScorer
from assay.models.trees import TreeScorer


def boosted(matrix, truth, *, objective="binary", rounds=20, categories=(), **params) -> TreeScorer:
    settings = {"objective": objective, "verbosity": -1, "num_leaves": 15, "num_threads": 1, "min_data_in_leaf": 5}
    data = lightgbm.Dataset(matrix, truth, categorical_feature=list(categories))
    booster = lightgbm.train(settings | params, data, num_boost_round=rounds)
    task = "classification" if objective == "binary" else "regression"
    return TreeScorer(task, matrix.shape[1], booster.model_to_string())


def rows(n=2_000, *, seed=0):
    """Columns: numbers, numbers with nan, tenths (many ties with thresholds), codes of 12 categories."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 4)).astype(np.float32)
    matrix[rng.random(n) < 0.2, 1] = np.nan
    matrix[:, 2] = np.round(matrix[:, 2], 1)
    matrix[:, 3] = rng.integers(0, 12, n)
    signal = matrix[:, 0] + np.nan_to_num(matrix[:, 1], nan=1.0) + matrix[:, 2] + np.isin(matrix[:, 3], [1, 4, 7])
    return matrix, (signal + rng.normal(size=n) > 0.5).astype(float)


@pytest.mark.parametrize("objective", ["binary", "regression"])
def test_the_graph_answers_as_lightgbm_does(objective):
    matrix, truth = rows()
    model = boosted(matrix, truth, objective=objective, categories=[3])
    graph = OnnxScorer(model.to_onnx())
    other, _ = rows(seed=1)
    other[:5, 3] = [12, 13, 99, 11, 0]  # codes for unseen and null among them
    np.testing.assert_allclose(graph.score(other), model.score(other), atol=2e-6)
    assert graph.score_row(other[:1]) == graph.score(other)[0]


def test_inputs_at_and_beside_each_threshold_go_the_same_way():
    # targets in the thousands: one wrong turn would show far above the rounding of sums
    matrix, truth = rows()
    model = boosted(matrix, truth * 1_000, objective="regression", rounds=30)
    thresholds = {}
    for tree in model.dump()["tree_info"]:
        stack = [tree["tree_structure"]]
        while stack:
            node = stack.pop()
            if "split_feature" in node:
                thresholds.setdefault(node["split_feature"], set()).add(node["threshold"])
                stack += [node["left_child"], node["right_child"]]
    probes = []
    for feature, values in thresholds.items():
        for value in values:
            nearest = np.float32(value)
            for near in (
                nearest,
                np.nextafter(nearest, np.float32(-np.inf)),
                np.nextafter(nearest, np.float32(np.inf)),
            ):
                row = matrix[len(probes) % len(matrix)].copy()
                row[feature] = near
                probes.append(row)
    probes = np.array(probes, dtype=np.float32)
    np.testing.assert_allclose(OnnxScorer(model.to_onnx()).score(probes), model.score(probes), atol=1e-2)


def test_nan_where_training_had_none_is_read_as_zero():
    matrix, truth = rows()
    model = boosted(matrix, truth)
    probe = matrix[:50].copy()
    probe[:, 0] = np.nan
    as_zero = probe.copy()
    as_zero[:, 0] = 0.0
    graph = OnnxScorer(model.to_onnx())
    np.testing.assert_array_equal(graph.score(probe), graph.score(as_zero))
    np.testing.assert_allclose(graph.score(probe), model.score(probe), atol=2e-6)


def test_a_model_without_a_split_answers_its_constant():
    matrix = np.zeros((100, 2), dtype=np.float32)
    model = boosted(matrix, np.r_[np.ones(30), np.zeros(70)], rounds=1)
    np.testing.assert_allclose(OnnxScorer(model.to_onnx()).score(matrix[:3]), 0.3, atol=1e-6)


@pytest.mark.parametrize("threshold", [0.1, -0.1, 0.5, 1e-35, 1.7e308, -1.7e308, 16777217.0, 0.30000000000000004])
def test_rounding_down_keeps_every_float32_on_its_side(threshold):
    bound = np.float32(_float32_below(threshold))
    assert float(bound) <= threshold
    with np.errstate(over="ignore"):
        assert float(np.nextafter(bound, np.float32(np.inf))) > threshold


def test_what_the_graph_cannot_say_is_refused():
    matrix, truth = rows()
    with pytest.raises(UsageError, match="zero as missing"):
        boosted(matrix, truth, zero_as_missing=True).to_onnx()
    averaged = boosted(matrix, truth, boosting="rf", bagging_freq=1, bagging_fraction=0.5)
    with pytest.raises(UsageError, match="scored natively"):
        averaged.to_onnx()


def test_no_rows_score_to_nothing_and_gain_goes_to_what_was_split():
    matrix, truth = rows()
    model = boosted(matrix[:, :1], truth)
    assert model.score(matrix[:0, :1]).shape == (0,)
    assert model.importance().shape == (1,)
    assert model.importance()[0] > 0


def test_damaged_text_is_refused():
    with pytest.raises(IntegrityError, match="not a LightGBM model"):
        TreeScorer("classification", 1, "tree\nnonsense")
