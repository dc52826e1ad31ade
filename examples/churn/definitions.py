"""What is known of a customer before the quarter begins, and what is worked out from it."""

import polars as pl

import assay

MONTHS_OF_A_YEAR = 12


def customers_to_score(customers: pl.LazyFrame) -> pl.LazyFrame:
    """One row a customer, columns named in one way; gender and age are carried along and never read by a model."""
    flags = {name: pl.col(column) == "Yes" for name, column in FLAGS.items()}
    return customers.select(
        customer_id=pl.col("customerID"),
        churned=(pl.col("Churn") == "Yes").cast(pl.Int8),
        gender=pl.col("gender"),
        senior=pl.when(pl.col("SeniorCitizen") == 1).then(pl.lit("65 or older")).otherwise(pl.lit("younger")),
        tenure=pl.col("tenure"),
        monthly_charges=pl.col("MonthlyCharges"),
        total_charges=pl.col("TotalCharges"),
        **flags,
        **{name: pl.col(column) for name, column in CATEGORIES.items()},
    )


FLAGS = {
    "partner": "Partner",
    "dependents": "Dependents",
    "phone_service": "PhoneService",
    "paperless_billing": "PaperlessBilling",
}
CATEGORIES = {
    "multiple_lines": "MultipleLines",
    "internet_service": "InternetService",
    "online_security": "OnlineSecurity",
    "online_backup": "OnlineBackup",
    "device_protection": "DeviceProtection",
    "tech_support": "TechSupport",
    "streaming_tv": "StreamingTV",
    "streaming_movies": "StreamingMovies",
    "contract": "Contract",
    "payment_method": "PaymentMethod",
}
ADDED_SERVICES = ("online_security", "online_backup", "device_protection", "tech_support")


@assay.request_view(
    features={
        "charges_to_average": "The last bill against the mean of all bills so far: above 1, it has become dearer",
        "added_services": "How many of security, backup, protection and support the customer has",
        "tenure_years": "Years with the company",
        "pays_by_hand": "Whether somebody has to act for each payment",
    }
)
def charges(rows: pl.DataFrame) -> pl.DataFrame:
    """Worked out at request time, from what comes with the request alone."""
    average = pl.col("total_charges") / pl.col("tenure")
    return rows.with_columns(
        charges_to_average=pl.when(pl.col("tenure") > 0).then(pl.col("monthly_charges") / average),
        added_services=pl.sum_horizontal((pl.col(name) == "Yes").cast(pl.Int64) for name in ADDED_SERVICES),
        tenure_years=pl.col("tenure") / MONTHS_OF_A_YEAR,
        pays_by_hand=pl.col("payment_method").str.ends_with("check"),
    )
