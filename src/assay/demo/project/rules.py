"""What the retention team did before: a rule of thumb, scored like any model and kept as the fallback."""

import polars as pl


def quiet_or_angry(rows: pl.DataFrame) -> pl.Series:
    """Chance of leaving: higher for those who buy nothing, who complained of late, or whose price just rose."""
    quiet = (pl.col("days_since_purchase") > 60).fill_null(value=True)
    angry = (pl.col("days_since_ticket") < 30).fill_null(value=False)
    dearer = (pl.col("days_since_price_change") < 45).fill_null(value=False)
    chance = 0.025 + 0.035 * quiet.cast(pl.Float64) + 0.03 * angry.cast(pl.Float64) + 0.02 * dearer.cast(pl.Float64)
    return rows.select(chance=chance)["chance"]
