"""Window expressions against sums done by hand, the present row counted in."""

import math
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.features import windows

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


@pytest.mark.parametrize(
    ("part", "moment", "share"),
    [
        ("hour", datetime(2020, 1, 1, 6, tzinfo=UTC), 1 / 4),
        ("weekday", datetime(2020, 1, 6, tzinfo=UTC), 0),
        ("month", datetime(2020, 7, 1, tzinfo=UTC), 1 / 2),
    ],
)
def test_a_cycle_comes_back_to_its_start(part, moment, share):
    sine, cosine = windows.cyclical("time", part)
    frame = pl.DataFrame({"time": [moment]}).select(sine=sine, cosine=cosine)
    assert frame.row(0) == (pytest.approx(math.sin(2 * math.pi * share)), pytest.approx(math.cos(2 * math.pi * share)))
