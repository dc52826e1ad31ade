"""The features of this project: each view is one function, run alike for training, backfill and at request time."""

import polars as pl

import assay


@assay.feature_view(
    entity="customer",
    source="events",
    features={"customer_amount_30d_sum": "Money spent in the 30 days up to the last event"},
)
def spending(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.sort("known_at").select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_amount_30d_sum=pl.col("amount")
        .sum()
        .rolling(index_column="known_at", period="30d")
        .over("customer_id"),
    )
