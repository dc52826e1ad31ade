"""A model goes to a bundle and back unchanged, answers a row as it answers a frame, and proves its ONNX form first."""

import json
import time
from dataclasses import dataclass, field

import lightgbm
import numpy as np
import polars as pl
import pytest

from assay.errors import DataError, IntegrityError, UsageError
from assay.models.bundle import Bundle
from assay.models.calibrator import PlattCalibrator
from assay.models.encoder import Encoder
from assay.models.linear import Expansion, LinearScorer
from assay.models.model import from_bundle, to_bundle
from assay.models.recipe import Recipe
from assay.models.signature import infer_signature
from assay.models.trees import TreeScorer


@dataclass
class Parts:
    """What training hands over."""

    signature: object
    encoder: object
    scorer: object
    metadata: dict = field(default_factory=lambda: {"estimator": "by hand"})

    @property
    def recipe(self) -> Recipe:
        return Recipe.unchanged(self.signature.features)


def rows(n=500, *, seed=0, width=3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = {f"x{position}": rng.normal(size=n).round(2) for position in range(width)}
    frame = pl.DataFrame(numbers | {"team": rng.choice(["a", "b", "c"], n), "is_home": rng.random(n) < 0.5})
    return frame.with_columns(x1=pl.when(pl.col("x1") > 1).then(None).otherwise(pl.col("x1")))


def parts(kind: str, *, task="classification", train: pl.DataFrame | None = None, rounds=30) -> Parts:
    train = rows() if train is None else train
    signature = infer_signature(train, task=task, label="y")
    encoder = Encoder.fit(train, signature)
    matrix = encoder.encode(train)
    if kind == "linear":
        expansion = Expansion.fit(matrix, encoder)
        weights = np.linspace(-1, 1, len(expansion.column))
        return Parts(signature, encoder, LinearScorer(task, len(signature.features), expansion, weights, 0.1))
    truth = (matrix[:, 0] + (matrix[:, -2] == 1) > 0.3).astype(float)
    objective = "binary" if task == "classification" else "regression"
    data = lightgbm.Dataset(matrix, truth, categorical_feature=[len(signature.features) - 2])
    booster = lightgbm.train({"objective": objective, "verbosity": -1, "num_threads": 1}, data, rounds)
    return Parts(signature, encoder, TreeScorer(task, len(signature.features), booster.model_to_string()))


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("kind", ["linear", "lightgbm"])
def test_a_bundle_answers_as_what_was_fitted(kind, task):
    fitted = parts(kind, task=task)
    bundle = to_bundle(fitted, sample=rows())
    model = from_bundle(bundle)
    assert model.scorer_kind == "onnx"
    assert {"model.json", "model.onnx", fitted.scorer.filename} == set(bundle.files)
    native = fitted.scorer.score(fitted.encoder.encode(rows(seed=1)))
    np.testing.assert_allclose(model.predict(rows(seed=1)), native, atol=1e-5)
    assert model.size_bytes == bundle.size_bytes
    assert model.metadata["estimator"] == "by hand"
    assert model.metadata["scorer"]["parity"]["difference"] <= 1e-5


@pytest.mark.parametrize("kind", ["linear", "lightgbm"])
def test_one_row_is_answered_as_in_a_frame(kind):
    model = from_bundle(to_bundle(parts(kind), sample=rows(), calibrator=PlattCalibrator(1.5, -0.2)))
    others = rows(50, seed=2).with_columns(pl.lit("zzz").alias("team"))
    expected = model.predict(others)
    for row, value in zip(others.iter_rows(named=True), expected, strict=True):
        assert model.predict_one(row | {"ignored": object()}) == pytest.approx(value, abs=1e-9)


def test_the_calibrator_is_applied():
    plain = from_bundle(to_bundle(parts("linear"), sample=rows()))
    calibrator = PlattCalibrator(0.5, 1.0)
    calibrated = from_bundle(to_bundle(parts("linear"), sample=rows(), calibrator=calibrator))
    np.testing.assert_allclose(calibrated.predict(rows()), calibrator.apply(plain.predict(rows())))


def test_a_model_of_one_feature_answers():
    train = rows().select("x0")
    fitted = parts("linear", train=train)
    model = from_bundle(to_bundle(fitted, sample=train))
    assert model.predict_one({"x0": 0.5}) == pytest.approx(model.predict(pl.DataFrame({"x0": [0.5]}))[0])


def test_absent_features_are_named():
    model = from_bundle(to_bundle(parts("linear"), sample=rows()))
    with pytest.raises(DataError, match=r"lacks \['is_home'\].*null"):
        model.predict_one({"x0": 1, "x1": 1, "x2": 1, "team": "a"})
    with pytest.raises(DataError, match=r"lack \['is_home'\]"):
        model.predict(rows().drop("is_home"))


def test_no_rows_get_no_answers():
    for kind in ("linear", "lightgbm"):
        assert from_bundle(to_bundle(parts(kind), sample=rows())).predict(rows().clear()).shape == (0,)


class _OffBy(LinearScorer):
    """A linear model whose graph is wrong on purpose."""

    def score(self, matrix):
        return super().score(matrix) + 1e-3


def test_a_graph_that_answers_otherwise_is_left_out_and_the_reason_kept():
    fitted = parts("linear")
    true = fitted.scorer
    fitted.scorer = _OffBy(true.task, true.n_features, true.expansion, true.coefficient, true.intercept)
    bundle = to_bundle(fitted, sample=rows())
    model = from_bundle(bundle)
    assert model.scorer_kind == "linear"
    assert "model.onnx" not in bundle.files
    assert "ONNX differs by 0.001" in model.metadata["scorer"]["parity"]["reason"]
    assert model.predict_one(rows().row(0, named=True)) == pytest.approx(model.predict(rows().head(1))[0])


def test_trees_without_a_graph_are_scored_natively():
    train = rows()
    fitted = parts("lightgbm", train=train)
    matrix = fitted.encoder.encode(train)
    settings = {"objective": "binary", "zero_as_missing": True, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, (matrix[:, 0] > 0).astype(float)), 5)
    fitted.scorer = TreeScorer("classification", matrix.shape[1], booster.model_to_string())
    model = from_bundle(to_bundle(fitted, sample=train))
    assert model.scorer_kind == "lightgbm"
    np.testing.assert_array_equal(model.predict(train), fitted.scorer.score(matrix))


def test_an_unknown_format_or_scorer_is_refused():
    bundle = to_bundle(parts("linear"), sample=rows())
    document = json.loads(bundle.read("model.json"))
    with pytest.raises(UsageError, match="format 3"):
        from_bundle(bundle.with_file("model.json", json.dumps(document | {"format": 3}).encode()))
    document["scorer"]["kind"] = "abacus"
    with pytest.raises(IntegrityError, match="abacus"):
        from_bundle(bundle.with_file("model.json", json.dumps(document).encode()))


def test_damaged_graphs_are_refused():
    bundle = to_bundle(parts("linear"), sample=rows())
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        from_bundle(Bundle({**bundle.files, "model.onnx": b"not a graph"}))


def test_a_row_of_seventy_features_takes_well_under_a_millisecond():
    train = rows(2_000, width=70)
    model = from_bundle(to_bundle(parts("lightgbm", train=train, rounds=200), sample=train))
    row = train.row(0, named=True)
    times = []
    for _ in range(300):
        started = time.perf_counter()
        model.predict_one(row)
        times.append(time.perf_counter() - started)
    assert sorted(times)[150] < 5e-4  # about 3e-5 on a quiet machine
