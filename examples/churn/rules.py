"""What the retention team does today: it looks at the contract and at how long somebody has been a customer."""

import polars as pl

MONTHS_OF_A_YEAR = 12


def by_contract_and_tenure(rows: pl.DataFrame) -> pl.Series:
    """Shares that the team gives from experience: bound customers stay, new ones without a term leave."""
    new = pl.col("tenure") < MONTHS_OF_A_YEAR
    chance = (
        pl.when(pl.col("contract") == "Two year").then(0.03)
        .when(pl.col("contract") == "One year").then(0.11)
        .when(new).then(0.55)
        .otherwise(0.35)
    )  # fmt: skip
    return rows.select(chance=chance)["chance"]
