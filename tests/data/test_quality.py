"""The quality score: clean data is let through, spoilt data is not, and each point is explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.data import corruption

from assay.config.settings import Expectation, Source
from assay.data import dimensions, event_time, quality, sources
from assay.data.formats import irregular_share
from assay.models.frame import LabelledFrame

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TELCO = Source(path="telco_churn/Telco-Customer-Churn.csv", key=("customerID",))
NBA = Source(
    path="nba_elo/nbaallelo.parquet",
    key=("game_id", "_iscopy"),
    time="date_game",
    time_format="%m/%d/%Y",
    null_values=("NULL",),
    known_before=("lg_id", "year_id", "team_id", "opp_id", "game_location", "is_playoffs", "elo_i", "opp_elo_i"),
)


def raw(name: str, source: Source, folder: Path) -> pl.DataFrame:
    return sources.read(name, source, folder).collect().drop("event_time", "known_at", strict=False)


def score(rows: pl.DataFrame, source: Source, labels_of) -> float:
    frame = event_time.add("rows", rows.lazy(), rows.schema, source)
    found = quality.assess({"rows": frame}, {"rows": source}, labels=labels_of(frame.collect()), now=NOW, minimum=18)
    assert found.verdict == ("fail" if found.figures["score"] < 18 else "pass")
    return found.figures["score"]


def telco_labels(rows: pl.DataFrame) -> LabelledFrame:
    return LabelledFrame(rows.head(5_000), "customerID", "Churn", ())


def nba_labels(rows: pl.DataFrame) -> LabelledFrame:
    one_a_game = rows.filter(pl.col("_iscopy").cast(pl.String) == "0").head(58_139)
    names = ("team_id", "opp_id", "is_playoffs", "game_location")
    return LabelledFrame(one_a_game, "game_id", "game_result", names, "event_time")


def spoil(rows: pl.DataFrame, how: str) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    if how in ("blanked", "all"):
        rows = corruption.blanked(rows, share=0.4, rng=rng)
    if how in ("repeated", "all"):
        rows = corruption.repeated(rows, share=0.3, rng=rng)
    if how in ("formats", "all"):
        rows = corruption.mixed_formats(rows, share=0.3, rng=rng)
    return rows


SPOILT = ["blanked", "repeated", "formats", "all"]


@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_telco_data_is_stopped(assay_data, how):
    assert score(spoil(raw("telco", TELCO, assay_data), how), TELCO, telco_labels) < 18


@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_nba_data_is_stopped(assay_data, how):
    assert score(spoil(raw("games", NBA, assay_data).tail(30_000), how), NBA, nba_labels) < 18


def test_clean_real_data_is_let_through(assay_data):
    assert score(raw("telco", TELCO, assay_data), TELCO, telco_labels) >= 22
    assert score(raw("games", NBA, assay_data), NBA, nba_labels) >= 22
    assert score(raw("games", NBA, assay_data).tail(30_000), NBA, nba_labels) >= 22


def test_spoilt_data_is_stopped_even_where_nothing_was_declared_and_no_labels_could_be_made(assay_data):
    bare = Source(path="x.csv")
    rows = spoil(raw("telco", TELCO, assay_data), "all")
    assert score(rows, bare, lambda _: None) < 18
    assert score(raw("telco", TELCO, assay_data), bare, lambda _: None) >= 22


@pytest.mark.parametrize(("share", "expected"), [(0.0, 5.0), (0.01, 5.0), (0.255, 2.5), (0.5, 0.0), (0.9, 0.0)])
def test_completeness_is_linear_between_one_and_fifty_percent_missing(share, expected):
    n = 1_000
    rows = pl.DataFrame({"v": [None if row < share * n else 1.0 for row in range(n)]}, schema={"v": pl.Float64})
    assert dimensions.completeness(rows.lazy(), Source(path="x.csv")).score == pytest.approx(expected)


def test_blank_text_and_nan_are_missing_and_optional_columns_do_not_count():
    rows = pl.DataFrame({"a": ["x", " "], "b": [1.0, float("nan")], "notes": [None, None]})
    source = Source(path="x.csv", expectations=(Expectation(column="notes", nullable=True),))
    assert dimensions.completeness(rows.lazy(), source).figures["missing"] == pytest.approx(0.5)


def test_declared_columns_weigh_four_times_as_much_as_others():
    rows = pl.DataFrame({"key": [1, 2], "other": [None, None]})
    # (1 * 0 + 0.25 * 1) / 1.25 = 0.2
    assert dimensions.completeness(rows.lazy(), Source(path="x.csv", key=("key",))).figures["missing"] == pytest.approx(
        0.2
    )


@pytest.mark.parametrize(("n_rows", "expected"), [(40, 0.0), (100, 0.0), (5_050, 2.5), (10_000, 5.0), (30_000, 5.0)])
def test_volume_is_linear_between_a_hundred_and_ten_thousand_rows_of_the_rarest_class(n_rows, expected):
    rows = pl.DataFrame({"id": range(2 * n_rows), "y": [0, 1] * n_rows})
    labels = LabelledFrame(rows, "id", "y", ())
    assert dimensions.volume(labels, 0).score == pytest.approx(expected)


def test_volume_counts_the_rarest_class_once_a_key_and_all_rows_of_a_quantity():
    rows = pl.DataFrame({"id": [*range(300), *range(300)], "y": [*[1] * 30, *[0] * 270] * 2})
    assert dimensions.volume(LabelledFrame(rows, "id", "y", ()), 0).figures == {"rows": 300, "rarest_class": 30}
    amounts = pl.DataFrame({"id": range(300), "y": np.arange(300.0)})
    assert dimensions.volume(LabelledFrame(amounts, "id", "y", ()), 0).figures == {"rows": 300, "rarest_class": None}


@pytest.mark.parametrize(("days", "expected"), [(0, 5.0), (1, 5.0), (3.5, 2.5), (6, 0.0), (90, 0.0), (-3, 5.0)])
def test_each_missed_refresh_costs_a_point_of_timeliness(days, expected):
    source = Source(path="x.csv", time="at", refresh=timedelta(days=1))
    newest = NOW - timedelta(days=days)
    assert dimensions.timeliness(newest, source, now=NOW).score == pytest.approx(expected)


def test_the_newest_row_can_be_told_where_the_frames_end_earlier():
    source = Source(path="x.csv", time="at", refresh=timedelta(days=1))
    rows = pl.DataFrame({"at": ["2026-01-01"]})
    frame = event_time.add("s", rows.lazy(), rows.schema, source)
    scores = [
        quality.assess({"s": frame}, {"s": source}, labels=None, now=NOW, minimum=0, newest=newest).figures
        for newest in (None, {"s": NOW})
    ]
    assert [one["dimensions"]["timeliness"]["score"] for one in scores] == [0.0, 5.0]


def test_what_cannot_be_measured_has_no_score_and_the_rest_is_scaled():
    found = quality.assess(
        {"s": pl.DataFrame({"v": range(10_000)}).lazy()}, {"s": Source(path="x.csv")}, labels=None, now=NOW, minimum=18
    )
    assert found.figures["undefined"] == ["accuracy", "timeliness", "relevance"]
    assert found.figures["score"] == 30.0  # completeness, consistency and volume, 5 each, times 6 / 3


def test_the_worst_of_several_sources_counts_for_half():
    good, bad = pl.DataFrame({"v": [1, 2]}), pl.DataFrame({"v": [None, None]}, schema={"v": pl.Int64})
    found = quality.assess(
        {"good": good.lazy(), "bad": bad.lazy()},
        {name: Source(path="x.csv") for name in ("good", "bad")},
        labels=None,
        now=NOW,
        minimum=18,
    )
    completeness = found.figures["dimensions"]["completeness"]
    assert completeness["score"] == pytest.approx((2.5 + 0) / 2)
    assert completeness["why"].startswith("bad: ")
    assert any(one["what"].startswith("bad: Fill 'v'") for one in found.figures["fixes"])


def test_relevance_sees_what_explains_the_label_and_is_not_fooled_by_noise():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 2_000)
    noise = {f"noise_{n}": rng.normal(size=2_000) for n in range(20)}
    rows = pl.DataFrame({"id": range(2_000), "y": y, **noise})
    assert dimensions.relevance(LabelledFrame(rows, "id", "y", ())).score < 0.7
    told = rows.with_columns(
        a=pl.Series(y + rng.normal(size=2_000)), b=pl.Series(y % 2 == 0), c=pl.Series(y.astype(str))
    )
    assert dimensions.relevance(LabelledFrame(told, "id", "y", ())).score == 5.0


@pytest.mark.parametrize(
    ("values", "share"),
    [
        (["Yes", "No"] * 40 + ["YES"] * 10 + [" no"] * 10, 0.2),
        (["1", "2.5"] * 45 + ["3 USD"] * 10, 0.1),
        (["6/16/2015", "12/1/2015"] * 45 + ["2015-06-16"] * 10, 0.1),
        ([f"A{n}-{n}" for n in range(500)], 0.0),
        (["Some free text", "and some more"] * 10, 0.0),
        ([None, ""], 0.0),
    ],
)
def test_irregular_formats_are_a_share_of_the_values(values, share):
    assert irregular_share(pl.Series(values)) == pytest.approx(share)
