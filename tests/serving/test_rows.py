"""A row is checked by hand exactly as its JSON Schema says."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.models.signature import FeatureSpec, Signature
from assay.serving.rows import RowSchema, row_schema

SIGNATURE = Signature(
    (FeatureSpec("points", "number"), FeatureSpec("home", "flag"), FeatureSpec("league", "category")),
    "classification",
    "won",
)
SCHEMA = row_schema(SIGNATURE, entities=("team",), inputs=("home", "weather"), key="game", time="starts")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA.json_schema())

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.just("x" * 1_001),
    st.just([]),
)
rows = st.dictionaries(
    st.sampled_from(["team", "home", "weather", "game", "points", "league", "extra"]), scalars, max_size=7
)


@given(rows)
@settings(max_examples=400, deadline=None)
def test_check_and_json_schema_agree(row: dict[str, Any]):
    is_valid = VALIDATOR.is_valid(row)
    assert (SCHEMA.check(row, index=0) == []) == is_valid


def test_a_key_written_as_a_float_is_the_whole_number():
    row = {"team": 5.0, "home": True, "weather": None}
    assert SCHEMA.check(row, index=0) == []
    assert repr(row["team"]) == "5"


def fault(row: object, schema: RowSchema = SCHEMA) -> tuple[str, str]:
    (one,) = schema.check(row, index=3)
    return one.field, one.reason


def test_a_fault_names_the_row_the_field_and_what_was_needed():
    good = {"team": "lions", "home": True, "weather": "dry"}
    assert SCHEMA.check(good, index=0) == []
    assert fault({**good, "points": "many"}) == ("rows[3].points", "must be a number or null, not 'many'")
    assert fault({**good, "home": 1}) == ("rows[3].home", "must be true, false or null, not 1")
    assert fault({**good, "point": 1})[0] == "rows[3].point"
    assert fault({"team": "lions", "home": True}) == ("rows[3].weather", "is required")
    assert fault([1]) == ("rows[3]", "must be an object, not a list")
    assert "within" in fault({**good, "points": 1e39})[1]
    assert "1000 characters" in fault({**good, "league": "x" * 1001})[1]


def test_a_row_that_brings_every_feature_needs_no_entity():
    assert SCHEMA.check({"points": 1, "home": None, "league": "east"}, index=0) == []


@pytest.mark.parametrize("text", ["2026-11-21T19:30:00Z", "2026-11-21T19:30:00.123+02:00"])
def test_times_need_an_offset(text: str):
    good = {"team": 7, "home": True, "weather": 1.5}
    assert SCHEMA.check({**good, "starts": text}, index=0) == []
    for wrong in ("2026-11-21T19:30:00", "yesterday", "0001-01-01T00:00:00+10:00", ""):
        assert fault({**good, "starts": wrong})[0] == "rows[3].starts"
