"""Performance: labels joined to their predictions, drops by hand, nothing claimed from too few labels."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Monitoring
from assay.metrics.estimate import Estimate
from assay.metrics.index import METRICS
from assay.monitoring.performance import join_labels, measure, measure_windows, relative_drop

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MONITORING = Monitoring(minimum_rows=100)
LOSS, AUC = METRICS["log_loss"], METRICS["roc_auc"]


def estimate(value: float, low: float = math.nan, high: float = math.nan, n: int = 1_000) -> Estimate:
    return Estimate(value, low, high, n, "by hand")


def pairs(n: int = 200, *, received: datetime = NOW) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [str(number) for number in range(n)],
            "time": [received - timedelta(days=1)] * n,
            "score": [0.5] * n,
            "truth": [float(number % 2) for number in range(n)],
            "received": [received] * n,
        }
    )


def judged(now: Estimate, at_release: Estimate, *, metric=LOSS, rows: pl.DataFrame | None = None, **options):
    return measure(
        pairs() if rows is None else rows,
        metric=metric,
        interval=lambda truth, scores: now,
        reference=at_release,
        monitoring=MONITORING,
        subject="model:churn@1.0.0",
        **options,
    )


def test_each_label_finds_its_prediction_and_the_last_received_counts():
    predictions = pl.LazyFrame(
        {
            "id": ["a", "b", "c", "d"],
            "time": [NOW, NOW + timedelta(hours=1), NOW, NOW],
            "value": [1.0, 0.0, 7.0, 1.0],
            "probability": [0.8, 0.3, None, 0.9],
            "source": ["model", "cache", "model", "default"],
        }
    )
    labels = pl.LazyFrame(
        {
            "prediction": ["b", "a", "a", "unknown"],
            "value": [1.0, 0.0, 1.0, 1.0],
            "received": [NOW, NOW + timedelta(hours=2), NOW + timedelta(hours=1), NOW],
        }
    )
    joined = join_labels(predictions, labels)
    assert joined.select("id", "score", "truth").rows() == [("a", 0.8, 0.0), ("c", 7.0, None), ("b", 0.3, 1.0)]
    assert joined["received"].to_list() == [NOW + timedelta(hours=2), None, NOW]


def test_predictions_without_any_label_are_kept():
    predictions = pl.LazyFrame({"id": ["a"], "time": [NOW], "value": [1.0], "probability": [None]})
    labels = pl.LazyFrame(schema={"prediction": pl.String, "value": pl.Float64, "received": pl.Datetime("us", "UTC")})
    assert join_labels(predictions, labels).rows() == [("a", NOW, 1.0, None, None)]


@pytest.mark.parametrize(
    ("metric", "value", "reference", "drop"),
    [
        (LOSS, 0.63, 0.60, 0.05),
        (LOSS, 0.57, 0.60, -0.05),
        (AUC, 0.76, 0.80, 0.05),
        (AUC, 0.84, 0.80, -0.05),
        (LOSS, 0, 0, 0),
    ],
)
def test_the_drop_is_relative_to_the_reference_whichever_way_is_better(metric, value, reference, drop):
    assert relative_drop(value, reference, metric=metric) == pytest.approx(drop)


def test_a_drop_beyond_the_limit_fails_and_says_how_sure_it_is():
    found = judged(estimate(0.65, 0.63, 0.67), estimate(0.60))
    assert (found.kind, found.verdict) == ("monitoring.performance", "fail")
    assert found.figures["drop"] == pytest.approx(0.0833, abs=1e-4)
    assert found.figures["significant"]
    assert "0.6500 [0.6300, 0.6700] over all, 0.6000 at release: 8.3% worse (5% allowed), 200 labels" in found.summary
    unsure = judged(estimate(0.65, 0.55, 0.75), estimate(0.60))
    assert (unsure.verdict, unsure.figures["significant"]) == ("fail", False)
    assert "within what chance explains" in unsure.summary


def test_a_small_drop_warns_only_when_it_is_sure():
    assert judged(estimate(0.62, 0.61, 0.63), estimate(0.60)).verdict == "warn"
    assert judged(estimate(0.62, 0.58, 0.66), estimate(0.60)).verdict == "pass"
    assert judged(estimate(0.55, 0.53, 0.57), estimate(0.60)).verdict == "pass"
    assert judged(estimate(0.62), estimate(0.60)).verdict == "pass"


def test_too_few_labels_are_no_answer():
    rows = pairs().with_columns(truth=pl.when(pl.int_range(pl.len()) < 99).then("truth"))
    found = judged(estimate(0.9), estimate(0.6), rows=rows)
    assert found.verdict == "info"
    assert "99 labels of at least 100" in found.summary
    assert (found.figures["n_predictions"], found.figures["n_labelled"], found.figures["coverage"]) == (200, 99, 0.495)


def test_an_undefined_metric_is_no_answer():
    found = judged(estimate(math.nan), estimate(0.6), metric=AUC)
    assert (found.verdict, found.figures["current"].value) == ("info", pytest.approx(math.nan, nan_ok=True))
    assert "undefined" in found.figures["reason"]


def test_the_interval_is_computed_on_the_labelled_rows_alone():
    rows = pairs().with_columns(truth=pl.when(pl.int_range(pl.len()) < 150).then("truth"))
    seen = []

    def interval(truth: np.ndarray, scores: np.ndarray) -> Estimate:
        seen.append((truth.sum(), len(scores)))
        return estimate(LOSS(truth, scores), 0.69, 0.70)

    found = measure(rows, metric=LOSS, interval=interval, reference=estimate(0.6931), monitoring=MONITORING)
    assert seen == [(75, 150)]
    assert found.figures["current"].value == pytest.approx(math.log(2))
    assert json.dumps(found.to_json())


def test_windows_hold_the_labels_received_in_them():
    rows = pl.concat([pairs(150, received=NOW - timedelta(hours=age)) for age in (0.5, 20, 100, 1_000)])
    found = measure_windows(
        rows,
        now=NOW,
        metric=LOSS,
        interval=lambda truth, scores: estimate(0.6, 0.5, 0.7),
        reference=estimate(0.6),
        monitoring=MONITORING,
    )
    assert [(one.figures["window"], one.figures["n_labelled"]) for one in found] == [
        ("1h", 150),
        ("1d", 300),
        ("7d", 450),
    ]
