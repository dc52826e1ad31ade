"""What is known of a subscriber when a month begins: purchases, complaints, prices, offers."""

from datetime import timedelta

import polars as pl

import assay

DAY_SECONDS = 86_400


@assay.feature_view(
    entity="customer",
    source="customers",
    owner="retention team",
    created="2026-11-21",
    features={
        "customer_age": "Age in years when the customer joined",
        "customer_region": "Sales region",
        "customer_channel": "How the customer came to us",
        "customer_joined_first": assay.Feature("Day of joining, days since 1970", internal=True),
    },
)
def profile(customers: pl.LazyFrame) -> pl.LazyFrame:
    return customers.select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_age=pl.col("age"),
        customer_region=pl.col("region"),
        customer_channel=pl.col("channel"),
        customer_joined_first=days(pl.col("known_at")),
    )


@assay.feature_view(
    entity="customer",
    source="purchases",
    stream="purchases",  # events of this topic bring the online values up to date between two builds
    history=timedelta(days=90),
    partition_by="customer_id",
    ttl=timedelta(days=365),
    owner="retention team",
    created="2026-11-21",
    features={
        "customer_purchases_30d_count": "Purchases in the 30 days up to the last one",
        "customer_purchases_90d_count": "Purchases in the 90 days up to the last one",
        "customer_spend_30d_sum": "Money spent in the 30 days up to the last purchase",
        "customer_spend_90d_sum": "Money spent in the 90 days up to the last purchase",
        "customer_basket_90d_mean": "Mean amount of a purchase in the 90 days up to the last one",
        "customer_purchase_last": assay.Feature("Day of the last purchase, days since 1970", internal=True),
    },
)
def purchases(purchases: pl.LazyFrame) -> pl.LazyFrame:
    def rolling(what: pl.Expr, days: int) -> pl.Expr:
        return what.rolling(index_column="known_at", period=f"{days}d").over("customer_id")

    return purchases.sort("known_at").select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_purchases_30d_count=rolling(pl.col("amount").count(), 30),
        customer_purchases_90d_count=rolling(pl.col("amount").count(), 90),
        customer_spend_30d_sum=rolling(pl.col("amount").sum(), 30),
        customer_spend_90d_sum=rolling(pl.col("amount").sum(), 90),
        customer_basket_90d_mean=rolling(pl.col("amount").mean(), 90),
        customer_purchase_last=days(pl.col("known_at")),
    )


@assay.feature_view(
    entity="customer",
    source="tickets",
    ttl=timedelta(days=365),
    owner="retention team",
    created="2026-11-21",
    features={
        "customer_tickets_90d_count": "Complaints settled in the 90 days up to the last one",
        "customer_severity_90d_mean": "Mean severity (1-4) of those complaints",
        "customer_wait_90d_mean": "Mean hours until they were settled",
        "customer_ticket_last": assay.Feature("Day the last complaint was settled, days since 1970", internal=True),
    },
)
def complaints(tickets: pl.LazyFrame) -> pl.LazyFrame:
    def rolling(what: pl.Expr) -> pl.Expr:
        return what.rolling(index_column="known_at", period="90d").over("customer_id")

    return tickets.sort("known_at").select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_tickets_90d_count=rolling(pl.col("severity").count()),
        customer_severity_90d_mean=rolling(pl.col("severity").mean()),
        customer_wait_90d_mean=rolling(pl.col("hours_to_settle").mean()),
        customer_ticket_last=days(pl.col("known_at")),
    )


@assay.feature_view(
    entity="plan",
    source="prices",
    owner="retention team",
    created="2026-11-21",
    features={
        "plan_fee_last": "Monthly fee in force",
        "plan_rise_last": "By how much the last change raised the fee, as a share; 0 where it never changed",
        "plan_change_last": assay.Feature("Day of the last change, days since 1970", internal=True),
    },
)
def prices(prices: pl.LazyFrame) -> pl.LazyFrame:
    before = pl.col("monthly_fee").shift(1).over("plan")
    return prices.sort("known_at").select(
        "known_at",
        "plan",
        plan_fee_last=pl.col("monthly_fee"),
        plan_rise_last=(pl.col("monthly_fee") / before - 1).fill_null(0.0),
        plan_change_last=days(pl.col("known_at")),
    )


@assay.feature_view(
    entity="customer",
    source="offers",
    ttl=timedelta(days=180),
    owner="retention team",
    created="2026-11-21",
    features={
        "customer_discount_last": "Discount of the last retention offer, percent",
        "customer_offer_last": assay.Feature("Day of the last offer, days since 1970", internal=True),
    },
)
def offers(offers: pl.LazyFrame) -> pl.LazyFrame:
    return offers.select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_discount_last=pl.col("discount_percent"),
        customer_offer_last=days(pl.col("known_at")),
    )


@assay.request_view(
    features={
        "tenure_days": "Days since joining",
        "days_since_purchase": "Days since the last purchase",
        "missed_purchases": "Purchases expected since the last one, by the rhythm of the 90 days before it",
        "days_since_ticket": "Days since the last settled complaint",
        "days_since_price_change": "Days since the plan's last price change",
        "days_since_offer": "Days since the last retention offer",
        "spend_to_fee": "Money spent in the last 90 days against three monthly fees",
        "felt_rise": "The last price rise, fading by half every 40 days",
    }
)
def moment(rows: pl.DataFrame) -> pl.DataFrame:
    today = days(pl.col("month"))
    since_change = today - pl.col("plan_change_last")
    since_purchase = today - pl.col("customer_purchase_last")
    return rows.with_columns(
        tenure_days=today - pl.col("customer_joined_first"),
        days_since_purchase=since_purchase,
        missed_purchases=since_purchase * pl.col("customer_purchases_90d_count") / 90,
        days_since_ticket=today - pl.col("customer_ticket_last"),
        days_since_price_change=since_change,
        days_since_offer=today - pl.col("customer_offer_last"),
        spend_to_fee=pl.col("customer_spend_90d_sum") / (3 * pl.col("plan_fee_last")),
        felt_rise=pl.col("plan_rise_last") * (0.5 ** (since_change / 40)),
    )


def days(moment: pl.Expr) -> pl.Expr:
    """A moment as days since 1970, with fractions."""
    return moment.dt.epoch("s") / DAY_SECONDS
