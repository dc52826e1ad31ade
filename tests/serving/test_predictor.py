"""The predictor looks up what a row lacks, and what a row brings counts first."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from assay.models.model import Model
from assay.serving.predictor import EntityMissing, Predictor
from assay.serving.rows import RowSchema

ROW = {"team": "lions", "home": True}
ALL = {"points": 101.0, "home": False, "league": "west"}


def test_a_given_feature_counts_before_the_looked_up_one_and_so_does_null(predictor: Predictor):
    values = predictor.values([ROW, {**ROW, "points": 3.0}, {**ROW, "points": None}])
    assert [one["points"] for one in values] == [110.0, 3.0, None]
    assert {one["league"] for one in values} == {"east"}


def test_only_rows_that_lack_features_are_looked_up(model: Model, schema: RowSchema):
    asked: list[Any] = []

    def look_up(rows: Sequence[Any]) -> pl.DataFrame:
        asked.extend(rows)
        return pl.DataFrame({"points": [1.0] * len(rows), "league": ["east"] * len(rows)})

    predictor = Predictor(model, "win@1.0.0", look_up, schema)
    values = predictor.values([ALL, ROW, ALL])
    assert asked == [ROW]
    assert values == [ALL, {"points": 1.0, "home": True, "league": "east"}, ALL]


def test_an_unknown_entity_is_named_with_its_row_in_the_request(model: Model, schema: RowSchema):
    def look_up(rows: Sequence[Any]) -> Any:
        raise EntityMissing(row=0, field="team", key=rows[0]["team"])

    predictor = Predictor(model, "win@1.0.0", look_up, schema)
    with pytest.raises(EntityMissing, match="row 2: nothing is known of team 'lions'"):
        predictor.predict([ALL, ALL, ROW])


@pytest.mark.parametrize("n", [1, 16, 17, 200])
def test_one_by_one_and_in_a_frame_the_answers_are_the_same(predictor: Predictor, frame: pl.DataFrame, n: int):
    rows = frame.head(n).to_dicts()
    expected = predictor.model.predict(frame.head(n))
    assert [one.probability for one in predictor.predict(rows)] == pytest.approx(expected, abs=1e-7)


def test_the_threshold_turns_probability_into_a_class(model: Model, schema: RowSchema):
    probability = model.predict_one(ALL)
    for threshold, expected in ((probability, 1), (probability + 1e-9, 0)):
        predictor = Predictor(model, "win@1.0.0", lambda _rows: [], schema, threshold=threshold)
        assert predictor.predict([ALL])[0].value == expected
