"""Window expressions against sums done by hand, the present row counted in."""

import math
import statistics
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.features import naming, windows

GAMES = pl.DataFrame(
    {
        "team": ["a", "b", "a", "a", "b", "a"],
        "season": [1, 1, 1, 2, 2, 2],
        "points": [10, 100, 20, None, 200, 60],
        "won": [True, True, True, False, True, False],
    }
)


def test_the_last_rows_are_the_entitys_own():
    frame = GAMES.select(
        mean=windows.last_rows("points", 2, "mean", entity="team"),
        total=windows.last_rows("points", 3, "sum", entity="team", at_least=2),
        spread=windows.last_rows("points", 5, "std", entity="team"),
        most=windows.last_rows("points", 5, "max", entity="team"),
    )
    assert frame["mean"].to_list() == [10, 100, 15, 20, 150, 60]
    assert frame["total"].to_list() == [None, None, 30, 30, 300, 80]
    assert frame["spread"].to_list()[:3] == [None, None, pytest.approx(math.sqrt(50))]
    assert frame["most"].to_list() == [10, 100, 20, 20, 200, 60]
    with pytest.raises(UsageError, match="Give 1 or more"):
        windows.last_rows("points", 0, "mean", entity="team")


def test_so_far_starts_anew_in_each_season():
    within = ["team", "season"]
    frame = GAMES.select(
        mean=windows.so_far("points", "mean", within=within),
        count=windows.so_far("points", "count", within=within),
        total=windows.so_far("points", "sum", within=["team"]),
    )
    assert frame["mean"].to_list() == [10, 100, 15, None, 200, 60]
    assert frame["count"].to_list() == [1, 1, 2, 0, 1, 1]
    assert frame["total"].to_list() == [10, 100, 30, 30, 300, 90]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=30))
def test_a_streak_counts_up_while_true_and_down_while_false(games):
    expected, running = [], dict.fromkeys("ab", 0)
    for team, won in games:
        before = running[team]
        running[team] = (max(before, 0) + 1) if won else (min(before, 0) - 1)
        expected.append(running[team])
    frame = pl.DataFrame(games, schema={"team": pl.String, "won": pl.Boolean}, orient="row")
    assert frame.select(windows.streak("won", entity="team"))["won"].to_list() == expected


def test_lags_and_days():
    assert GAMES.select(windows.lag("points", 1, entity="team"))["points"].to_list() == [None, None, 10, 20, 100, None]
    moments = pl.DataFrame({"then": [datetime(2020, 1, 1, 12, tzinfo=UTC)], "now": [datetime(2020, 1, 3, tzinfo=UTC)]})
    assert moments.select(windows.days_between("then", "now")).item() == pytest.approx(1.5)


@given(st.integers(0, 10**13))
def test_days_of_a_row_alone_are_its_days_among_others(microseconds):
    start = datetime(2020, 1, 1, tzinfo=UTC)
    rows = pl.DataFrame({"then": [start] * 9}).with_columns(now=pl.col("then") + pl.duration(microseconds=microseconds))
    days = windows.days_between("then", "now").alias("days")
    assert rows.select(days)["days"][5] == rows[:1].select(days).item()
    whole = rows.with_columns(now=pl.col("then").dt.offset_by(f"{microseconds % 9_999}d"))
    assert whole.select(days)["days"][5] == microseconds % 9_999


VALUES = st.lists(st.one_of(st.none(), st.integers(-100, 100)), min_size=1, max_size=30)


@given(VALUES, st.integers(1, 5))
def test_windows_in_one_call_are_named_as_features_and_agree_with_plain_python(values, n):
    frame = pl.DataFrame({"team": ["a"] * len(values), "x": values}, schema={"team": pl.String, "x": pl.Int64})
    made = frame.select(**windows.recent("x", entity="team", feature="points", windows=(n,), unit="g"))
    assert made.columns == [f"team_points_{n}g_{how}" for how in ("mean", "std", "min", "max")]
    for place in range(len(values)):
        known = [one for one in values[max(0, place - n + 1) : place + 1] if one is not None]
        expected = [statistics.fmean(known), None, min(known), max(known)] if known else [None] * 4
        if len(known) > 1:
            expected[1] = statistics.stdev(known)
        assert list(made.row(place)) == pytest.approx(expected, abs=1e-6)


@given(VALUES)
def test_all_so_far_agrees_with_plain_python(values):
    frame = pl.DataFrame({"team": ["a"] * len(values), "x": values}, schema={"team": pl.String, "x": pl.Int64})
    made = frame.select(
        **{how: windows.so_far("x", how, within=["team"]) for how in ("mean", "sum", "count", "std", "min", "max")}
    )
    for place in range(len(values)):
        known = [one for one in values[: place + 1] if one is not None]
        row = made.row(place, named=True)
        assert row["count"] == len(known)
        assert row["min"] == (min(known) if known else None)
        assert row["max"] == (max(known) if known else None)
        assert row["std"] == (pytest.approx(statistics.stdev(known), abs=1e-6) if len(known) > 1 else None)


def test_lags_count_back_from_the_next_event():
    frame = pl.DataFrame({"team": ["a"] * 4 + ["b"], "x": [1, 2, 3, 4, 9]})
    made = frame.select(**windows.lags("x", entity="team", feature="points", rows=(1, 3), unit="g"))
    assert made["team_points_1g_lag"].to_list() == [1, 2, 3, 4, 9]
    assert made["team_points_3g_lag"].to_list() == [None, None, 1, 2, None]
    assert list(windows.lags("x", entity="e", feature="f")) == ["e_f_1n_lag", "e_f_7n_lag", "e_f_30n_lag"]


def test_recent_beside_all_so_far():
    frame = pl.DataFrame({"team": ["a"] * 4, "x": [0, 0, 4, 8]})
    made = frame.select(**windows.beside_all("x", 2, entity="team", feature="points", unit="g"))
    assert made.row(3, named=True) == {
        "team_points_2g_mean": 6.0, "team_points_all_mean": 3.0, "team_points_2g_delta": 3.0
    }  # fmt: skip


def test_days_are_windows_of_time_and_not_of_rows():
    days = [1, 2, 8, 9]
    frame = pl.DataFrame(
        {"team": ["a"] * 4, "at": [datetime(2026, 3, day, tzinfo=UTC) for day in days], "x": [1, 2, 4, None]}
    )
    made = frame.select(
        total=windows.last_days("x", 7, "sum", entity="team", time="at"),
        n=windows.last_days("x", 7, "count", entity="team", time="at"),
    )
    assert made["total"].to_list() == [1, 3, 6, 4]  # the first of March is exactly seven days before the eighth
    assert made["n"].to_list() == [1, 2, 2, 1]
    with pytest.raises(UsageError, match="Give 1 or more"):
        windows.last_days("x", 0, "sum", entity="team", time="at")


def test_time_and_rows_since_a_flag_was_true():
    frame = pl.DataFrame(
        {"team": ["a", "a", "b", "a"], "at": [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3, 5)],
         "won": [True, False, False, None]}
    )  # fmt: skip
    last = frame.with_columns(since=windows.time_of_last("won", time="at", entity="team"))
    assert last.select(days=windows.days_between("since", "at"))["days"].to_list() == pytest.approx([0, 1, None, 4])
    assert frame.select(rows=windows.rows_since("won", entity="team"))["rows"].to_list() == [0, 1, None, 2]


def test_every_name_that_is_made_follows_the_rule():
    names = [
        *windows.recent("x", entity="team", feature="points", unit="g"),
        *windows.lags("x", entity="team", feature="points"),
        *windows.beside_all("x", 10, entity="team", feature="points", unit="g"),
    ]
    assert len(names) == 12 + 3 + 3
    assert [name for name in names if naming.problem(name, entity="team")] == []
