"""A small league: sources, views over them, and stores to build into."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from assay.config.settings import EntityRole, Target
from assay.features.definitions import Definitions, Feature, feature_view, request_view
from assay.stores.online import open_online
from assay.stores.tables import open_tables

START = datetime(2020, 1, 1, tzinfo=UTC)


def make_games(n_days, *, seed=0):
    """Four teams, two games a day, each game from both sides; known an hour after its event."""
    shown = []
    for day in range(n_days):
        teams = ["ants", "bees", "cats", "dogs"]
        if (day + seed) % 2:
            teams = ["cats", "ants", "dogs", "bees"]
        for home, away in (teams[:2], teams[2:]):
            points = 80 + (day * 7 + len(shown) * 13 + seed) % 40, 80 + (day * 11 + len(shown) * 5) % 40
            for team, other, mine, theirs in ((home, away, *points), (away, home, *points[::-1])):
                shown.append((team, other, team == home, mine, theirs, START + timedelta(days=day)))
    frame = pl.DataFrame(
        shown, schema=["team", "other", "at_home", "points", "conceded", "event_time"], orient="row"
    ).with_columns(pl.col("event_time").cast(pl.Datetime("us", "UTC")))
    return frame.with_columns(known_at=pl.col("event_time") + timedelta(hours=1))


def form_view(*, factor=1, more=False, **options):
    """A view whose code, and so whose digest, depends on the arguments."""
    features = {"team_points_2g_mean": "Mean points, last two games", "team_last_time": Feature("Last", internal=True)}
    if more:
        features["team_points_all_max"] = "Most points so far"

    def team_form(games):
        points = pl.col("points").cast(pl.Float64) * factor
        return games.select(
            "team",
            "known_at",
            team_points_2g_mean=points.rolling_mean(2, min_samples=1).over("team"),
            team_last_time=pl.col("known_at"),
            team_points_all_max=points.cum_max().over("team"),
        )

    return feature_view(entity="team", source="games", features=features, **options)(team_form)


def city_view():
    @feature_view(entity="team", source="cities", features={"team_city": "Where it is at home"})
    def team_city(cities):
        return cities.select("team", team_city="city")

    return team_city


def rest_view():
    @request_view(features={"home_rest_days": "Days since the last game", "points_gap": "Home less away"})
    def rest(rows):
        since = (pl.col("day") - pl.col("home_team_last_time")).dt.total_seconds() / 86_400
        gap = pl.col("home_team_points_2g_mean") - pl.col("away_team_points_2g_mean")
        return rows.select(home_rest_days=since, points_gap=gap)

    return rest


@pytest.fixture
def league():
    """The makers of the small league, and its first day."""
    return SimpleNamespace(start=START, games=make_games, form_view=form_view, city_view=city_view, rest_view=rest_view)


@pytest.fixture
def games():
    return make_games(20)


@pytest.fixture
def definitions():
    return Definitions(views=(form_view(), city_view()), request_views=(rest_view(),), module=pl)


@pytest.fixture
def target():
    roles = {"home": EntityRole(entity="team", column="host"), "away": EntityRole(entity="team", column="guest")}
    return Target(source="games", label="won", key="id", time="day", entities=roles, inputs=("cup",))


@pytest.fixture
def tables(tmp_path):
    return open_tables(tmp_path / "tables")


@pytest.fixture
def online(tmp_path):
    return open_online(tmp_path / "online.db")
