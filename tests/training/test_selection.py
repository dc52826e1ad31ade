"""Selection: information as a trusted implementation counts it, interactions that are found, and what is dropped."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score
from tests.training.conftest import make_frame

from assay.config.settings import Interactions, Selection, Training, TransformRule
from assay.data import leakage
from assay.errors import ConfigError
from assay.models.frame import LabelledFrame
from assay.models.model import from_bundle, to_bundle
from assay.training.matrices import matrices
from assay.training.search import search
from assay.training.selection import candidates, choose, label_codes, mutual_information

CODES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=60)


@given(CODES)
def test_information_is_that_of_a_trusted_count_less_the_bias(rows):
    column = pl.Series([f"c{one}" for one, _ in rows])
    label = np.array([two for _, two in rows])
    cells = len({*rows}), len({one for one, _ in rows}), len({two for _, two in rows})
    bias = (cells[0] - cells[1] - cells[2] + 1) / (2 * len(rows))
    expected = max(0.0, mutual_info_score(column.to_list(), label) - bias)
    assert mutual_information(column, label) == pytest.approx(expected, abs=1e-12)


def test_a_copy_of_the_label_tells_all_of_it_and_noise_nothing():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, 5_000)
    assert mutual_information(label.astype(float), label) == pytest.approx(math.log(2), abs=0.001)
    assert mutual_information(rng.normal(size=5_000), label) < 0.002
    holes = np.where(label == 1, np.nan, 1.0)
    assert mutual_information(holes, label) == pytest.approx(math.log(2), abs=0.001)
    assert mutual_information(np.full(5_000, 3.0), label) == 0


@given(st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_a_rising_map_changes_it(random):
    rng = np.random.default_rng(4)
    values, label = rng.lognormal(size=300), rng.integers(0, 2, 300)
    order = list(range(300))
    random.shuffle(order)
    told = mutual_information(values, label)
    assert mutual_information(values[order], label[order]) == pytest.approx(told, abs=1e-12)
    assert mutual_information(values**3, label) == pytest.approx(told, abs=1e-12)


def test_a_number_to_predict_is_binned():
    truth = np.random.default_rng(1).normal(size=2_000)
    codes = label_codes(truth, "regression")
    assert len(np.unique(codes)) == 16
    assert mutual_information(truth, codes) > 2.5
    assert label_codes(np.array([0.0, 1.0]), "classification").tolist() == [0, 1]


def test_the_candidates_of_three_columns():
    made = candidates(["a", "b", "c"], Interactions(), zeros={"a": 0, "b": 3, "c": 0}.__getitem__)
    assert {one.name for one in made} == {
        "b / a", "a - b", "a / c", "c / a", "a - c", "b / c", "b - c", "a * b", "a * c", "b * c", "a^2", "b^2", "c^2"
    } - {"c / a"}  # fmt: skip
    deep = candidates(["a", "b"], Interactions(kinds=("product", "polynomial"), depth=3), zeros=lambda _: 0)
    assert {one.name for one in deep} == {"a^2", "a * b", "b^2", "a^3", "a^2 * b", "a * b^2", "b^3"}
    with pytest.raises(ConfigError, match="more than 5,000 interactions"):
        candidates([f"x{one}" for one in range(80)], Interactions(), zeros=lambda _: 0)


def test_the_best_are_kept_and_the_same_again_is_not():
    rng = np.random.default_rng(1)
    columns = {"a": rng.normal(size=200), "c": rng.normal(size=200)}
    columns["b"] = -2 * columns["a"] + 1
    chosen = choose({"a": 0.5, "b": 0.4, "c": 0.1, "d": 0.0}, (columns | {"d": pl.Series(["x"] * 200)}).get, maximum=2)
    assert chosen.kept == ("a", "c")
    assert chosen.same == {"b": "a"}
    assert chosen.correlation == pytest.approx(np.corrcoef(columns["a"], columns["c"]), abs=1e-12)
    everything = choose({"a": 0.5, "b": 0.4}, columns.get, maximum=None)
    assert everything.kept == ("a", "b")


def ratio_frame(n: int, seed: int) -> LabelledFrame:
    """The label follows the ratio of two columns that tell little alone."""
    rng = np.random.default_rng(seed)
    frame = make_frame(n, seed=seed)
    debt, income = rng.lognormal(2, 1, n), rng.lognormal(2, 1, n)
    label = (np.log(debt / income) + 0.3 * rng.logistic(size=n) > 0).astype(int)
    return LabelledFrame(
        frame.rows.with_columns(debt=debt, income=income, y=label), "key", "y", (*frame.features, "debt", "income")
    )


INTERACTIONS = Training(
    transforms=(TransformRule(columns=("team",), apply=("one_hot",)),),
    interactions=Interactions(),
    selection=Selection(maximum=4),
)


@pytest.fixture(scope="module")
def ratios():
    return ratio_frame(2_000, 1), ratio_frame(500, 2)


def test_the_interaction_that_decides_is_found_and_served(ratios):
    train, validation = ratios
    found = search(
        train, validation, estimators=["lightgbm"], task="classification", trials=1, seed=0, training=INTERACTIONS
    )
    figures = found.selection.figures
    assert next(iter(figures["kept"])) in ("debt / income", "income / debt")
    assert len(figures["kept"]) == 4
    assert figures["n_candidates"] == 46  # 11 columns, 3 of each of 10 pairs, 5 squares
    size = len(figures["correlation"]["columns"])
    assert np.diag(figures["correlation"]["matrix"]) == pytest.approx(np.ones(size))
    assert sum(figures["importance"].values()) == pytest.approx(1, abs=1e-4)
    assert found.importance["debt"] > 0.3
    assert found.importance["x2"] == 0 or found.importance["x2"] < 0.1
    model = from_bundle(to_bundle(found.best, sample=train.inputs))
    expected = model.predict(validation.inputs)
    for place, row in enumerate(validation.inputs.head(50).iter_rows(named=True)):
        assert model.predict_one(row) == pytest.approx(expected[place], abs=1e-9)


def test_only_training_rows_choose_and_the_check_would_notice(ratios):
    train, validation = ratios
    rows = matrices(train, validation, task="classification", training=INTERACTIONS)
    other = validation.take(validation.rows.with_columns(y=1 - pl.col("y"), debt=pl.col("debt") ** 2))
    again = matrices(train, other, task="classification", training=INTERACTIONS)
    assert again.prepared.recipe == rows.prepared.recipe
    assert again.prepared.chosen.scores == rows.prepared.chosen.scores
    elsewhere = matrices(other, validation, task="classification", training=INTERACTIONS)
    proof = leakage.check_fitted_on_train(elsewhere.prepared.recipe.learnt(), rows.prepared.recipe.learnt())
    assert proof.verdict == "fail"


def test_selection_alone_drops_inputs_that_the_model_still_accepts(ratios):
    train, validation = ratios
    few = Training(selection=Selection(maximum=2))
    found = search(train, validation, estimators=["logistic"], task="classification", trials=1, seed=0, training=few)
    model = from_bundle(to_bundle(found.best, sample=train.inputs))
    assert model.signature.names == train.features
    assert len(model.encoder.features) == 2
    row = validation.inputs.row(0, named=True)
    assert model.predict_one(row) == pytest.approx(model.predict(validation.inputs.head(1))[0], abs=1e-9)


def test_interactions_of_what_is_not_there_are_refused(ratios):
    train, validation = ratios
    wrong = Training(interactions=Interactions(columns=("det",)))
    with pytest.raises(ConfigError, match=r"training\.interactions: no column of numbers is called 'det'"):
        matrices(train, validation, task="classification", training=wrong)
