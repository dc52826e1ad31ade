"""Building views: what is written, what is not written twice, and what readers see meanwhile."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.errors import ConfigError, DataError
from assay.features import offline
from assay.features.definitions import feature_view
from assay.features.materialize import build, compute, compute_counted
from assay.stores.online import open_online
from assay.stores.tables import open_tables

VICTIM = """
import sys, time
from datetime import UTC, date, datetime, timedelta
import polars as pl
from assay.features.definitions import feature_view
from assay.features.materialize import build
from assay.stores.online import open_online
from assay.stores.tables import open_tables

@feature_view(entity="team", source="games", features={"team_points_all_sum": "Points so far"})
def totals(games):
    return games.with_columns(team_points_all_sum=pl.col("points").cum_sum().over("team"))

def games(n):
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return pl.LazyFrame({"team": [f"t{i % 50}" for i in range(n)], "points": range(n),
                         "known_at": [start + timedelta(minutes=i) for i in range(n)]})

if __name__ == "__main__":
    tables, online = open_tables(sys.argv[1]), open_online(sys.argv[2])
    print("ready", flush=True)
    for n in range(100, 100_000, 100):
        build(totals, {"games": games(n)}, tables=tables, online=online)
"""


def frames(games):
    return {"games": games.lazy()}


def everything(view, tables):
    return offline.stored(view, tables).frame.collect()


def test_compute_sorts_and_keeps_the_last_of_equal_moments(league):
    @feature_view(entity="team", source="games", features={"team_points": "Points"})
    def points(games):
        return games.rename({"mine": "team_points"})

    day = league.start
    rows = pl.DataFrame(
        {
            "team": ["b", "a", "a", None, "a", "b"],
            "known_at": [day, day + timedelta(1), day, day, day, None],
            "mine": [1, 2, 3, 4, 5, 6],
        }
    )
    computed = compute_counted(points, frames(rows))
    assert computed.rows.rows() == [("a", day, 5), ("a", day + timedelta(1), 2), ("b", day, 1)]
    assert (computed.n_without_key, computed.n_repeated) == (2, 1)


def test_values_are_stored_as_every_store_can_hold_them(league):
    names = ("team_small", "team_share", "team_kind", "team_last_time", "team_count", "team_span")

    @feature_view(entity="team", source="games", features=dict.fromkeys(names, "Words"))
    def mixed(games):
        return games

    rows = pl.DataFrame(
        {
            "team": ["a"] * 3,
            "known_at": [date(2020, 1, day) for day in (1, 2, 3)],
            "team_small": [1, 2, None],
            "team_share": [0.5, float("nan"), float("inf")],
            "team_kind": ["x", "y", "x"],
            "team_last_time": [date(2020, 1, 1)] * 3,
            "team_count": [1, 2, 3],
            "team_span": [timedelta(seconds=1)] * 3,
            "undeclared": [0, 0, 0],
        },
        schema_overrides={"team_small": pl.Int8, "team_kind": pl.Categorical, "team_count": pl.UInt32},
    ).with_columns(pl.col("known_at", "team_last_time").cast(pl.Datetime("ms")))  # naive, as many files have it
    stored = compute(mixed, frames(rows))
    assert stored.columns == ["team", "known_at", *names]
    assert stored["team_share"].to_list() == [0.5, None, None]
    instant = pl.Datetime("us", "UTC")
    assert stored.dtypes == [pl.String, instant, pl.Int8, pl.Float64, pl.String, instant, pl.Int64, pl.Int64]


@pytest.mark.parametrize(
    ("function", "error", "said"),
    [
        (lambda games: None, ConfigError, "returns NoneType, not a Polars frame"),
        (
            lambda games: games.with_columns(team_x="points", known_at=1),
            DataError,
            "'known_at' is Int32",
        ),
        (lambda games: games, ConfigError, r"returns no \['team_x'\]"),
        (lambda games: games.with_columns(team_x=pl.col("absent")), DataError, "fails on its sources"),
        (lambda games: games.with_columns(team_x=pl.concat_list("points")), DataError, "'team_x' is List"),
        (lambda games: games.with_columns(team_x=pl.col("team").cast(pl.Int64)), DataError, "fails on its sources"),
    ],
)
def test_a_function_that_gives_no_features_is_explained(games, function, error, said):
    view = feature_view(entity="team", source="games", features={"team_x": "X"})(function)
    with pytest.raises(error, match=rf"test_materialize\.py:\d+: .*{said}"):
        compute(view, frames(games))


def test_a_source_that_is_not_there_is_named(league, games):
    with pytest.raises(ConfigError, match=r"reads \['games'\], and the sources are \['scores'\]"):
        compute(league.form_view(), {"scores": games.lazy()})


@pytest.mark.parametrize("value", [9 * 10**18, -9 * 10**18])
def test_moments_that_no_calendar_has_are_missing(tables, online, value):
    @feature_view(entity="k", source="s", features={"k_since": "Time", "k_day": "Day", "k_half": "Number"})
    def odd(rows):
        far = pl.lit(value, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
        return rows.with_columns(
            known_at=pl.when(pl.col("k") == "a").then("known_at").otherwise(far),
            k_since=far,
            k_day=pl.lit(2 * 10**9 * (1 if value > 0 else -1), dtype=pl.Int32).cast(pl.Date),
            k_half=pl.lit(0.5).cast(pl.Float16),
        )

    rows = pl.LazyFrame({"k": ["a", "b"], "known_at": [datetime(2026, 1, 1, tzinfo=UTC)] * 2})
    found = build(odd, {"s": rows}, tables=tables, online=online)
    assert (found.rows_written, found.evidence.figures["rows_without_key"]) == (1, 1)
    assert online.get("odd", ["a"])[0].values == {"k_since": None, "k_day": None, "k_half": 0.5}


def test_building_twice_writes_once(league, games, tables, online):
    view = league.form_view()
    first = build(view, frames(games), tables=tables, online=online)
    again = build(view, frames(games), tables=tables, online=online)
    assert (first.rows_written, first.rows_pushed) == (games.height, 4)
    assert (again.rows_written, again.rows_pushed, again.version) == (0, 0, first.version)
    assert everything(view, tables).equals(compute(view, frames(games)))
    assert first.watermark == games["known_at"].max()
    assert (first.evidence.kind, first.evidence.subject, first.evidence.verdict) == (
        "features.build", "view:team_form", "info",
    )  # fmt: skip


def test_day_by_day_comes_to_the_same_as_all_at_once(league, tables, online):
    view, games = league.form_view(), league.games(12)
    written = 0
    for day in range(1, 13):
        known = games.filter(pl.col("event_time") < league.start + timedelta(days=day))
        written += build(view, frames(known), tables=tables, online=online).rows_written
    assert written == games.height
    assert everything(view, tables).equals(compute(view, frames(games)))
    newest = compute(view, frames(games)).group_by("team").last().sort("team")
    rows = online.get("team_form", newest["team"].to_list())
    assert [row.values["team_points_2g_mean"] for row in rows] == newest["team_points_2g_mean"].to_list()


def test_many_builds_are_merged_so_that_reading_stays_one_stream(league, tables, online, monkeypatch):
    monkeypatch.setattr(offline, "MOST_BUILDS_APART", 3)
    view, games = league.form_view(), league.games(12)
    for day in range(1, 13):
        known = games.filter(pl.col("event_time") < league.start + timedelta(days=day))
        build(view, frames(known), tables=tables, online=online)
    state = offline.state_of(view, tables)
    assert state.build == 12
    assert state.build - state.sorted_until <= 3
    assert everything(view, tables).equals(compute(view, frames(games)))


def test_a_change_of_definition_does_not_write_the_past_again(league, tables, online):
    # PF-6
    games, view, changed = league.games(12), league.form_view(), league.form_view(factor=1000)
    early = games.filter(pl.col("event_time") < league.start + timedelta(days=9))
    build(view, frames(early), tables=tables, online=online)
    assert offline.definition_changed(changed, tables)
    second = build(changed, frames(games), tables=tables, online=online)
    assert second.rows_written == games.height - early.height
    assert second.evidence.verdict == "warn"
    assert "--full" in second.evidence.summary
    assert everything(changed, tables).head(9)["team_points_2g_mean"].max() < 1000
    assert not offline.definition_changed(changed, tables)

    whole = build(changed, frames(games), tables=tables, online=online, full=True)
    assert whole.rows_written == games.height
    assert whole.evidence.verdict == "info"
    assert everything(changed, tables).equals(compute(changed, frames(games)))


def test_a_new_column_leaves_the_past_empty_until_a_full_build(league, tables, online):
    games, view, wider = league.games(6), league.form_view(), league.form_view(more=True)
    early = games.filter(pl.col("event_time") < league.start + timedelta(days=4))
    build(view, frames(early), tables=tables, online=online)
    with pytest.raises(DataError, match=r"has no \['team_points_all_max'\].*--full"):
        offline.stored(wider, tables)
    build(wider, frames(games), tables=tables, online=online)
    assert everything(wider, tables)["team_points_all_max"].null_count() == early.height
    build(wider, frames(games), tables=tables, online=online, full=True)
    assert everything(wider, tables)["team_points_all_max"].null_count() == 0
    build(view, frames(league.games(7)), tables=tables, online=online)  # and back: a column fewer
    assert everything(view, tables).height == 7 * 4


def test_late_rows_are_added_and_never_stand_before_newer_ones(league, tables, online):
    view, games = league.form_view(), league.games(6)
    late = (pl.col("team") == "ants") & (pl.col("event_time") == league.start + timedelta(days=2))
    build(view, frames(games.filter(~late)), tables=tables, online=online)
    before = online.get("team_form", ["ants"])[0]
    result = build(view, frames(games), tables=tables, online=online)
    assert result.rows_written == 1
    assert online.get("team_form", ["ants"])[0] == before
    assert (
        everything(view, tables)
        .select("team", "known_at")
        .equals(compute(view, frames(games)).select("team", "known_at"))
    )


def test_attributes_without_time_are_written_when_they_change(league, tables, online):
    view = league.city_view()
    cities = pl.DataFrame({"team": ["ants", "bees"], "city": ["Rome", "Oslo"]})
    assert build(view, {"cities": cities.lazy()}, tables=tables, online=online).rows_written == 2
    assert build(view, {"cities": cities.lazy()}, tables=tables, online=online).rows_written == 0
    moved = cities.with_columns(city=pl.col("city").replace("Oslo", "Bonn"))
    assert build(view, {"cities": moved.lazy()}, tables=tables, online=online).rows_written == 2
    assert online.get("team_city", ["bees"])[0].values == {"team_city": "Bonn"}


def test_a_source_without_rows_gives_an_empty_table(league, tables, online):
    view = league.form_view()
    empty = build(view, frames(league.games(1).clear()), tables=tables, online=online)
    assert (empty.rows_written, empty.watermark) == (0, None)
    assert everything(view, tables).is_empty()
    assert build(view, frames(league.games(3)), tables=tables, online=online).rows_written == 12
    assert everything(view, tables).equals(compute(view, frames(league.games(3))))


def test_earlier_versions_stay_readable(league, tables, online):
    view = league.form_view()
    first = build(view, frames(league.games(3)), tables=tables, online=online)
    build(view, frames(league.games(5)), tables=tables, online=online)
    build(view, frames(league.games(2)), tables=tables, online=online, full=True)
    then = offline.stored(view, tables, version=first.version).frame.collect()
    assert then.equals(compute(view, frames(league.games(3))))
    assert everything(view, tables).equals(compute(view, frames(league.games(2))))


@pytest.mark.parametrize("lost", ["tables", "online"])
def test_a_lost_store_is_filled_again_from_the_start(league, tmp_path, lost):
    view = league.form_view()
    stores = {"tables": open_tables(tmp_path / "tables"), "online": open_online(tmp_path / "online.db")}
    for n_days in (3, 4, 5):
        build(view, frames(league.games(n_days)), **stores)
    elsewhere = {"tables": open_tables(tmp_path / "tables2"), "online": open_online(tmp_path / "online2.db")}
    stores[lost] = elsewhere[lost]
    build(view, frames(league.games(4, seed=1)), full=lost == "online", **stores)
    build(view, frames(league.games(6, seed=1)), **stores)
    newest = compute(view, frames(league.games(6, seed=1))).group_by("team").last().sort("team")
    rows = stores["online"].get("team_form", newest["team"].to_list())
    assert [row.values["team_points_2g_mean"] for row in rows] == newest["team_points_2g_mean"].to_list()


def test_a_full_build_forgets_online_entities_that_are_gone(league, tables, online):
    view, games = league.form_view(), league.games(5)
    build(view, frames(games), tables=tables, online=online)
    build(view, frames(games.filter(pl.col("team") != "dogs")), tables=tables, online=online, full=True)
    assert online.get("team_form", ["dogs"]) == [None]
    assert online.count("team_form") == 3


def test_reads_go_on_with_the_last_good_values_during_a_slow_build(league, tables, online):
    # PF-5
    started, finish = threading.Event(), threading.Event()

    def slowly(batch):
        started.set()
        finish.wait(20)
        return batch

    @feature_view(entity="team", source="games", features={"team_points": "Points"})
    def slow(games):
        return games.with_columns(team_points="points")

    @feature_view(entity="team", source="games", features={"team_points": "Points"})
    def slow_again(games):
        return games.with_columns(team_points=pl.col("points").map_batches(slowly, return_dtype=pl.Int64))

    object.__setattr__(slow_again, "name", "slow")
    build(slow, frames(league.games(3)), tables=tables, online=online)
    before, values = everything(slow, tables), online.get("slow", ["ants"])
    builder = threading.Thread(
        target=build, args=(slow_again, frames(league.games(9))), kwargs={"tables": tables, "online": online}
    )
    builder.start()
    assert started.wait(20)
    for _ in range(5):
        assert everything(slow, tables).equals(before)
        assert online.get("slow", ["ants"]) == values
    finish.set()
    builder.join(20)
    assert everything(slow, tables).height == 36
    assert online.get("slow", ["ants"]) != values


def kill_a_build_at_a_random_moment(script, tmp_path, rng):
    arguments = [sys.executable, str(script), str(tmp_path / "tables"), str(tmp_path / "online.db")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as victim:
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(rng.random() * 0.4)
        os.kill(victim.pid, signal.SIGKILL)


def test_after_kill_9_the_stores_read_and_the_next_build_completes(tmp_path):
    script = tmp_path / "victim.py"
    script.write_text(VICTIM)
    space: dict = {"__name__": "victim"}
    exec(VICTIM, space)
    view, games = space["totals"], space["games"]
    rng = random.Random(11)
    for _ in range(4):
        kill_a_build_at_a_random_moment(script, tmp_path, rng)
        tables, online = open_tables(tmp_path / "tables"), open_online(tmp_path / "online.db")
        if offline.state_of(view, tables) is not None:
            held = everything(view, tables)
            assert held.height % 100 == 0  # whole builds only
            assert held.equals(compute(view, {"games": games(held.height)}))
    n_games = everything(view, tables).height + 50
    build(view, {"games": games(n_games)}, tables=tables, online=online)
    expected = compute(view, {"games": games(n_games)})
    assert everything(view, tables).equals(expected)
    newest = expected.group_by("team").last().sort("team")
    rows = online.get("totals", newest["team"].to_list())
    assert [row.values["team_points_all_sum"] for row in rows] == newest["team_points_all_sum"].to_list()


def test_builds_of_random_slices_agree_with_one_build(league, tables, online):
    view, games = league.form_view(), league.games(40)
    rng = np.random.default_rng(3)
    for day in sorted({int(day) for day in rng.integers(1, 40, 8)}):
        known = games.filter(pl.col("known_at") < league.start + timedelta(days=day))
        build(view, frames(known), tables=tables, online=online)
    build(view, frames(games), tables=tables, online=online)
    assert everything(view, tables).equals(compute(view, frames(games)))
    assert offline.state_of(view, tables).watermark == datetime(2020, 2, 9, 1, tzinfo=UTC)
