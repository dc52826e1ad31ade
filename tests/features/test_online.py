"""Online vectors: the same values as the training frame at that moment, and every reason for a gap told apart."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.features import offline
from assay.features.frame import history, training_frame
from assay.features.materialize import build
from assay.features.online import OnlineFeatures, latest, vector
from assay.features.pushing import push, put_newest
from assay.stores.online import open_online

CITIES = pl.DataFrame({"team": ["ants", "bees", "cats"], "city": ["Rome", "Oslo", "Bonn"]})


def built(definitions, games, tables, online):
    for view in definitions.views:
        build(view, {"games": games.lazy(), "cities": CITIES.lazy()}, tables=tables, online=online)


def request(day, **changes):
    return {"host": "ants", "guest": "bees", "cup": True, "day": day} | changes


@pytest.fixture
def now(league):
    return league.start + timedelta(days=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    teams=st.lists(st.tuples(*[st.sampled_from(["ants", "bees", "cats", "dogs", "eels", None])] * 2), max_size=6),
    days=st.integers(1, 20),
    ttl=st.sampled_from([None, timedelta(hours=1), timedelta(days=3)]),
)
def test_online_and_offline_agree_at_every_moment(league, target, definitions, tmp_path_factory, teams, days, ttl):
    from assay.stores.online import open_online
    from assay.stores.tables import open_tables

    folder = tmp_path_factory.mktemp("stores")
    tables, online = open_tables(folder / "tables"), open_online(folder / "online.db")
    form, city = definitions.views
    definitions = replace(definitions, views=(replace(form, ttl=ttl), city))
    built(definitions, league.games(days), tables, online)
    moment = league.start + timedelta(days=days)
    rows = [{"host": host, "guest": guest, "cup": True, "day": moment} for host, guest in teams]
    labels = pl.DataFrame(rows, schema={"host": pl.String, "guest": pl.String, "cup": pl.Boolean, "day": form_time()})
    frame, names = training_frame(
        labels, target=target, definitions=definitions, rows_of=lambda view: offline.stored(view, tables)
    )
    assert vector(rows, target=target, definitions=definitions, store=online, now=moment) == (
        frame.select(names).to_dicts()
    )


def form_time():
    return pl.Datetime("us", "UTC")


def test_missing_expired_future_and_stale_are_told_apart(league, target, definitions, games, tables, online, now):
    form, city = definitions.views
    definitions = replace(
        definitions, views=(replace(form, ttl=timedelta(days=5), staleness=timedelta(hours=20)), city)
    )
    built(definitions, games, tables, online)
    reader = OnlineFeatures(target=target, definitions=definitions, store=online)
    fresh, late, past, unknown = reader.vectors(
        [
            request(now),
            request(now + timedelta(days=9)),
            request(now - timedelta(days=9)),
            request(now, host="eels", guest=None),
        ],
        now=now,
    )
    assert fresh.states == {"home.team_form": "stale", "away.team_form": "stale"}
    assert fresh.values["home_team_points_2g_mean"] is not None
    assert late.states == {"home.team_form": "expired", "away.team_form": "expired"}
    assert past.states == {"home.team_form": "future", "away.team_form": "future"}
    assert set(unknown.states.values()) == {"missing"}
    for one in (late, past, unknown):
        assert one.values["home_team_points_2g_mean"] is None
    assert past.values["home_team_city"] == "Rome"  # attributes have no time


def test_a_row_without_a_time_is_predicted_now(target, definitions, games, tables, online, now):
    built(definitions, games, tables, online)
    reader = OnlineFeatures(target=target, definitions=definitions, store=online)
    row = request(now)
    expected = reader.vectors([row], now=now)
    for given_time in ("2020-01-21", "2020-01-21T00:00:00Z", date(2020, 1, 21), datetime(2020, 1, 21, tzinfo=UTC)):
        assert reader.vectors([request(given_time)], now=now) == expected
    row.pop("day")
    assert reader.vectors([row], now=now) == expected
    for wrong in ("tomorrow", 17, ["2020"]):
        with pytest.raises(DataError, match=r"'day' is .* which is no time"):
            reader.vectors([request(wrong)], now=now)


def test_a_feature_that_comes_with_the_request_is_used(target, definitions, games, tables, online, now):
    built(definitions, games, tables, online)
    reader = OnlineFeatures(target=target, definitions=definitions, store=online)
    (ours,) = reader.vectors([request(now, home_team_points_2g_mean=500)], now=now)
    assert ours.values["home_team_points_2g_mean"] == 500
    assert ours.values["points_gap"] == 500 - ours.values["away_team_points_2g_mean"]
    for wrong in ("many", True, 10**400):
        with pytest.raises(DataError, match="'home_team_points_2g_mean' must be Float64"):
            reader.vectors([request(now, home_team_points_2g_mean=wrong)], now=now)


def test_before_anything_is_built_every_feature_is_missing(target, definitions, online, now):
    definitions = replace(definitions, request_views=())
    reader = OnlineFeatures(target=target, definitions=definitions, store=online)
    (empty,) = reader.vectors([request(now)], now=now)
    assert set(empty.states.values()) == {"missing"}
    assert [name for name, value in empty.values.items() if value is not None] == ["cup"]
    assert reader.vectors([], now=now) == []


def test_latest_is_history_at_this_moment(definitions, games, tables, online, now):
    built(definitions, games, tables, online)
    names = ["team_points_2g_mean", "team_city", "team_last_time"]
    keys = pl.DataFrame({"team": ["cats", "nobody", "ants"]})
    ours = latest(keys, names, definitions=definitions, store=online)
    theirs = history(
        keys.with_columns(when=pl.lit(now).cast(form_time())),
        names,
        time="when",
        definitions=definitions,
        rows_of=lambda view: offline.stored(view, tables),
    )
    assert ours.equals(theirs.drop("when"))


def test_a_key_that_is_missing_is_not_the_entity_called_none(definitions, tables, online):
    (_, city) = definitions.views
    build(
        city,
        {"cities": pl.LazyFrame({"team": ["None", "ants"], "city": ["Bern", "Rome"]})},
        tables=tables,
        online=online,
    )
    keys = pl.DataFrame({"team": ["ants", None, "None"]})
    found = latest(keys, list(city.features), definitions=definitions, store=online)
    (name,) = city.features
    assert found[name].is_null().to_list() == [False, True, False]


def test_a_whole_number_with_a_point_is_that_number_and_nan_is_no_key(target, definitions, online):
    (_, city) = definitions.views
    (name,) = city.features
    rows = pl.DataFrame({"team": [12], "known_at": [datetime(2020, 1, 1, tzinfo=UTC)], name: ["Rome"]})
    put_newest(city, rows.drop("known_at"), online=online)
    reader = OnlineFeatures(
        target=target, definitions=replace(definitions, views=(city,), request_views=()), store=online
    )
    found = reader.vectors([{"host": 12.0, "guest": float("nan")}], now=datetime(2026, 1, 1, tzinfo=UTC))[0]
    assert found.values[f"home_{name}"] == "Rome"
    assert found.states == {"away.team_city": "missing"}


def test_threads_read_while_a_build_pushes(league, target, definitions, tables, online):
    built(definitions, league.games(3), tables, online)
    reader = OnlineFeatures(target=target, definitions=definitions, store=online)
    faults, done = [], threading.Event()

    def read():
        while not done.is_set():
            (one,) = reader.vectors([request(league.start + timedelta(days=30))], now=league.start)
            if one.values["home_team_points_2g_mean"] is None:
                faults.append(one)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for n_days in range(4, 12):
        built(definitions, league.games(n_days), tables, online)
    done.set()
    for thread in readers:
        thread.join(20)
    assert faults == []


def test_a_first_push_keeps_what_a_stream_has_written_before(definitions, games, tables, tmp_path, online, now):
    form, _ = definitions.views
    build(form, {"games": games.lazy()}, tables=tables, online=online)
    lost = open_online(tmp_path / "lost.db")
    streamed = {"team_points_2g_mean": 500.0, "team_last_time": 1}
    known = games["known_at"].max() + timedelta(hours=1)
    rows = pl.DataFrame({"team": ["ants"], "known_at": [known], **{name: [value] for name, value in streamed.items()}})
    put_newest(form, rows, online=lost)
    assert push(form, tables=tables, online=lost) == 3  # newest wins: the stream's row of the fourth team stays
    assert lost.get("team_form", ["ants"])[0].values == streamed
    assert lost.count("team_form") == 4
    assert push(form, tables=tables, online=lost) == 0
