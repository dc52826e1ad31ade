"""The label of a frame is read as numbers, or refused with what to do."""

import polars as pl
import pytest

from assay.errors import DataError
from assay.models.frame import LabelledFrame


def labelled(values: list[object]) -> LabelledFrame:
    return LabelledFrame(pl.DataFrame({"id": range(len(values)), "left": values}), key="id", label="left", features=())


def test_the_truth_is_the_label_as_numbers() -> None:
    assert labelled([True, False]).truth.tolist() == [1.0, 0.0]
    assert labelled(["1", "0"]).truth.tolist() == [1.0, 0.0]


def test_a_label_of_words_is_refused_with_its_values_and_the_remedy() -> None:
    with pytest.raises(DataError, match=r"'left' holds 'yes', 'no', which are no numbers.*target\.positive"):
        _ = labelled(["yes", None, "no", "yes"]).truth


def test_questions_hold_everything_but_the_answer():
    rows = pl.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0], "y": [0, 1]})
    assert LabelledFrame(rows, "id", "y", ("x",)).questions.columns == ["id", "x"]
