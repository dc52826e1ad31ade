"""Inputs: what depends on the outcome is found by shuffling it, and the source column is named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.config.settings import EntityRole, Source, Target
from assay.data import sources
from assay.data.leakage import check_inputs
from assay.errors import DataError

SCHEDULE = (
    "gameorder", "lg_id", "year_id", "seasongame", "is_playoffs", "team_id", "fran_id", "opp_id", "opp_fran",
    "game_location", "elo_i", "opp_elo_i", "forecast",
)  # fmt: skip


def nba(*also_known: str) -> Source:
    return Source(
        path="nba_elo/nbaallelo.parquet",
        key=("game_id", "_iscopy"),
        time="date_game",
        time_format="%m/%d/%Y",
        known_before=(*SCHEDULE, *also_known),
    )


@pytest.fixture(scope="module")
def games(assay_data):
    return sources.read("games", nba(), assay_data).collect()


def home_games(*extra: pl.Expr):
    def rows(frame: pl.LazyFrame) -> pl.DataFrame:
        won = (pl.col("game_result") == "W").cast(pl.Int8)
        return frame.filter(pl.col("_iscopy") == 0).with_columns(won.alias("home_win"), *extra).collect()

    return rows


def check(games: pl.DataFrame, rows, *inputs: str, source: Source | None = None, **declared: object):
    target = Target(
        source="games",
        label="home_win",
        key="game_id",
        time="event_time",
        entities={
            "home": EntityRole(entity="team", column="team_id"),
            "away": EntityRole(entity="team", column="opp_id"),
        },
        inputs=inputs,
        **declared,
    )
    return check_inputs(rows, games.lazy(), source=source or nba(), target=target, rng=np.random.default_rng(0))


def test_what_is_on_the_schedule_passes(games):
    found = check(games, home_games(), "is_playoffs", "game_location", "elo_i")
    assert (found.kind, found.verdict) == ("leakage.inputs", "pass")
    assert found.figures["checked"][:4] == ["game_id", "event_time", "team_id", "opp_id"]


def test_an_input_made_of_the_games_own_points_is_named_with_its_source_column(games):
    found = check(games, home_games((pl.col("pts") - pl.col("opp_pts").shift(0)).alias("edge")), "is_playoffs", "edge")
    assert found.verdict == "fail"
    assert "input 'edge' depends on 'pts' and 'opp_pts', not known before the prediction" in found.summary
    assert list(found.figures["changed"]) == ["edge"]


def test_the_rating_after_the_game_is_refused_undeclared_and_falsely_declared(games):
    undeclared = check(games, home_games(), "elo_n")
    assert undeclared.verdict == "fail"
    assert undeclared.figures["changed"]["elo_n"]["depends_on"] == ["elo_n"]
    declared = check(games, home_games(), "elo_n", source=nba("elo_n"))
    assert declared.verdict == "fail"
    assert "'elo_i' minus 'elo_n'" in declared.summary
    assert "known_before says that it is known" in declared.summary


def test_an_outcome_declared_as_known_before_gives_itself_away(games):
    found = check(games, home_games(), "pts", source=nba("pts", "opp_pts"))
    assert found.verdict == "fail"
    assert "'pts' minus 'opp_pts'" in found.summary


def test_an_encoding_by_the_outcome_is_found_though_no_row_reads_its_own(games):
    by_team = pl.col("game_result").eq("W").mean().over("team_id").alias("team_strength")
    found = check(games, home_games(by_team), "team_strength")
    assert found.figures["changed"]["team_strength"]["depends_on"] == ["game_result"]


def test_choosing_rows_by_their_outcome_warns_but_asking_for_a_result_does_not(games):
    close = home_games()
    chosen = check(games, lambda frame: close(frame.filter((pl.col("pts") - pl.col("opp_pts")).abs() < 10)), "elo_i")
    assert chosen.verdict == "warn"
    assert set(chosen.figures["choice_of_rows_depends_on"]) == {"pts", "opp_pts"}
    gaps = games.with_columns(pl.when(pl.int_range(pl.len()) % 7 > 0).then("pts"))
    assert check(gaps, lambda frame: close(frame.filter(pl.col("pts").is_not_null())), "elo_i").verdict == "pass"


def test_a_context_column_of_the_outcome_is_a_warning(games):
    found = check(games, home_games(), "elo_i", context=("forecast", "win_equiv"))
    assert found.verdict == "warn"
    assert "context column 'win_equiv' depends on 'win_equiv'" in found.summary


def test_an_entity_or_a_key_made_of_the_outcome_is_refused(games):
    winner = pl.when(pl.col("pts") > pl.col("opp_pts")).then("team_id").otherwise("opp_id").alias("team_id")
    found = check(games, home_games(winner))
    assert "column 'team_id' depends on 'pts' and 'opp_pts'" in found.summary


def test_code_that_breaks_on_shuffled_outcomes_is_told_so(games):
    def brittle(frame: pl.LazyFrame) -> pl.DataFrame:
        rows = home_games()(frame)
        if rows["pts"][0] != games["pts"][0]:
            raise ValueError("unexpected points")
        return rows

    with pytest.raises(DataError, match="outcome columns shuffled among rows: ValueError: unexpected points"):
        check(games, brittle)


def churn(assay_data, *inputs: str, extra: tuple[pl.Expr, ...] = ()):
    source = Source(path="telco_churn/Telco-Customer-Churn.csv", key=("customerID",))
    target = Target(source="telco", label="Churn", key="customerID", positive="Yes", inputs=inputs)
    frame = sources.read("telco", source, assay_data)
    rng = np.random.default_rng(0)
    return check_inputs(lambda rows: rows.with_columns(*extra).collect(), frame, source=source, target=target, rng=rng)


def test_without_time_everything_but_what_the_label_is_made_of_is_known(assay_data):
    found = churn(assay_data, "tenure", "Contract")
    assert (found.verdict, found.figures["not_known_before"]) == ("pass", ["Churn"])
    leaking = churn(assay_data, "tenure", "gone", extra=(pl.col("Churn").eq("Yes").alias("gone"),))
    assert "input 'gone' depends on 'Churn'" in leaking.summary


def test_what_a_person_vouches_for_is_noted_as_known_before(games):
    source = nba("elo_n")
    target = Target(source="games", label="home_win", key="game_id", time="event_time", inputs=("elo_n",))
    rng = np.random.default_rng(0)
    vouched = {"elo_i": "published before the game", "elo_n": "published before the game"}
    found = check_inputs(home_games(), games.lazy(), source=source, target=target, rng=rng, accepted=vouched)
    assert found.verdict == "warn"
    assert "(accepted: published before the game)" in found.summary
    assert "game_result" in found.figures["label_depends_on"]
