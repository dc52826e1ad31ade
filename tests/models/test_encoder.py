"""The encoder gives every kind its code, knows unseen from missing, and answers one row as it answers many."""

import json
import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError
from assay.models.encoder import MAX_VOCABULARY, Encoder
from assay.models.signature import infer_signature

TRAIN = pl.DataFrame(
    {
        "points": [1.5, None, 3.0, 4.0],
        "is_home": [True, False, None, True],
        "team": ["LAL", "BOS", "BOS", None],
    }
)


def fitted(train: pl.DataFrame = TRAIN) -> Encoder:
    return Encoder.fit(train, infer_signature(train, task="classification", label="won"))


def test_codes_are_by_frequency_then_unseen_then_null():
    rows = pl.DataFrame({"points": [1.0] * 4, "is_home": [True] * 4, "team": ["BOS", "LAL", "NYK", None]})
    assert fitted().encode(rows)[:, 2].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_numbers_and_flags_become_float32_with_nan_for_null_and_infinities():
    rows = pl.DataFrame(
        {
            "points": [1.5, None, math.inf, -math.inf, 1e300],
            "is_home": [True, False, None, True, True],
            "team": ["BOS"] * 5,
        }
    )
    encoded = fitted().encode(rows)
    assert encoded.dtype == np.float32
    assert encoded.flags.c_contiguous
    np.testing.assert_array_equal(encoded[:, 0], [1.5, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(encoded[:, 1], [1, 0, np.nan, 1, 1])


def test_columns_are_found_by_name_whatever_their_order():
    extra = TRAIN.select("team", pl.lit(7).alias("other"), "is_home", "points")
    np.testing.assert_array_equal(fitted().encode(extra), fitted().encode(TRAIN))


def test_an_absent_column_is_named():
    with pytest.raises(DataError, match=r"lack \['is_home'\]"):
        fitted().encode(TRAIN.drop("is_home"))


@pytest.mark.parametrize(
    ("column", "values"), [("points", ["1", "2"]), ("team", [1, 2]), ("is_home", [date(2026, 1, 1)] * 2)]
)
def test_a_column_of_the_wrong_type_is_named(column, values):
    rows = TRAIN.head(2).with_columns(pl.Series(column, values))
    with pytest.raises(DataError, match=repr(column)):
        fitted().encode(rows)


@pytest.mark.parametrize(
    ("row", "name"), [(["1.5", True, "BOS"], "points"), ([1.5, "yes", "BOS"], "is_home"), ([1.5, True, 7], "team"),
                      ([[1], True, "BOS"], "points"), ([b"1", True, "BOS"], "points")],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_named(row, name):
    with pytest.raises(DataError, match=repr(name)):
        fitted().encode_row(row)


def test_a_vocabulary_is_bounded_and_keeps_the_most_frequent():
    names = [f"c{number:03d}" for number in range(400)]
    train = pl.DataFrame({"city": [*names, "c399", "c398"]})
    vocabulary = fitted(train).vocabularies["city"]
    assert len(vocabulary.categories) == MAX_VOCABULARY
    assert vocabulary.categories[:3] == ("c398", "c399", "c000")


def test_columns_without_any_value_are_encoded():
    train = pl.DataFrame({"a": [None, None], "b": pl.Series([None, None], dtype=pl.String)})
    np.testing.assert_array_equal(fitted(train).encode(train), [[np.nan, 1], [np.nan, 1]])
    np.testing.assert_array_equal(fitted(train).encode_row([None, "new"]), [[np.nan, 0]])
    untyped = train.with_columns(pl.Series("b", [None, None]))
    np.testing.assert_array_equal(fitted(train).encode(untyped), [[np.nan, 1], [np.nan, 1]])


def test_no_rows_make_an_empty_matrix():
    assert fitted().encode(TRAIN.clear()).shape == (0, 3)


def test_an_integer_beyond_a_float_is_as_good_as_missing():
    assert np.isnan(fitted().encode_row([10**400, True, "BOS"])[0, 0])
    assert np.isnan(fitted().encode_row([1e300, True, "BOS"])[0, 0])


ROWS = st.tuples(
    st.none() | st.floats(allow_nan=True) | st.integers(-(2**62), 2**62),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["BOS", "LAL"]) | st.text(st.characters(codec="utf-8")),
)


@given(row=ROWS)
def test_one_row_is_encoded_as_in_a_frame(row):
    number = float(row[0]) if row[0] is not None else None
    frame = pl.DataFrame(
        [[number], [row[1]], [row[2]]], schema={"points": pl.Float64, "is_home": pl.Boolean, "team": pl.String}
    )
    np.testing.assert_array_equal(fitted().encode_row(row), fitted().encode(frame))


def test_an_encoder_survives_json():
    encoder = fitted()
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    np.testing.assert_array_equal(again.encode(TRAIN), encoder.encode(TRAIN))


def test_fitted_arrays_change_with_the_rows_they_were_fitted_on():
    more = pl.concat([TRAIN, TRAIN.head(1)])
    assert fitted().fitted_arrays()["encoder.team.counts"].tolist() == [2, 1]
    assert fitted(more).fitted_arrays()["encoder.team.counts"].tolist() == [2, 2]
