"""Leaks planted one at a time in the basketball example: each ends the run, names the column and trains nothing."""

import shutil
from datetime import UTC, datetime

import polars as pl
import pytest
from tests.projects import edit, make_nba

from assay.project import Project

LATER_CUT = ("split.train_until=2013-07-01", "split.validation_until=2014-07-01")
LAST_GAME_OF_2014 = datetime(2014, 6, 15, tzinfo=UTC)
QUICK = ("evaluation.bootstrap=100", "training.estimators=[logistic]", *LATER_CUT)
CONTEXT = "        elo_forecast="
INPUTS = "  inputs: ["
EVERY_CHECK = {
    f"leakage.{name}"
    for name in (
        "duplicates", "split", "inputs", "time_travel", "row_independence", "target_derived", "lineage", "groups",
        "generation", "fitted", "order", "model_score",
    )
}  # fmt: skip
KNOWN_BEFORE = "      - forecast\n"


@pytest.fixture(scope="module")
def made(assay_data, tmp_path_factory):
    return make_nba(tmp_path_factory.mktemp("nba"), assay_data, first_season=2013)


@pytest.fixture
def nba(made, tmp_path):
    """A copy of the example, and the environment with its data."""
    folder, environment = made
    return shutil.copytree(folder, tmp_path / "nba"), environment


def refused(nba, *overrides):
    """Run the project; its outcome, which must be a refusal that left no version and no open holdout."""
    folder, environment = nba
    with Project.open(folder, overrides=(*QUICK, *overrides), environment=environment) as project:
        outcome = project.run(trials=0)
        assert project.models() == []
        assert project.workspace.ledger.find(kind="data.holdout_opened") == []
    assert (outcome.verdict, outcome.exit_code) == ("stopped", 3), outcome.reason
    failed = [one for one in outcome.evidence if one.kind.startswith("leakage.") and one.verdict == "fail"]
    assert failed, outcome.reason
    return outcome


def plant_column(folder, name, expression, *, as_input=True):
    """Give the rows to predict a further column, as an input unless told otherwise."""
    edit(folder / "definitions.py", (CONTEXT, f"        {name}={expression},\n{CONTEXT}"))
    if as_input:
        edit(folder / "assay.yaml", (INPUTS, f"{INPUTS}{name}, "))


def test_the_games_own_score_as_an_input(nba):
    plant_column(nba[0], "home_points", 'pl.col("pts")')
    outcome = refused(nba)
    assert "home_points" in outcome.reason
    assert "pts" in outcome.reason


def test_the_rating_after_the_game_declared_as_known_before_it(nba):
    plant_column(nba[0], "rating", 'pl.col("elo_n")')
    edit(nba[0] / "assay.yaml", (KNOWN_BEFORE, f"{KNOWN_BEFORE}      - elo_n\n"))
    assert "elo_n" in refused(nba).reason


def test_a_rating_after_the_game_that_takes_the_place_of_the_one_before(nba):
    edit(nba[0] / "definitions.py", ('home_elo=pl.col("elo_i")', 'home_elo=pl.col("elo_n")'))
    outcome = refused(nba)
    assert "home_elo" in outcome.reason
    assert "elo_n" in outcome.reason


def claim(folder, moment):
    """Let the team view, whose windows include the row's own game, say that it was known at `moment`."""
    source = (folder / "definitions.py").read_text()
    start, end = source.index("def team_form"), source.index("def team_season")
    leaky = source[start:end].replace('        "known_at",\n', f'        ({moment}).alias("known_at"),\n', 1)
    assert leaky != source[start:end]
    (folder / "definitions.py").write_text(source[:start] + leaky + source[end:])


def test_a_rolling_mean_with_the_present_game_joined_at_game_time(nba):
    claim(nba[0], 'pl.col("event_time") - pl.duration(hours=1)')
    outcome = refused(nba)
    assert "team_points" in outcome.reason or "team_wins" in outcome.reason
    failed = next(one for one in outcome.evidence if one.kind == "leakage.time_travel")
    assert {"home_team_points_10g_mean", "away_team_points_10g_mean"} <= set(failed.figures["columns"])


def test_a_rolling_mean_that_claims_the_moment_of_the_game_itself_is_still_not_joined_to_it(nba):
    folder, environment = nba
    keys = pl.DataFrame(
        {"game_id": ["x"], "home": ["Heat"], "away": ["Spurs"], "matchup": ["Heat|Spurs"]}
    ).with_columns(
        league=pl.lit("NBA"),
        tipoff_day=pl.lit(LAST_GAME_OF_2014),
        neutral=pl.lit(False),
        home_elo=pl.lit(1700.0),
        away_elo=pl.lit(1700.0),
        is_playoffs=pl.lit(True),
    )

    def points():
        with Project.open(folder, environment=environment) as project:
            project.features.build(full=True)
            return project.features.history(keys, ["home_team_points_5g_mean"])["home_team_points_5g_mean"].item()

    honest = points()
    claim(folder, 'pl.col("event_time")')
    assert points() == honest


def test_a_prediction_asked_for_when_its_own_game_is_known(nba):
    day = 'tipoff_day=pl.col("event_time").dt.truncate("1d")'
    edit(nba[0] / "definitions.py", (day, f"{day} + pl.duration(days=2)"))
    outcome = refused(nba)
    assert "of the very row to be predicted is changed" in outcome.reason
    kinds = {one.kind: one.verdict for one in outcome.evidence}
    assert (kinds["leakage.time_travel"], kinds["leakage.lineage"]) == ("pass", "fail")


def test_a_random_split(nba):
    outcome = refused(nba, "split.by=random", "split.train_until=null", "split.validation_until=null")
    assert "tipoff_day" in outcome.reason
    assert "random" in outcome.reason


def test_the_mirrored_rows_left_in(nba):
    edit(nba[0] / "definitions.py", ('games.filter(pl.col("_iscopy") == 0).select(', "games.select("))
    assert "game_id" in refused(nba).reason


def test_the_mirrored_rows_left_in_under_keys_of_their_own(nba):
    edit(
        nba[0] / "definitions.py",
        ('games.filter(pl.col("_iscopy") == 0).select(\n        "game_id",', "games.select(\n        game_id=OWN,"),
        (
            "GAMES_IN_A_LEAGUE_SEASON = 1_000",
            'OWN = pl.col("game_id") + pl.col("_iscopy").cast(pl.String)\nGAMES_IN_A_LEAGUE_SEASON = 1_000',
        ),
    )
    outcome = refused(nba)
    assert "home" in outcome.reason
    assert "away" in outcome.reason


@pytest.mark.slow
def test_a_scaler_fitted_on_everything_in_a_feature_view(nba):
    whole = '(pl.col("pts") - pl.col("pts").mean()) / pl.col("pts").std()'
    edit(nba[0] / "definitions.py", ('        margin=pl.col("pts") - pl.col("opp_pts"),', f"        margin={whole},"))
    assert "margin" in refused(nba).reason


@pytest.mark.slow
def test_a_scaler_fitted_on_everything_in_a_request_view(nba):
    elo = 'rating_gap=pl.col("home_elo") - pl.col("away_elo") + court,'
    scaled = 'rating_gap=(pl.col("home_elo") - pl.col("home_elo").mean()) / pl.col("home_elo").std(),'
    edit(nba[0] / "definitions.py", (elo, scaled))
    assert "rating_gap" in refused(nba).reason


def test_a_flag_made_from_the_target(nba):
    plant_column(nba[0], "sold_out", 'pl.col("game_result") == "W"')
    outcome = refused(nba)
    assert "sold_out" in outcome.reason
    assert "game_result" in outcome.reason


@pytest.mark.slow
def test_a_flag_made_from_the_target_that_is_declared_as_known_before(nba):
    plant_column(nba[0], "sold_out", 'pl.col("game_result") == "W"')
    edit(nba[0] / "assay.yaml", (KNOWN_BEFORE, f"{KNOWN_BEFORE}      - game_result\n"))
    assert "sold_out" in refused(nba).reason


@pytest.mark.slow
def test_without_a_leak_the_same_project_trains(nba):
    folder, environment = nba
    with Project.open(folder, overrides=QUICK, environment=environment) as project:
        outcome = project.run(trials=0)
    assert outcome.stage in ("training", "release")
    verdicts = {one.kind: one.verdict for one in outcome.evidence if one.kind.startswith("leakage.")}
    assert verdicts == dict.fromkeys(EVERY_CHECK, "pass")
