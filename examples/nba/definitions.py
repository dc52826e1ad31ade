"""What is known of two teams, their league and their past meetings before a game begins.

Each feature row is known on the evening of its game, so a prediction made on the morning of the next one may use it.
"""

from datetime import timedelta

import polars as pl

import assay
from assay.features import windows

GAMES_IN_A_LEAGUE_SEASON = 1_000
TWO_MONTHS = timedelta(days=60)  # shorter than any summer: a new season starts without the last one's averages
FIVE_YEARS = timedelta(days=5 * 365)
LONGEST_REST_DAYS = 10.0
HOME_EDGE_FACTOR = 1.3  # the edge between equal teams is larger than the share of home wins over all games says


def games_to_predict(games: pl.LazyFrame) -> pl.LazyFrame:
    """One row a game, from the home team's side; the mirrored row of the other team is left out."""
    neutral = pl.col("game_location") == "N"
    return games.filter(pl.col("_iscopy") == 0).select(
        "game_id",
        tipoff_day=pl.col("event_time").dt.truncate("1d"),
        home=pl.col("fran_id"),
        away=pl.col("opp_fran"),
        matchup=pl.col("fran_id") + "|" + pl.col("opp_fran"),
        league=pl.col("lg_id"),
        home_win=(pl.col("game_result") == "W").cast(pl.Int8),
        neutral=neutral,
        is_playoffs=pl.col("is_playoffs") == 1,
        home_elo=pl.col("elo_i"),
        away_elo=pl.col("opp_elo_i"),
        elo_forecast=pl.col("forecast"),
        era=(pl.col("year_id") // 10 * 10).cast(pl.String) + "s",
    )


def in_order(games: pl.LazyFrame) -> pl.LazyFrame:
    """Every game from both sides, each side's games in the order of play."""
    return games.with_columns(
        team="fran_id",
        won=(pl.col("game_result") == "W").cast(pl.Float64),
        margin=pl.col("pts") - pl.col("opp_pts"),
    ).sort("known_at", "gameorder")


@assay.feature_view(
    entity="team",
    source="games",
    owner="analytics",
    created="2026-11-21",
    features={
        "team_wins_5g_rate": "Share of the last 5 games won",
        "team_wins_10g_rate": "Share of the last 10 games won",
        "team_wins_30g_rate": "Share of the last 30 games won",
        "team_points_5g_mean": "Points scored a game, last 5 games",
        "team_points_10g_mean": "Points scored a game, last 10 games",
        "team_points_30g_mean": "Points scored a game, last 30 games",
        "team_margin_5g_mean": "Points scored less points conceded, last 5 games",
        "team_margin_10g_mean": "Points scored less points conceded, last 10 games",
        "team_margin_30g_mean": "Points scored less points conceded, last 30 games",
        "team_margin_30g_std": "How much the margin varied over the last 30 games",
        "team_opponent_elo_5g_mean": "Elo rating of the last 5 opponents before they met",
        "team_opponent_elo_10g_mean": "Elo rating of the last 10 opponents before they met",
        "team_opponent_elo_30g_mean": "Elo rating of the last 30 opponents before they met",
        "team_streak": assay.Feature("Games won in a row; below zero, games lost in a row"),
        "team_last_game_time": assay.Feature("When the last game was known; read by rest_days", internal=True),
        "team_four_games_ago_time": assay.Feature("When the fourth last game was known", internal=True),
    },
)
def team_form(games: pl.LazyFrame) -> pl.LazyFrame:
    """How a team has played lately, whatever the season."""
    columns = {"wins": ("won", "rate"), "points": ("pts", "mean"), "margin": ("margin", "mean")}
    columns["opponent_elo"] = ("opp_elo_i", "mean")
    recent = {
        f"team_{name}_{n_games}g_{aggregation}": windows.last_rows(column, n_games, "mean", entity="team")
        for name, (column, aggregation) in columns.items()
        for n_games in (5, 10, 30)
    }
    return in_order(games).select(
        "team",
        "known_at",
        **recent,
        team_margin_30g_std=windows.last_rows("margin", 30, "std", entity="team", at_least=5),
        team_streak=windows.streak("won", entity="team"),
        team_last_game_time=pl.col("known_at"),
        team_four_games_ago_time=windows.lag("known_at", 3, entity="team"),
    )


@assay.feature_view(
    entity="team",
    source="games",
    ttl=TWO_MONTHS,
    owner="analytics",
    created="2026-11-21",
    features={
        "team_wins_season_rate": "Share of this season's games won so far",
        "team_points_season_mean": "Points scored a game this season",
        "team_margin_season_mean": "Points scored less points conceded a game this season",
        "team_opponent_elo_season_mean": "Elo rating of this season's opponents before they met",
        "team_games_season_count": "Games played this season",
    },
)
def team_season(games: pl.LazyFrame) -> pl.LazyFrame:
    """A team's season so far; nothing before its first game."""
    season = ["team", "year_id"]
    return in_order(games).select(
        "team",
        "known_at",
        team_wins_season_rate=windows.so_far("won", "mean", within=season),
        team_points_season_mean=windows.so_far("pts", "mean", within=season),
        team_margin_season_mean=windows.so_far("margin", "mean", within=season),
        team_opponent_elo_season_mean=windows.so_far("opp_elo_i", "mean", within=season),
        team_games_season_count=windows.so_far("won", "count", within=season),
    )


@assay.feature_view(
    entity="team",
    source="games",
    owner="analytics",
    created="2026-11-21",
    features={
        "team_home_margin_10g_mean": "Margin of the last 10 games at home",
        "team_home_wins_10g_rate": "Share of the last 10 games at home that were won",
        "team_away_margin_10g_mean": "Margin of the last 10 games away",
        "team_away_wins_10g_rate": "Share of the last 10 games away that were won",
    },
)
def team_places(games: pl.LazyFrame) -> pl.LazyFrame:
    """How a team plays at home, and how away; each carried on until the next game of its kind."""
    played = in_order(games).with_columns(place=pl.col("game_location").replace({"N": "A"}))

    def at(place: str, column: str) -> pl.Expr:
        there = pl.when(pl.col("place") == place).then(
            pl.col(column).rolling_mean(10, min_samples=1).over("team", "place")
        )
        return there.forward_fill().over("team")

    return played.select(
        "team",
        "known_at",
        team_home_margin_10g_mean=at("H", "margin"),
        team_home_wins_10g_rate=at("H", "won"),
        team_away_margin_10g_mean=at("A", "margin"),
        team_away_wins_10g_rate=at("A", "won"),
    )


@assay.feature_view(
    entity="matchup",
    source="games",
    ttl=FIVE_YEARS,
    owner="analytics",
    created="2026-11-21",
    features={
        "matchup_wins_10g_rate": "Share of the last 10 meetings that the first of the two teams won",
        "matchup_margin_10g_mean": "Margin of the first of the two teams over the last 10 meetings",
        "matchup_games_all_count": assay.Feature(
            "Meetings so far", known_issues="Counts since 1946: old rivalries stand far above young franchises."
        ),
    },
)
def head_to_head(games: pl.LazyFrame) -> pl.LazyFrame:
    """Past meetings of two teams, seen from the first one's side."""
    meetings = in_order(games).with_columns(matchup=pl.col("fran_id") + "|" + pl.col("opp_fran"))
    return meetings.select(
        "matchup",
        "known_at",
        matchup_wins_10g_rate=windows.last_rows("won", 10, "mean", entity="matchup"),
        matchup_margin_10g_mean=windows.last_rows("margin", 10, "mean", entity="matchup"),
        matchup_games_all_count=windows.so_far("won", "count", within=["matchup"]),
    )


@assay.feature_view(
    entity="league",
    source="games",
    owner="analytics",
    created="2026-11-21",
    features={
        "league_home_wins_1000g_rate": "Share of the league's last 1,000 games that the home team won",
        "league_points_1000g_mean": "Points a team scored in the league's last 1,000 games",
    },
)
def league_trend(games: pl.LazyFrame) -> pl.LazyFrame:
    """How much playing at home is worth by now: it has shrunk over the decades."""
    return (
        in_order(games.filter(pl.col("game_location") == "H"))
        .with_columns(league="lg_id", points=(pl.col("pts") + pl.col("opp_pts")) / 2)
        .select(
            "league",
            "known_at",
            league_home_wins_1000g_rate=windows.last_rows(
                "won", GAMES_IN_A_LEAGUE_SEASON, "mean", entity="league", at_least=100
            ),
            league_points_1000g_mean=windows.last_rows(
                "points", GAMES_IN_A_LEAGUE_SEASON, "mean", entity="league", at_least=100
            ),
        )
    )


@assay.request_view(
    features={
        "home_rest_days": "Days since the home team's last game, at most 10",
        "away_rest_days": "Days since the away team's last game, at most 10",
        "rest_gap_days": "The home team's days of rest less the away team's",
        "load_gap_days": "Days since the fourth last game, at most 20, home less away",
    }
)
def rest_days(rows: pl.DataFrame) -> pl.DataFrame:
    """Rest, which is known only once the day of the game is."""

    def since(moment: str, longest_days: float) -> pl.Expr:
        return windows.days_between(moment, "tipoff_day").clip(upper_bound=longest_days)

    rest = rows.with_columns(
        home_rest_days=since("home_team_last_game_time", LONGEST_REST_DAYS),
        away_rest_days=since("away_team_last_game_time", LONGEST_REST_DAYS),
        home_load_days=since("home_team_four_games_ago_time", 2 * LONGEST_REST_DAYS),
        away_load_days=since("away_team_four_games_ago_time", 2 * LONGEST_REST_DAYS),
    )
    return rest.with_columns(
        rest_gap_days=pl.col("home_rest_days") - pl.col("away_rest_days"),
        load_gap_days=pl.col("home_load_days") - pl.col("away_load_days"),
    )


@assay.request_view(
    features={
        "rating_gap": "Home rating less away rating, plus the home edge of the league's last 1,000 games in Elo points",
        "wins_season_gap": "Home team's share of games won this season less the away team's",
        "margin_season_gap": "Home team's mean margin this season less the away team's",
        "margin_10g_gap": "Home team's mean margin over 10 games less the away team's",
        "margin_30g_gap": "Home team's mean margin over 30 games less the away team's",
        "strength_30g_gap": "Margin plus opponents' rating over 30 games, in Elo points, home less away",
        "places_margin_gap": "Home team's margin at home less the away team's margin away",
        "streak_gap": "Home team's streak less the away team's, each cut at 10 games",
    }
)
def gaps(rows: pl.DataFrame) -> pl.DataFrame:
    """The two teams against each other, home less away."""

    def gap(feature: str) -> pl.Expr:
        return pl.col(f"home_{feature}") - pl.col(f"away_{feature}")

    elo_of_a_point = 28.0  # 538: one point of margin is worth about 28 points of Elo
    strength = gap("team_margin_30g_mean") * elo_of_a_point + gap("team_opponent_elo_30g_mean")
    home_wins = pl.col("league_home_wins_1000g_rate").fill_null(0.6).clip(0.5, 0.75)
    edge = HOME_EDGE_FACTOR * 400 * (home_wins / (1 - home_wins)).log(10)
    court = pl.when(pl.col("neutral")).then(0.0).otherwise(edge)
    streaks = pl.col("home_team_streak").clip(-10, 10) - pl.col("away_team_streak").clip(-10, 10)
    return rows.select(
        rating_gap=pl.col("home_elo") - pl.col("away_elo") + court,
        wins_season_gap=gap("team_wins_season_rate"),
        margin_season_gap=gap("team_margin_season_mean"),
        margin_10g_gap=gap("team_margin_10g_mean"),
        margin_30g_gap=gap("team_margin_30g_mean"),
        strength_30g_gap=strength,
        places_margin_gap=pl.col("home_team_home_margin_10g_mean") - pl.col("away_team_away_margin_10g_mean"),
        streak_gap=streaks,
    )
