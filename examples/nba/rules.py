"""What can be said of a game without learning anything: rules that a model must be worth more than."""

import polars as pl

HOME_WIN_RATE = 0.62  # share of all games since 1946 that the home team won; half where nobody is at home


def home_rate(rows: pl.DataFrame) -> pl.Series:
    """The home team wins as often as home teams always have."""
    return rows.select(home_rate=pl.when(pl.col("neutral")).then(0.5).otherwise(HOME_WIN_RATE))["home_rate"]


def elo(rows: pl.DataFrame) -> pl.Series:
    """The published Elo forecast of the home team's win."""
    return rows["elo_forecast"]
