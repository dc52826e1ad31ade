"""Baselines answer every row, and a rule that does not is told so by name."""

import polars as pl
import pytest

from assay.errors import DataError
from assay.training.baselines import no_information, rule

ROWS = pl.DataFrame({"elo": [0.2, 0.9, 0.5]})


def test_no_information_is_the_training_mean(train, regression_train):
    assert no_information(train, "classification").predict(ROWS).tolist() == [train.truth.mean()] * 3
    assert no_information(regression_train, "regression").predict(ROWS)[0] == regression_train.truth.mean()


def test_no_information_needs_rows(train):
    with pytest.raises(DataError, match="no training rows"):
        no_information(train.take(train.rows.clear()), "classification")


@pytest.mark.parametrize(
    "function",
    [
        lambda rows: rows["elo"],
        lambda rows: rows["elo"].to_numpy(),
        lambda rows: rows["elo"].to_list(),
        lambda rows: rows.select("elo"),
    ],
)
def test_a_rule_may_answer_in_any_common_form(function):
    assert rule("elo", function).predict(ROWS).tolist() == [0.2, 0.9, 0.5]


def test_flags_are_certain_probabilities():
    assert rule("favourite", lambda rows: rows["elo"] > 0.4).predict(ROWS).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda rows: rows["elo"].head(2), "2 scores for 3 rows"),
        (lambda rows: pl.Series([0.1, None, 0.2]), "1 of 3 rows without a score"),
        (lambda rows: rows["elo"] * 2, r"from 0\.4 to 1\.8.*\[0, 1\]"),
        (lambda rows: pl.Series(["a", "b", "c"]), "type String"),
    ],
)
def test_a_rule_that_answers_badly_is_named(function, message):
    with pytest.raises(DataError, match=rf"rule 'mine'.*{message}"):
        rule("mine", function).predict(ROWS)


def test_a_regression_rule_may_answer_any_number():
    assert rule("double", lambda rows: rows["elo"] * 2, task="regression").predict(ROWS).max() == 1.8


def test_a_rule_answers_no_rows():
    assert rule("elo", lambda rows: rows["elo"]).predict(ROWS.clear()).shape == (0,)
