"""Time travel: a feature that uses the present or the future is found by recomputation, an honest one is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Source
from assay.data import sources
from assay.data.leakage import check_time_travel
from assay.errors import DataError
from assay.models.frame import LabelledFrame

START = datetime(2026, 1, 1, tzinfo=UTC)
SALES = pl.DataFrame(
    {
        "who": ["a", "b"] * 50,
        "known_at": [START + timedelta(days=day) for day in range(100)],
        "amount": np.random.default_rng(0).normal(100, 20, 100),
    }
)
LABELS = SALES.select(id=pl.int_range(100), who="who", time="known_at", y=pl.col("amount") > 100)


def mean_before(labels: pl.DataFrame, known: pl.DataFrame, *, inclusive: bool = False) -> pl.DataFrame:
    """Mean of all earlier amounts of the same customer; with `inclusive`, of the present one too."""
    on_time = pl.col("known_at") <= pl.col("time") if inclusive else pl.col("known_at") < pl.col("time")
    means = labels.join(known, on="who").filter(on_time).group_by("id").agg(spent_mean=pl.col("amount").mean())
    return labels.join(means, on="id", how="left", maintain_order="left")


def frame(rows: pl.DataFrame) -> LabelledFrame:
    return LabelledFrame(rows, "id", "y", ("spent_mean",), "time")


def recompute(moment: datetime, rows: pl.DataFrame) -> pl.DataFrame:
    known = SALES.filter(pl.col("known_at") < moment)
    return mean_before(rows.select("id", "who", "time"), known, inclusive=True).select("id", "spent_mean")


def check(rows: pl.DataFrame, again=recompute, **choices: object):
    return check_time_travel(frame(rows), recompute=again, sample=2_000, rng=np.random.default_rng(0), **choices)


def test_a_mean_of_earlier_rows_passes_with_nulls_where_there_were_none():
    found = check(mean_before(LABELS, SALES))
    assert (found.kind, found.verdict) == ("leakage.time_travel", "pass")
    assert (found.figures["moments"], found.figures["rows"]) == (40, 40)


def test_a_mean_that_includes_the_present_row_is_named_with_an_example():
    found = check(mean_before(LABELS, SALES, inclusive=True))
    assert found.verdict == "fail"
    assert "'spent_mean' uses what was not yet known at the prediction time" in found.summary
    assert found.figures["columns"]["spent_mean"]["rows"] == 40
    example = found.figures["columns"]["spent_mean"]["examples"][0]
    assert example["stored"] != example["known_then"]


def test_a_value_filled_in_from_later_is_found_where_honestly_nothing_was_known():
    rows = mean_before(LABELS, SALES).with_columns(pl.col("spent_mean").fill_null(strategy="backward"))
    found = check(rows, moments=100)
    assert found.figures["columns"]["spent_mean"]["rows"] == 2
    assert found.figures["columns"]["spent_mean"]["examples"][0]["known_then"] is None


def test_a_difference_of_rounding_is_none():
    rows = mean_before(LABELS, SALES).with_columns(pl.col("spent_mean") * (1 + 1e-9))
    assert check(rows).verdict == "pass"


def test_the_cost_is_bounded_in_moments_and_rows():
    same_moment = pl.concat([LABELS.with_columns(id=pl.col("id") + 100 * copy) for copy in range(30)])
    calls: list[int] = []

    def counted(moment: datetime, rows: pl.DataFrame) -> pl.DataFrame:
        calls.append(rows.height)
        return recompute(moment, rows)

    check_time_travel(
        frame(mean_before(same_moment, SALES)), recompute=counted, sample=50, rng=np.random.default_rng(0), moments=10
    )
    assert calls == [5] * 10


def test_moments_are_spread_over_the_whole_time():
    seen: list[datetime] = []

    def noted(moment: datetime, rows: pl.DataFrame) -> pl.DataFrame:
        seen.append(moment)
        return recompute(moment, rows)

    check(mean_before(LABELS, SALES), noted, moments=4)
    assert [(moment - START).days // 25 for moment in seen] == [0, 1, 2, 3]


def test_a_recomputation_that_loses_rows_or_columns_is_refused():
    with pytest.raises(DataError, match="1 rows went into the recomputation, 0 came out"):
        check(mean_before(LABELS, SALES), lambda moment, rows: recompute(moment, rows).clear())
    with pytest.raises(DataError, match="lacks \\['spent_mean'\\]"):
        check(mean_before(LABELS, SALES), lambda moment, rows: rows.select("id"))


def test_rows_without_time_have_nothing_to_travel_in():
    timeless = LabelledFrame(LABELS, "id", "y", ())
    found = check_time_travel(timeless, recompute=recompute, sample=10, rng=np.random.default_rng(0))
    assert found.verdict == "info"


@pytest.fixture(scope="module")
def games(assay_data):
    source = Source(path="nba_elo/nbaallelo.parquet", time="date_game", time_format="%m/%d/%Y", delay=timedelta(days=1))
    frame = sources.read("games", source, assay_data).filter(pl.col("year_id").cast(pl.Int64) >= 2010)
    return frame.select("game_id", "_iscopy", "team_id", "pts", "game_result", "event_time", "known_at").collect()


def form(labels: pl.DataFrame, known: pl.DataFrame, *, include_present: bool = False) -> pl.DataFrame:
    """Mean points of the team's last ten games, joined before tip-off, or with the game's own row among them."""
    rolling = known.sort("known_at", maintain_order=True).with_columns(
        points_10g_mean=pl.col("pts").rolling_mean(10, min_samples=1).over("team_id")
    )
    right = "event_time" if include_present else "known_at"
    joined = labels.sort("event_time", maintain_order=True).join_asof(
        rolling.sort(right).select("team_id", "points_10g_mean", __right__=right),
        left_on="event_time",
        right_on="__right__",
        by="team_id",
        allow_exact_matches=True,
        check_sortedness=False,
    )
    return joined.drop("__right__", strict=False)


@pytest.mark.parametrize(("include_present", "verdict"), [(False, "pass"), (True, "fail")])
def test_a_rolling_mean_over_real_games_leaks_only_with_the_present_game_in_it(games, include_present, verdict):
    labels = (
        games.filter(pl.col("_iscopy") == 0).with_columns(y=(pl.col("game_result") == "W").cast(pl.Int8)).drop("pts")
    )
    stored = form(labels, games, include_present=include_present)

    def as_of(moment: datetime, rows: pl.DataFrame) -> pl.DataFrame:
        known = games.filter(pl.col("known_at") <= moment)  # known the day after, so the moment itself is earlier games
        return form(rows.drop("points_10g_mean"), known, include_present=include_present)

    found = check_time_travel(
        LabelledFrame(stored, "game_id", "y", ("points_10g_mean",), "event_time"),
        recompute=as_of,
        sample=500,
        rng=np.random.default_rng(0),
    )
    assert found.verdict == verdict
