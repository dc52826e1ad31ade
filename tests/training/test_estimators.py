"""Estimators agree with independent implementations, rank what matters first, and can be looked up by name."""

import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.errors import ConfigError, UsageError
from assay.models.frame import LabelledFrame
from assay.models.model import from_bundle, to_bundle
from assay.training.estimators import ESTIMATORS, estimator_named, estimators_named
from assay.training.matrices import matrices


def fit(name, train, validation, *, task="classification", seed=0, params=None, metric="log_loss", to_beat=None):
    estimator = estimator_named(name, task=task)
    trainer = estimator.prepare(matrices(train, validation, task=task), seed, metric)
    return trainer.fit(estimator.complete(params or {}), to_beat=to_beat)


def by_scikit_learn(model, train):
    """The same preprocessing from scikit-learn's parts."""
    numbers, texts = ["x0", "x1", "x2", "is_home"], ["team"]
    columns = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), numbers), (OneHotEncoder(sparse_output=False), texts)
    )
    inputs = train.inputs.with_columns(pl.col("is_home").cast(pl.Float64))
    return make_pipeline(columns, StandardScaler(), model).fit(inputs, train.truth), inputs


def test_logistic_agrees_with_a_scikit_learn_pipeline(train, validation):
    reference, inputs = by_scikit_learn(LogisticRegression(C=0.1, tol=1e-10, max_iter=1_000), train)
    ours = fit("logistic", train, validation, params={"C": 0.1}).predict(train.inputs)
    np.testing.assert_allclose(ours, reference.predict_proba(inputs)[:, 1], atol=1e-4)


def test_ridge_agrees_with_a_scikit_learn_pipeline(regression_train, regression_validation):
    reference, inputs = by_scikit_learn(Ridge(alpha=10.0), regression_train)
    ours = fit("ridge", regression_train, regression_validation, task="regression", params={"alpha": 10.0})
    np.testing.assert_allclose(ours.predict(regression_train.inputs), reference.predict(inputs), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_what_matters_is_ranked_first(train, validation, name):
    importance = fit(name, train, validation).importance()
    assert next(iter(importance)) == "x0"
    assert sum(importance.values()) == pytest.approx(1)
    assert list(importance.values()) == sorted(importance.values(), reverse=True)
    assert set(importance) == set(train.features)


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_equal_seeds_fit_equal_models(train, validation, name):
    once, again = (fit(name, train, validation, seed=3).scorer.to_bytes() for _ in range(2))
    assert once == again


def test_lightgbm_stops_where_validation_is_best(train, validation):
    fitted = fit("lightgbm", train, validation)
    assert 1 < fitted.details["rounds"] < 500
    assert f"Tree={fitted.details['rounds'] - 1}\n" in fitted.scorer.text
    assert f"Tree={fitted.details['rounds']}\n" not in fitted.scorer.text


def test_lightgbm_gives_up_what_cannot_win(train, validation):
    full = fit("lightgbm", train, validation, params={"learning_rate": 0.01})
    cut = fit("lightgbm", train, validation, params={"learning_rate": 0.01}, to_beat=0.2)
    assert cut.was_pruned
    assert not full.was_pruned
    assert cut.details["rounds"] <= full.details["rounds"]


def test_lightgbm_gives_nothing_up_for_a_metric_it_cannot_watch(train, validation):
    assert not fit("lightgbm", train, validation, metric="roc_auc", to_beat=0.0).was_pruned


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_preprocessing_is_that_of_the_training_rows_alone(train, validation, name):
    fitted = fit(name, train, validation)
    learnt = fitted.fitted_arrays()
    assert learnt
    for key, array in fitted.refit_preprocessing(train).items():
        np.testing.assert_array_equal(learnt[key], array)
    both = train.take(pl.concat([train.rows, validation.rows]))
    elsewhere = fitted.refit_preprocessing(both)
    assert any(not np.array_equal(learnt[key], elsewhere[key]) for key in learnt)


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_columns_without_information_do_no_harm(train, validation, name):
    def emptied(frame):
        nothing = pl.lit(None, dtype=pl.Float64)
        return frame.take(frame.rows.with_columns(x2=nothing, is_home=pl.lit(True)))

    fitted = fit(name, emptied(train), emptied(validation))
    assert np.isfinite(fitted.predict(validation.inputs)).all()
    assert fitted.importance()["x2"] == 0


def test_lightgbm_learns_regression(regression_train, regression_validation):
    fitted = fit("lightgbm", regression_train, regression_validation, task="regression", metric="mae")
    error = np.abs(fitted.predict(regression_validation.inputs) - regression_validation.truth).mean()
    spread = np.abs(regression_validation.truth - regression_train.truth.mean()).mean()
    assert error < 0.25 * spread


def test_every_default_lies_in_its_range():
    for estimator in ESTIMATORS:
        for name, dimension in estimator.space.items():
            assert dimension.low <= estimator.defaults[name] <= dimension.high


def test_logistic_stands_for_ridge_where_numbers_are_predicted():
    assert [one.name for one in estimators_named(["logistic", "ridge", "lightgbm"], task="regression")] == [
        "ridge",
        "lightgbm",
    ]


def test_unknown_names_are_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"'lightbgm'.*Closest: 'lightgbm'"):
        estimator_named("lightbgm", task="classification")
    with pytest.raises(ConfigError, match="empty"):
        estimators_named([], task="classification")
    with pytest.raises(UsageError, match=r"'num_leafs'.*Closest: 'num_leaves'"):
        estimator_named("lightgbm", task="regression").complete({"num_leafs": 3})
    with pytest.raises(UsageError, match="must be a number"):
        estimator_named("logistic", task="classification").complete({"C": "1"})


def churn(assay_data) -> LabelledFrame:
    rows = pl.read_csv(assay_data / "telco_churn" / "Telco-Customer-Churn.csv", null_values=[" "])
    rows = rows.with_columns(Churn=(pl.col("Churn") == "Yes").cast(pl.Int8))
    return LabelledFrame(rows, "customerID", "Churn", tuple(rows.columns[1:-1]))


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_telco_churn_is_told_apart_as_well_as_published(assay_data, name):
    """Area under the curve over 5 folds; defaults, early stopping inside each fold's own training rows."""
    frame = churn(assay_data)
    areas = []
    for learn, test in StratifiedKFold(5, shuffle=True, random_state=0).split(frame.truth, frame.truth):
        cut = len(learn) * 4 // 5
        order = np.random.default_rng(0).permutation(learn)
        fitted = fit(name, frame.take(frame.rows[order[:cut]]), frame.take(frame.rows[order[cut:]]))
        held_out = frame.take(frame.rows[test])
        areas.append(roc_auc_score(held_out.truth, fitted.predict(held_out.inputs)))
    assert np.mean(areas) >= 0.83


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_a_churn_model_serves_what_it_scored_in_training(assay_data, name):
    frame = churn(assay_data)
    fitted = fit(name, frame.take(frame.rows[:5_000]), frame.take(frame.rows[5_000:]))
    model = from_bundle(to_bundle(fitted, sample=frame.inputs))
    assert model.scorer_kind == "onnx"
    np.testing.assert_allclose(model.predict(frame.inputs), fitted.predict(frame.inputs), atol=1e-6)
    assert model.metadata["params"] == fitted.params
