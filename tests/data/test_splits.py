"""Splits: rows in are rows out, nothing is shared, and time-dependent rows are never cut at random."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.settings import Source, Split
from assay.data import leakage, sources, splits
from assay.errors import ConfigError, DataError, LeakageFound

START = datetime(2026, 1, 1, tzinfo=UTC)


def rows_on(days: list[int], groups: list[str] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(len(days)),
            "at": [START + timedelta(days=day) for day in days],
            "who": groups or [f"p{number}" for number in range(len(days))],
        },
        schema={"id": pl.Int64, "at": pl.Datetime("us", "UTC"), "who": pl.String},
    )


def cut(rows: pl.DataFrame, *, time: str | None = "at", group: str | None = None, **declared: object) -> splits.Cut:
    return splits.cut(rows, key="id", time=time, group=group, split=Split(**declared))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), min_size=40, max_size=200).filter(lambda labels: 10 <= sum(labels) <= len(labels) - 10))
def test_a_stratified_cut_gives_each_part_the_same_shares_of_the_labels(labels):
    rows = rows_on([0] * len(labels)).with_columns(left=pl.Series(labels))
    split = Split(by="random", stratify=True, validation=0.2, holdout=0.2, seed=3)
    found = splits.cut(rows, key="id", time=None, group=None, split=split, label="left")
    assert sorted(ids(found.train) + ids(found.validation) + ids(found.holdout)) == list(range(len(labels)))
    for value in (True, False):
        n = labels.count(value)
        for part in (found.validation, found.holdout):
            assert abs(part.filter(pl.col("left") == value).height - 0.2 * n) <= 1
    again = splits.cut(rows.reverse(), key="id", time=None, group=None, split=split, label="left")
    assert sorted(ids(again.holdout)) == sorted(ids(found.holdout))


def test_numbers_are_no_strata():
    rows = rows_on([0] * 60).with_columns(amount=pl.arange(60, eager=True))
    with pytest.raises(ConfigError, match="'amount' has 60 values, more than 50"):
        splits.cut(rows, key="id", time=None, group=None, split=Split(by="random", stratify=True), label="amount")


def ids(part: pl.DataFrame) -> list[int]:
    return part["id"].to_list()


def test_rows_with_a_time_are_cut_by_time_in_the_declared_shares():
    found = cut(rows_on(list(range(20))), validation=0.2, holdout=0.1)
    assert (ids(found.train), ids(found.validation), ids(found.holdout)) == (
        list(range(14)),
        list(range(14, 18)),
        [18, 19],
    )
    assert found.holdout_from == START + timedelta(days=18)


def test_a_declared_moment_is_the_first_that_is_no_longer_in_the_part():
    found = cut(rows_on(list(range(10))), train_until="2026-01-05", validation_until="2026-01-08")
    assert (ids(found.train), ids(found.validation), ids(found.holdout)) == ([0, 1, 2, 3], [4, 5, 6], [7, 8, 9])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=60).filter(lambda days: len(set(days)) > 8))
def test_a_time_cut_loses_no_row_keeps_moments_together_and_never_looks_back(days):
    rows = rows_on(days)
    try:
        found = cut(rows)
    except (ConfigError, DataError):  # one crowded day can leave a part empty; that is refused, not fudged
        return
    assert sorted(ids(found.train) + ids(found.validation) + ids(found.holdout)) == list(range(len(days)))
    assert found.train["at"].max() < found.validation["at"].min()
    assert found.validation["at"].max() < found.holdout["at"].min()
    assert leakage.check_split(found, key="id", time="at", group=None).verdict == "pass"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=40, max_size=80), st.integers(0, 5))
def test_a_group_cut_keeps_groups_whole_and_loses_no_row(groups, seed):
    rows = rows_on([0] * len(groups), groups)
    try:
        found = cut(rows, time=None, group="who", seed=seed)
    except DataError:
        return
    parts = [found.train, found.validation, found.holdout]
    assert sum(part.height for part in parts) == rows.height
    assert sum(part["who"].n_unique() for part in parts) == rows["who"].n_unique()


def test_a_random_cut_depends_on_keys_and_seed_but_not_on_row_order():
    rows = rows_on([0] * 200)
    first, again, other = (cut(rows[order], time=None, seed=seed) for order, seed in [
        (np.arange(200), 1), (np.random.default_rng(0).permutation(200), 1), (np.arange(200), 2),
    ])  # fmt: skip
    assert sorted(ids(first.holdout)) == sorted(ids(again.holdout)) != sorted(ids(other.holdout))
    assert (first.train.height, first.validation.height, first.holdout.height) == (140, 30, 30)


def test_a_group_in_a_time_cut_is_left_out_of_later_parts_and_counted():
    rows = rows_on(list(range(10)), ["a", "b", "c", "a", "d", "b", "e", "f", "f", "g"])
    found = cut(rows, group="who", train_until="2026-01-05", validation_until="2026-01-08")
    assert (ids(found.train), ids(found.validation), ids(found.holdout)) == ([0, 1, 2, 3], [4, 6], [7, 8, 9])
    assert found.n_left_out == 1  # row 5, whose group b is in train
    assert found.n_left_out + sum(found.evidence.figures[name] for name in splits.PARTS) == 10
    assert leakage.check_split(found, key="id", time="at", group="who").verdict == "pass"


@pytest.mark.parametrize("by", ["random", "group"])
def test_time_dependent_rows_are_not_cut_at_random(by):
    with pytest.raises(LeakageFound, match="prediction time, column 'at'"):
        cut(rows_on(list(range(10))), by=by, group="who")


def test_duplicate_keys_are_refused_with_column_count_and_examples():
    rows = rows_on([0, 1, 2]).with_columns(id=pl.Series([7, 7, 8]))
    with pytest.raises(LeakageFound, match="column 'id' should name one row, but 1 of its values") as refusal:
        cut(rows)
    assert "such as 7: 1 rows too many" in str(refusal.value)


@pytest.mark.parametrize(
    ("rows", "declared", "error", "said"),
    [
        (rows_on([0] * 30), {}, DataError, "nearly all rows share one moment"),
        (
            rows_on(list(range(9))),
            {"train_until": "2026-01-07", "validation_until": "2026-01-05"},
            ConfigError,
            "not before",
        ),
        (rows_on(list(range(9))), {"train_until": "2026-02-01"}, DataError, "outside the data"),
        (
            rows_on(list(range(9))),
            {"train_until": "2026-01-05", "validation_until": "2026-03-01"},
            DataError,
            "holdout would",
        ),
        (rows_on(list(range(9))).with_columns(at=pl.col("at").dt.date()), {}, DataError, "not a time in UTC"),
        (rows_on(list(range(9))).with_columns(id=pl.lit(None, pl.Int64)), {}, DataError, "9 of 9 rows .* have no 'id'"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_what_to_do(rows, declared, error, said):
    with pytest.raises(error, match=said):
        cut(rows, **declared)


def test_a_cut_by_time_or_group_needs_such_a_column():
    with pytest.raises(ConfigError, match=r"target\.time"):
        cut(rows_on([0] * 9), time=None, by="time")
    with pytest.raises(ConfigError, match=r"target\.group"):
        cut(rows_on([0] * 9), time=None, by="group")


def test_check_split_names_what_parts_share():
    rows = rows_on(list(range(10)))
    leaky = splits.Cut(rows[:6], rows[5:8], rows[7:], "time", n_rows=12)
    found = leakage.check_split(leaky, key="id", time="at", group=None)
    assert found.verdict == "fail"
    assert "2 values of 'id' are in more than one part" in found.summary
    assert "validation begins on 2026-01-06 ('at'), before train ends on 2026-01-06" in found.summary


@pytest.fixture(scope="module")
def games(assay_data):
    source = Source(path="nba_elo/nbaallelo.parquet", time="date_game", time_format="%m/%d/%Y")
    return sources.read("games", source, assay_data).collect()


def test_nba_seasons_are_cut_where_the_moments_say(games):
    rows = games.filter(pl.col("_iscopy") == 0)
    split = Split(train_until="2011-07-01", validation_until="2013-07-01")
    found = splits.cut(rows, key="game_id", time="event_time", group=None, split=split)
    assert (found.train.height, found.validation.height, found.holdout.height) == (58_139, 1_074 + 1_314, 1_319 + 1_311)
    assert set(found.holdout["year_id"].cast(pl.Int64).unique()) == {2014, 2015}


def test_mirrored_nba_rows_are_refused_by_key_and_found_by_their_teams(games):
    with pytest.raises(LeakageFound, match="63,157 rows too many"):
        splits.cut(games, key="game_id", time="event_time", group=None, split=Split())
    by_key = leakage.check_duplicates(games, key="game_id")
    assert (by_key.verdict, by_key.figures["repeated_keys"]) == ("fail", 126_314)
    renamed = games.with_columns(row=pl.int_range(pl.len()))
    by_teams = leakage.check_duplicates(renamed, key="row", time="event_time", entities=("team_id", "opp_id"))
    assert (by_teams.verdict, by_teams.figures["mirrored"]) == ("fail", 126_314)
    one_side = renamed.filter(pl.col("_iscopy") == 0)
    assert (
        leakage.check_duplicates(one_side, key="game_id", time="event_time", entities=("team_id", "opp_id")).verdict
        == "pass"
    )
