"""Spreads: the share of values and their distribution, counted by hand."""

import math
from datetime import UTC, datetime

import polars as pl
import pytest

from assay.features.statistics import BINS, spreads


def test_shares_and_distributions_by_hand():
    rows = pl.LazyFrame(
        {
            "number": [*range(96), None, None, None, None],
            "text": ["a"] * 60 + ["b"] * 40,
            "flag": [True] * 75 + [False] * 25,
            "same": [7] * 100,
            "empty": pl.Series([None] * 100, dtype=pl.Float64),
            "day": [datetime(2026, 1, 1, tzinfo=UTC)] * 50 + [datetime(2026, 3, 1, tzinfo=UTC)] * 50,
        }
    )
    n_rows, found = spreads(rows, rows.collect_schema().names())
    assert n_rows == 100
    assert {name: one.coverage for name, one in found.items()} == {
        "number": 0.96, "text": 1, "flag": 1, "same": 1, "empty": 0, "day": 1,
    }  # fmt: skip
    assert len(found["number"].counts) == BINS
    assert sum(found["number"].counts) == 96
    assert max(found["number"].counts) - min(found["number"].counts) <= 2
    assert found["number"].words == "0 to 95, median 47.5"
    assert (found["text"].counts, found["text"].words) == ((60, 40), "2 values, most often 'a' (60%)")
    assert found["flag"].counts == (75, 25)
    assert (found["same"].counts, found["empty"].counts) == ((100,), ())
    assert found["day"].words == "2026-01-01 to 2026-03-01"


def test_far_values_do_not_squeeze_the_rest_into_one_bin():
    values = [*range(1_000), 10**12]
    _, found = spreads(pl.LazyFrame({"x": values}), ["x"])
    assert sum(found["x"].counts) == 1_001
    assert min(found["x"].counts) > 20
    assert found["x"].words == "0 to 1,000,000,000,000, median 500"


def test_without_rows_nothing_is_known():
    n_rows, found = spreads(pl.LazyFrame({"x": []}, schema={"x": pl.Float64}), ["x"])
    assert n_rows == 0
    assert math.isnan(found["x"].coverage)
    assert found["x"].words == "no value"


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt16, pl.Float32, pl.Date, pl.String, pl.Boolean])
def test_every_stored_type_is_drawn(dtype):
    values = pl.Series("x", [1, 2, 3]).cast(pl.String if dtype is pl.String else dtype)
    _, found = spreads(pl.LazyFrame({"x": values}), ["x"])
    assert sum(found["x"].counts) == 3
