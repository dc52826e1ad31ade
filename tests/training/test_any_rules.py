"""Any rules over columns of every odd kind: one row as in a batch, nothing infinite, and every proof passes."""

import random

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Interactions, Selection, Training, TransformRule
from assay.data import leakage
from assay.models.frame import LabelledFrame
from assay.models.model import from_bundle, to_bundle
from assay.training.search import search

NUMBERS = ("wild", "holed", "skewed", "constant", "whole", "nothing")
CATEGORIES = ("few", "many", "words", "nowhere")
WILD = [0, 1, -1, 1e30, 1e-30, 3.5, np.inf, -np.inf, 1e308]


def odd_frame(n, seed, task):
    rng = np.random.default_rng(seed)
    rows = pl.DataFrame(
        {
            "key": np.arange(n),
            "wild": rng.choice(WILD, n),
            "holed": rng.lognormal(0, 2, n),
            "skewed": rng.lognormal(0, 2, n),
            "constant": np.ones(n),
            "whole": rng.integers(-5, 5, n),
            "few": rng.choice(["a", "b", "", "é"], n),
            "many": rng.integers(0, 200, n).astype(str),
            "words": [" ".join(rng.choice(["foo", "bar", "baz"], 3)) for _ in range(n)],
            "is_new": rng.random(n) < 0.5,
            "y": (rng.random(n) < 0.5).astype(int) if task == "classification" else rng.normal(size=n) * 100,
        }
    ).with_columns(
        holed=pl.when(pl.col("key") % 5 > 0).then("holed"),
        few=pl.when(pl.col("key") % 4 > 0).then("few"),
        nothing=pl.lit(None, dtype=pl.Float64),
        nowhere=pl.lit(None, dtype=pl.String),
    )
    return LabelledFrame(rows, "key", "y", (*NUMBERS, *CATEGORIES, "is_new"))


def any_rules(choose):
    rules = []
    for column in NUMBERS:
        apply = choose.sample(["log", "standardise", "robust"], choose.randint(0, 2)) + choose.choice([[], ["bin"]])
        if apply:
            rules.append(
                TransformRule(columns=(column,), apply=apply, keep=choose.random() < 0.4, bins=choose.randint(2, 8))
            )
    for column in CATEGORIES:
        name = choose.choice(["one_hot", "target_encoding", "embedding", "auto", "native"])
        name = choose.choice([name, "tfidf"]) if column == "words" else name
        options = {"dimensions": choose.choice([None, 1, 3]), "smoothing": choose.choice([0, 1, 10])}
        rules.append(TransformRule(columns=(column,), apply=(name,), keep=choose.random() < 0.3, **options))
    interactions = Interactions(depth=choose.choice([2, 3])) if choose.random() < 0.5 else None
    selection = Selection(maximum=choose.choice([1, 5, 50])) if choose.random() < 0.5 else None
    return Training(transforms=tuple(rules), interactions=interactions, selection=selection)


@pytest.mark.parametrize("seed", range(8))
def test_any_rules_hold_what_is_promised(seed):
    choose = random.Random(seed)
    task = choose.choice(["classification", "regression"])
    train, validation = odd_frame(300, seed, task), odd_frame(60, seed + 1_000, task)
    found = search(
        train,
        validation,
        estimators=[choose.choice(["logistic", "lightgbm"])],
        task=task,
        trials=1,
        seed=0,
        training=any_rules(choose),
    )
    model = from_bundle(to_bundle(found.best, sample=train.inputs))
    many = model.predict(validation.inputs)
    alone = [model.predict_one(row) for row in validation.inputs.iter_rows(named=True)]
    assert np.isfinite(many).all()
    np.testing.assert_allclose(alone, many, rtol=1e-7, atol=1e-9)
    refit = leakage.check_fitted_on_train(found.best.fitted_arrays(), found.best.refit_preprocessing(train))
    assert refit.verdict == "pass", refit.summary
    for one in found.prepared.encodings:
        proof = leakage.check_target_encoding(one.values, train.rows[one.source], train.truth, one.folds)
        assert proof.verdict in ("pass", "info"), proof.summary
    assert found.selection.to_json()["figures"]["n_candidates"] > 0
