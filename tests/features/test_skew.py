"""Skew: equal vectors pass, and every difference is counted under its feature."""

import polars as pl
import pytest

from assay.errors import DataError
from assay.features.skew import compare

SERVED = pl.DataFrame({"id": [1, 2, 3], "a": [0.1, 0.2, None], "b": ["x", "y", None], "c": [True, False, None]})


def test_equal_vectors_pass_in_any_order():
    found = compare(SERVED, SERVED.reverse(), key="id", features=["a", "b", "c"])
    assert (found.kind, found.verdict, found.figures["n"]) == ("features.skew", "pass", 3)


def test_the_last_digits_of_a_sum_do_not_count():
    again = SERVED.with_columns(a=pl.Series([0.1 + 1e-12, 0.2, None]))
    assert compare(SERVED, again, key="id", features=["a"]).verdict == "pass"


def test_differences_are_counted_by_feature():
    again = SERVED.with_columns(a=pl.Series([0.1, 0.7, 0.3]), b=pl.Series(["x", "z", None]))
    found = compare(SERVED, again, key="id", features=["a", "b", "c"])
    assert found.verdict == "fail"
    assert found.figures["skew"] == {
        "a": {"n_different": 2, "largest": pytest.approx(0.5), "examples": [2, 3]},
        "b": {"n_different": 1, "largest": 0.0, "examples": [2]},
    }
    assert "2 of 3 features differ" in found.summary
    assert "most often a, in 2 of 3" in found.summary


def test_what_cannot_be_compared_is_named():
    with pytest.raises(DataError, match=r"recomputed rows have no \['c'\]"):
        compare(SERVED, SERVED.drop("c"), key="id", features=["c"])
    with pytest.raises(DataError, match="1 of 3 served rows were not recomputed"):
        compare(SERVED, SERVED.head(2), key="id", features=["a"])
