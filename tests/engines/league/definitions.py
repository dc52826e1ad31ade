"""Views of a small league, in a file of their own so that workers can load them."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import polars as pl

from assay.features.definitions import feature_view


@feature_view(
    entity="team",
    source="games",
    features={
        "team_points_all_sum": "Points so far",
        "team_points_3g_mean": "Mean points of the last three games",
        "team_note": "What was noted last",
        "team_nothing": "Never known",
    },
    ttl=timedelta(days=3),
)
def totals(games):
    points = pl.col("points")
    return games.sort("known_at", maintain_order=True).select(
        "team",
        "known_at",
        team_points_all_sum=points.cum_sum().over("team"),
        team_points_3g_mean=points.cast(pl.Float64).rolling_mean(3, min_samples=1).over("team"),
        team_note=pl.col("note").forward_fill().over("team"),
        team_nothing=pl.lit(None, dtype=pl.Float64),
    )


@feature_view(
    entity="team",
    sources=("games", "trades", "cities"),
    features={"team_points_per_trade": "Points over trades so far", "team_city": "Where it is at home"},
    partition_by={"games": "team", "trades": "club"},
)
def trading(games, trades, cities):
    """Reads two sources that are cut by columns of different names and types, and one that is given whole."""
    n_trades = trades.group_by(team=pl.col("club").cast(pl.String)).agg(n=pl.len())
    return (
        games.join(n_trades, on="team", how="left", maintain_order="left")
        .join(cities, on="team", how="left", maintain_order="left")
        .select("team", "known_at", team_points_per_trade=pl.col("points") / pl.col("n"), team_city="city")
    )


@feature_view(entity="team", source="games", features={"team_points_all_max": "Most points of any game"})
def best(games):
    """Has no time."""
    return games.group_by("team").agg(team_points_all_max=pl.col("points").max())


@feature_view(entity="team", source="games", features={"team_points": "Points"})
def fragile(games):
    """Ends the first worker that runs it with `kill -9`; the rows say which process is the driver."""
    games = games.collect()
    driver, _, folder = (games["note"].first() or "0 .").partition(" ")
    marker = Path(folder) / "killed"
    if int(driver) not in (0, os.getpid()) and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return games.select("team", "known_at", team_points="points")


@feature_view(
    entity="team", source="games", features={"team_points_rank": "Place among all teams"}, partition_by="team"
)
def ranked(games):
    """Reads every team's rows, and so cannot be computed in the partitions that it declares."""
    return games.select("team", "known_at", team_points_rank=pl.col("points").rank("min"))


@feature_view(entity="league", source="games", features={"league_points_all_sum": "Points so far"}, partition_by="team")
def leagues(games):
    """Rows of one league lie in several partitions of teams."""
    return games.select("known_at", league=pl.lit("first"), league_points_all_sum=pl.col("points").cum_sum())
