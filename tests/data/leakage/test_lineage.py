"""Lineage: a feature that moves with its own row's outcome is named with the column, one of earlier outcomes is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.data.leakage import check_lineage
from assay.models.frame import LabelledFrame

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHOPS, DAYS = 30, 60


def shop_days(delay: timedelta) -> pl.DataFrame:
    """One row for each shop and day with what it sold; known `delay` after its day began."""
    rng = np.random.default_rng(0)
    days = [START + DAY * day for day in range(DAYS) for _ in range(SHOPS)]
    rows = pl.DataFrame({"id": range(SHOPS * DAYS), "shop": list(range(SHOPS)) * DAYS, "at": days})
    sold = pl.Series("sold", rng.poisson(20, len(days)).astype(float))
    return rows.with_columns(sold, known_at=pl.col("at") + delay, busy=(sold > 20).cast(pl.Int8))


def mean_so_far(source: pl.DataFrame, rows: pl.DataFrame, moment: datetime | None) -> pl.DataFrame:
    known = source if moment is None else source.filter(pl.col("known_at") < moment)
    means = known.group_by("shop").agg(sold_mean=pl.col("sold").mean(), n=pl.len())
    return rows.select("id", "shop").join(means, on="shop", how="left", maintain_order="left")


def frame(source: pl.DataFrame, *, time: str | None) -> LabelledFrame:
    asked = source.with_columns(asked=pl.col("at") + timedelta(hours=6))
    features = asked.select("id").with_columns(sold_mean=pl.lit(0.0), n=pl.lit(0))
    return LabelledFrame(asked.join(features, on="id"), "id", "busy", ("sold_mean", "n"), time)


def check(source: pl.DataFrame, *, time: str | None = "asked", recompute=mean_so_far, outcomes=("sold", "busy")):
    rng = np.random.default_rng(1)
    return check_lineage(frame(source, time=time), source, outcomes=outcomes, recompute=recompute, rng=rng)


def test_earlier_sales_are_an_honest_feature():
    found = check(shop_days(delay=DAY))
    assert (found.kind, found.verdict) == ("leakage.lineage", "pass")
    assert "no row's own outcome is in what was known before its prediction" in found.summary


def test_a_source_that_says_too_early_that_it_was_known_lets_the_own_outcome_in():
    found = check(shop_days(delay=timedelta(hours=1)))  # asked at six, "known" at one
    assert found.verdict == "fail"
    assert found.figures["moved"]["sold_mean"]["moved_by"] == ["sold"]
    assert "'sold_mean' derives from the outcome" in found.summary
    assert "when 'sold' of the very row to be predicted is changed" in found.summary


def test_a_count_of_rows_does_not_move_with_what_they_say():
    assert "n" not in check(shop_days(delay=timedelta(hours=1))).figures["moved"]


def test_an_early_source_whose_outcomes_no_feature_reads_passes():
    def rows_only(source, rows, moment):
        return mean_so_far(source.with_columns(sold=pl.lit(1.0)), rows, moment)

    assert check(shop_days(delay=timedelta(hours=1)), recompute=rows_only).verdict == "pass"


def test_without_time_a_mean_of_the_outcome_over_a_group_is_refused():
    found = check(shop_days(delay=DAY).drop("known_at"), time=None)
    assert found.verdict == "fail"
    assert "when 'sold' in any row is changed" in found.summary


def test_without_time_a_feature_of_the_gaps_in_the_outcome_is_refused():
    def is_missing(source, rows, _moment):
        gaps = source.select("id", sold_mean=pl.col("sold").is_null())
        return rows.select("id").join(gaps, on="id", maintain_order="left").with_columns(n=pl.lit(1))

    gappy = shop_days(delay=DAY).with_columns(pl.when(pl.col("id") % 3 > 0).then("sold"))
    assert check(gappy, time=None, recompute=is_missing).verdict == "fail"


@pytest.mark.parametrize("outcomes", [(), ("sold",)])
def test_where_nothing_can_be_changed_or_found_it_says_so(outcomes):
    source = shop_days(delay=DAY)
    unknown = frame(source, time="asked").take(frame(source, time="asked").rows.rename({"id": "other"}))
    unknown = LabelledFrame(unknown.rows, "other", "busy", ("sold_mean",), "asked")
    found = check_lineage(unknown, source, outcomes=outcomes, recompute=mean_so_far, rng=np.random.default_rng(0))
    assert found.verdict == "info"
