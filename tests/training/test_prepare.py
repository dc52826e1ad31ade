"""Declared transforms: fitted on the training rows alone, labels kept out of their own rows, mistakes named."""

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Training, TransformRule
from assay.data import leakage
from assay.errors import ConfigError
from assay.models.frame import LabelledFrame
from assay.models.model import from_bundle, to_bundle
from assay.training.folds import folds_of
from assay.training.matrices import matrices
from assay.training.search import search


def rule(*apply, **options):
    return TransformRule(apply=apply, **options)


def declared(*rules):
    return Training(transforms=rules)


EVERYTHING = declared(
    rule("log", "standardise", columns=("x0",)),
    rule("robust", columns=("x1",), keep=True),
    rule("bin", columns=("x2",), bins=4),
    rule("target_encoding", columns=("team",)),
)


def made(train, validation, training):
    return matrices(train, validation, task="classification", training=training)


def test_nothing_declared_changes_nothing(train, validation):
    plain, rows = matrices(train, validation, task="classification"), made(train, validation, declared())
    assert rows.digest() == plain.digest()
    assert [spec.name for spec in rows.encoder.features] == list(train.features)


def test_columns_stand_where_their_input_stood(train, validation):
    rows = made(train, validation, EVERYTHING)
    names = [spec.name for spec in rows.encoder.features]
    assert names == ["standardise(log(x0))", "x1", "robust(x1)", "bin(x2)", "target(team)", "is_home"]
    assert rows.categories == [3]
    assert rows.train.shape == (1_500, 6)
    assert rows.signature.names == train.features


def test_nothing_of_the_validation_rows_is_learnt(train, validation):
    other = validation.take(validation.rows.with_columns(x0=pl.col("x0") * 100 + 7, y=1 - pl.col("y")))
    one, two = made(train, validation, EVERYTHING), made(train, other, EVERYTHING)
    assert one.prepared.recipe == two.prepared.recipe
    np.testing.assert_array_equal(one.train, two.train)


def test_training_rows_are_encoded_out_of_fold_and_others_by_all(train, validation):
    rows = made(train, validation, EVERYTHING)
    (encoding,) = rows.prepared.encodings
    found = leakage.check_target_encoding(
        encoding.values, train.rows[encoding.source], train.truth, encoding.folds, name=encoding.name
    )
    assert (found.verdict, found.figures["smoothing"]) == ("pass", "prior of 10 rows")
    leaking = rows.prepared.recipe.apply(train.inputs)["target(team)"]
    assert leakage.check_target_encoding(leaking, train.rows["team"], train.truth, encoding.folds).verdict == "fail"
    assert len(set(rows.validation[:, 4].tolist())) == 3


def test_folds_follow_the_key_or_the_group_and_not_the_place(train):
    folds = folds_of(train, 5)
    assert np.bincount(folds, minlength=5).min() > 200
    assert folds_of(train.take(train.rows.reverse()), 5).tolist() == folds[::-1].tolist()
    grouped = LabelledFrame(train.rows, "key", "y", train.features, group="team")
    assert len(np.unique(np.column_stack([train.rows["team"].rank("dense"), folds_of(grouped, 5)]), axis=0)) == 3


def test_auto_chooses_by_skew_and_by_the_number_of_categories(train, validation):
    rng = np.random.default_rng(1)

    def wider(frame):
        skewed, many = rng.lognormal(0, 2, len(frame)), rng.integers(0, 50, len(frame)).astype(str)
        rows = frame.rows.with_columns(skewed=skewed, many=pl.Series(many))
        return LabelledFrame(rows, "key", "y", (*frame.features, "skewed", "many"))

    rows = made(wider(train), wider(validation), declared(rule("auto")))
    names = [spec.name for spec in rows.encoder.features]
    assert names[:3] == ["x0", "x1", "x2"]
    assert sorted(names[3:6]) == ["team=a", "team=b", "team=c"]
    assert names[6:] == ["team=(other)", "team=(missing)", "is_home", "log(skewed)", "target(many)"]


def test_the_first_rule_that_fits_is_taken(train, validation):
    rows = made(train, validation, declared(rule("native", columns=("team",)), rule("one_hot", kind="category")))
    assert [spec.name for spec in rows.encoder.features] == list(train.features)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (rule("log", columns=("x9",)), "no input of the model is called 'x9'.*x0"),
        (rule("log", columns=("team",)), "'log' is for a number, and 'team' is a category.*kind: number"),
        (rule("one_hot"), "'one_hot' is for a category, and 'x0' is a number"),
    ],
)
def test_mistakes_are_named(train, validation, one, message):
    with pytest.raises(ConfigError, match=message):
        made(train, validation, declared(one))


@pytest.mark.parametrize("estimator", ["logistic", "lightgbm"])
def test_a_model_of_transforms_is_stored_read_and_proved(train, validation, estimator):
    found = search(
        train, validation, estimators=[estimator], task="classification", trials=1, seed=0, training=EVERYTHING
    )
    assert found.evidence.figures["transforms"]["reads"]["log"] == ["x0"]
    assert set(found.importance) == set(train.features)
    assert sum(found.importance.values()) == pytest.approx(1)
    proof = leakage.check_fitted_on_train(found.best.fitted_arrays(), found.best.refit_preprocessing(train))
    assert proof.verdict == "pass"
    assert any(name.startswith("transform.") for name in found.best.fitted_arrays())
    both = train.take(pl.concat([train.rows, validation.rows]))
    assert (
        leakage.check_fitted_on_train(found.best.fitted_arrays(), found.best.refit_preprocessing(both)).verdict
        == "fail"
    )
    model = from_bundle(to_bundle(found.best, sample=train.inputs))
    np.testing.assert_allclose(model.predict(validation.inputs), found.best.predict(validation.inputs), atol=1e-5)
    row = validation.inputs.row(3, named=True)
    assert model.predict_one(row) == pytest.approx(model.predict(validation.inputs)[3], abs=1e-9)
    assert model.signature.names == train.features


def test_text_and_very_many_categories_are_learnt_stored_and_served(train, validation):
    def wider(frame, seed):
        rng = np.random.default_rng(seed)
        shop = rng.integers(0, 60, len(frame)).astype(str)
        note = np.where(frame.truth == 1, "late delivery", "prompt delivery")
        note = np.where(rng.random(len(frame)) < 0.3, "nothing to say", note)
        rows = frame.rows.with_columns(shop=pl.Series(shop), note=pl.Series(note))
        return LabelledFrame(rows, "key", "y", (*frame.features, "shop", "note"))

    training = declared(
        rule("embedding", columns=("shop",), dimensions=2), rule("tfidf", columns=("note",), dimensions=2)
    )
    one, other = wider(train, 1), wider(validation, 2)
    found = search(one, other, estimators=["logistic"], task="classification", trials=1, seed=0, training=training)
    assert found.importance["note"] > 0.3
    bundle = to_bundle(found.best, sample=one.inputs)
    assert "transforms.safetensors" in bundle.files
    model = from_bundle(bundle)
    expected = model.predict(other.inputs)
    for place, row in enumerate(other.inputs.head(40).iter_rows(named=True)):
        assert model.predict_one(row) == pytest.approx(expected[place], abs=1e-9)
    proof = leakage.check_fitted_on_train(found.best.fitted_arrays(), found.best.refit_preprocessing(one))
    assert proof.verdict == "pass", proof.summary
