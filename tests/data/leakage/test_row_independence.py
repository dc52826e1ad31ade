"""Row independence: what reads other rows changes when they are taken away."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.data.leakage import check_row_independence
from assay.errors import DataError

ROWS = pl.DataFrame({"a": np.random.default_rng(0).normal(size=300), "b": [None, 1.0, 2.0] * 100})


def check(**features: pl.Expr):
    return check_row_independence(lambda rows: rows.with_columns(**features), ROWS, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    "honest", [pl.col("a") - pl.col("b"), pl.col("b").fill_null(0), pl.col("a").abs().sqrt(), pl.lit(3)]
)
def test_a_feature_of_the_row_alone_passes(honest):
    assert check(gap=honest).verdict == "pass"


@pytest.mark.parametrize(
    "leaking",
    [
        (pl.col("a") - pl.col("a").mean()) / pl.col("a").std(),
        pl.col("a").rank(),
        pl.col("a").shift(1),
        pl.col("a").cum_sum(),
        pl.col("b").fill_null(pl.col("b").mean()),
        pl.col("a") > pl.col("a").quantile(0.9),
    ],
)
def test_a_feature_that_reads_other_rows_is_named(leaking):
    found = check(fine=pl.col("a") * 2, scaled=leaking)
    assert (found.kind, found.verdict) == ("leakage.row_independence", "fail")
    assert list(found.figures["columns"]) == ["scaled"]
    assert "'scaled' of a row changes when other rows are taken away" in found.summary


def test_a_function_that_drops_rows_is_refused():
    with pytest.raises(DataError, match="was given 300 rows and returned 200"):
        check_row_independence(lambda rows: rows.drop_nulls(), ROWS, rng=np.random.default_rng(0))


def test_no_rows_say_nothing():
    assert check_row_independence(lambda rows: rows, ROWS.clear(), rng=np.random.default_rng(0)).verdict == "info"
