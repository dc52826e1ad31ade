"""The basketball example: its settings load, its features are known before each game, and serving equals training."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assay.config.loading import load
from assay.data.sources import read
from assay.features import offline
from assay.features.definitions import load_definitions
from assay.features.frame import coverage, training_frame
from assay.features.materialize import build, compute
from assay.features.online import OnlineFeatures
from assay.stores.online import open_online
from assay.stores.tables import open_tables

NBA = Path(__file__).parents[2] / "examples" / "nba"
TRAIN_END = datetime(2011, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings(assay_data):
    return load(NBA, environment={"ASSAY_DATA": str(assay_data)})


@pytest.fixture(scope="module")
def definitions(settings):
    return load_definitions(NBA / settings.features)


@pytest.fixture(scope="module")
def games(settings):
    """Every game up to the end of training; later seasons are none of a test's business."""
    frame = read("games", settings.sources["games"], NBA)
    return frame.filter(pl.col("event_time") < TRAIN_END).collect()


@pytest.fixture(scope="module")
def labels(games, definitions):
    return definitions.module.games_to_predict(games.lazy()).collect()


@pytest.fixture(scope="module")
def joined(labels, games, settings, definitions):
    return framed(labels, games, settings, definitions)


def framed(labels, games, settings, definitions):
    sources = {"games": games.lazy()}
    return training_frame(
        labels,
        target=settings.target,
        definitions=definitions,
        rows_of=lambda view: compute(view, sources).lazy(),
    )


def test_one_row_a_game_seen_from_the_home_side(settings, definitions):
    rows = definitions.module.games_to_predict(read("games", settings.sources["games"], NBA)).collect()
    assert rows.height == rows["game_id"].n_unique() == 63_157
    assert rows["neutral"].sum() == 19
    assert rows["tipoff_day"].dtype == pl.Datetime("us", "UTC")


def test_the_published_forecast_reaches_the_rule_but_no_model(joined):
    frame, names = joined
    assert "elo_forecast" in frame.columns
    assert "elo_forecast" not in names
    assert not {"game_id", "home_win", "era", "league"} & set(names)
    unreadable = [name for name in names if not (frame.schema[name].is_numeric() or frame.schema[name] == pl.Boolean)]
    assert unreadable == []


def test_features_are_what_the_sources_gave_before_the_game(joined, labels, games, settings, definitions):
    frame, names = joined
    for at in labels["tipoff_day"].unique().sort()[200:].sample(4, seed=5):
        known = games.filter(pl.col("known_at") < at)
        todays = labels.filter(pl.col("tipoff_day") == at)
        again, _ = framed(todays, known, settings, definitions)
        expected = frame.filter(pl.col("tipoff_day") == at).select("game_id", *names)
        assert again.select("game_id", *names).sort("game_id").equals(expected.sort("game_id"))


def test_the_rows_to_predict_depend_on_nothing_known_after_the_game(games, labels, settings, definitions):
    known = {"event_time", "known_at", *settings.sources["games"].known_before}
    after = [name for name in games.columns if name not in known]
    assert {"pts", "opp_pts", "elo_n", "opp_elo_n", "win_equiv", "game_result"} <= set(after)
    shuffled = games.with_columns(pl.col(after).shuffle(seed=3))
    rows = definitions.module.games_to_predict(shuffled.lazy()).collect()
    assert rows.drop("home_win").equals(labels.drop("home_win"))


def test_form_by_hand(joined, games):
    frame, _ = joined
    of_team = games.filter(pl.col("fran_id") == "Celtics").sort("gameorder")
    game = of_team.row(2_000, named=True)
    before = of_team[1_990:2_000]
    role = "home" if game["_iscopy"] == 0 else "away"
    row = frame.row(by_predicate=pl.col("game_id") == game["game_id"], named=True)
    assert row[f"{role}_team_points_10g_mean"] == pytest.approx(before["pts"].mean())
    assert row[f"{role}_team_margin_10g_mean"] == pytest.approx((before["pts"] - before["opp_pts"]).mean())
    assert row[f"{role}_team_wins_10g_rate"] == pytest.approx((before["game_result"] == "W").mean())
    rest = (game["event_time"] - before["event_time"][-1]) - timedelta(hours=23)
    assert row[f"{role}_rest_days"] == pytest.approx(min(rest / timedelta(days=1), 10))


def test_every_game_is_kept_and_hardly_any_is_without_form(labels, games, settings, definitions):
    found = coverage(
        labels,
        target=settings.target,
        definitions=definitions,
        rows_of=lambda view: compute(view, {"games": games.lazy()}).lazy(),
    )
    assert found.figures["n_labels"] == labels.height
    assert max(count for name, count in found.figures["unmatched"].items() if name.endswith("team_form")) < 53


def test_online_vectors_are_the_training_rows_of_the_next_day(tmp_path, games, labels, joined, settings, definitions):
    frame, names = joined
    tables, online = open_tables(tmp_path / "tables"), open_online(tmp_path / "online.db")
    day = datetime(2010, 12, 10, tzinfo=UTC)
    known = games.filter(pl.col("known_at") < day).lazy()
    for view in definitions.views:
        build(view, {"games": known}, tables=tables, online=online)
    todays = frame.filter(pl.col("tipoff_day") == day)
    asked = labels.filter(pl.col("tipoff_day") == day).drop("home_win", "elo_forecast").to_dicts()
    reader = OnlineFeatures(target=settings.target, definitions=definitions, store=online)
    vectors = reader.vectors(asked, now=day + timedelta(hours=9))
    assert len(vectors) == todays.height > 5
    assert [one.values for one in vectors] == todays.select(names).to_dicts()
    assert all(one.states == {} for one in vectors)
    stored = offline.stored(definitions.views[0], tables).frame.collect()
    assert stored["known_at"].max() < day
