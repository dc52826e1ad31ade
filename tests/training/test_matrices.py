"""Rows that cannot be learnt from are refused, and the message names the column and what to do."""

import polars as pl
import pytest

from assay.errors import DataError
from assay.training.matrices import matrices


def changed(frame, **columns):
    return frame.take(frame.rows.with_columns(**columns))


def test_both_frames_are_encoded_by_the_training_rows(train, validation):
    unseen = changed(validation, team=pl.lit("zzz"))
    rows = matrices(train, unseen, task="classification")
    assert rows.train.shape == (1_500, 5)
    assert rows.validation.shape == (600, 5)
    assert set(rows.validation[:, 3]) == {3.0}
    assert rows.categories == [3]


def test_a_single_class_is_refused(train, validation):
    with pytest.raises(DataError, match=r"'y' is 1 in all 1,500 training rows.*target\.positive"):
        matrices(changed(train, y=pl.lit(1)), validation, task="classification")


def test_a_constant_number_is_refused(regression_train, regression_validation):
    with pytest.raises(DataError, match=r"'y' is 2\.5 in all"):
        matrices(changed(regression_train, y=pl.lit(2.5)), regression_validation, task="regression")


@pytest.mark.parametrize("part", ["training", "validation"])
def test_no_rows_are_refused(train, validation, part):
    empty = train.take(train.rows.clear())
    with pytest.raises(DataError, match=f"no {part} rows.*split"):
        matrices(*((empty, validation) if part == "training" else (train, empty)), task="classification")


def test_missing_labels_are_counted(train, validation):
    holed = changed(validation, y=pl.when(pl.col("key") < 3).then(None).otherwise(pl.col("y")))
    with pytest.raises(DataError, match="'y' is missing in 3 of 600 validation rows"):
        matrices(train, holed, task="classification")


def test_a_class_other_than_0_and_1_is_shown(train, validation):
    with pytest.raises(DataError, match=r"must be 0 or 1, but training rows hold \[2\.0\]"):
        matrices(changed(train, y=pl.col("y") + 1), validation, task="classification")


def test_a_label_of_text_is_refused(train, validation):
    with pytest.raises(DataError, match=r"'y' has type String.*target\.positive"):
        matrices(changed(train, y=pl.lit("yes")), validation, task="classification")


def test_booleans_are_labels(train, validation):
    rows = matrices(changed(train, y=pl.col("y") == 1), validation, task="classification")
    assert rows.train_truth.tolist() == train.truth.tolist()


def test_features_without_a_value_are_named(train, validation):
    nothing = pl.lit(None, dtype=pl.Float64)
    empty = changed(train, x2=nothing, team=pl.lit(None, dtype=pl.String))
    assert matrices(empty, validation, task="classification").without_values() == ("x2", "team")


def test_the_digest_follows_the_rows(train, validation):
    once = matrices(train, validation, task="classification").digest()
    assert once == matrices(train, validation, task="classification").digest()
    moved = changed(train, x0=pl.when(pl.col("key") == 0).then(0.5).otherwise(pl.col("x0")))
    assert once != matrices(moved, validation, task="classification").digest()
