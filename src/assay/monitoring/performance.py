"""Performance in production: the primary metric on the labels that have arrived, beside what was promised at release.

Knows no model and no log; predictions and labels come as frames, and the metric's interval from a function given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from assay.config.durations import format_duration
from assay.config.settings import Monitoring
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import Estimate
from assay.metrics.metric import Metric

Floats = np.ndarray[Any, np.dtype[np.float64]]
Measure = Callable[[Floats, Floats], Estimate]
"""From truth and scores, both of shape (n,), to the metric with its interval."""


def join_labels(predictions: pl.LazyFrame, labels: pl.LazyFrame) -> pl.DataFrame:
    """Put each label beside its prediction.

    Args:
        predictions: `id`, `time`, `value`, `probability` (null for a regression) and, where it is logged, `source`;
            answers that did not come from the model are left out.
        labels: `prediction` (an id), `value` and `received`; the last received of an id counts.

    Returns:
        `id`, `time`, `score` (the probability, else the value), `truth` and `received`, a row for each prediction of
        the model, in order of time; `truth` and `received` are null where no label has arrived, and `truth` where
        the label of a classification is neither 0 nor 1.
    """
    if "source" in predictions.collect_schema():
        predictions = predictions.filter(pl.col("source").is_in(["model", "cache"]))
    is_usable = ~pl.col("is_classified") | pl.col("truth").is_in([0.0, 1.0])
    latest = labels.sort("received", maintain_order=True).unique("prediction", keep="last", maintain_order=True)
    return (
        predictions.select(
            "id",
            "time",
            score=pl.coalesce(pl.col("probability").cast(pl.Float64), pl.col("value")),
            is_classified=pl.col("probability").is_not_null(),
        )
        .unique("id", keep="first", maintain_order=True)
        .join(
            latest.select("prediction", "received", truth=pl.col("value").cast(pl.Float64)),
            left_on="id",
            right_on="prediction",
            how="left",
            maintain_order="left",
        )
        .sort("time", maintain_order=True)
        .with_columns(pl.when(is_usable).then("truth"))
        .select("id", "time", "score", "truth", "received")
        .collect()
    )


def measure(
    pairs: pl.DataFrame,
    *,
    metric: Metric,
    interval: Measure,
    reference: Estimate,
    monitoring: Monitoring,
    subject: str = "",
    window: str = "all",
) -> Evidence:
    """Compare the metric on labelled predictions with its value when the model was released.

    Args:
        pairs: As `join_labels` returns them, or the part of a window.
        metric: Says which way is better.
        interval: Computes the metric with its interval.
        reference: The metric at release.
        monitoring: `performance_drop`, relative to the reference, and the fewest labelled rows that are judged.
        subject: `model:name@version`.
        window: What `pairs` covers, in a word.

    Returns:
        Kind `monitoring.performance`: `fail` when the drop is larger than allowed, `warn` when the reference lies
        outside the interval though the drop is allowed, `info` where there are too few labels or the metric is
        undefined, else `pass`. Figures say whether the drop is `significant`: whether the interval leaves the
        reference out.
    """
    labelled = pairs.filter(pl.col("truth").is_not_null() & pl.col("score").is_finite())
    counted = _counted(pairs, labelled) | {"metric": metric.name, "window": window, "reference": reference}
    if labelled.height < monitoring.minimum_rows:
        reason = f"{labelled.height:,} labels of at least {monitoring.minimum_rows:,} needed have arrived"
        return _unknown(subject, window, metric, reason, counted)
    current = interval(labelled["truth"].to_numpy(), labelled["score"].to_numpy())
    drop = relative_drop(current.value, reference.value, metric=metric)
    if math.isnan(drop):
        reason = f"{metric.name} is undefined on these rows or was at release"
        return _unknown(subject, window, metric, reason, counted | {"current": current})
    significant = drop > 0 and (reference.value < current.low or reference.value > current.high)
    allowed = monitoring.performance_drop
    verdict: Verdict = "fail" if drop > allowed else "warn" if significant else "pass"
    return Evidence(
        kind="monitoring.performance",
        subject=subject,
        verdict=verdict,
        summary=(
            f"{metric.name} {current} over {window}, {reference.value:.4f} at release: "
            f"{abs(drop):.1%} {'worse' if drop > 0 else 'better'} ({allowed:.0%} allowed), "
            f"{labelled.height:,} labels{'' if significant or drop <= 0 else ', within what chance explains'}"
        ),
        figures={**counted, "current": current, "drop": drop, "allowed": allowed, "significant": significant},
    )


def measure_windows(
    pairs: pl.DataFrame,
    *,
    now: datetime,
    metric: Metric,
    interval: Measure,
    reference: Estimate,
    monitoring: Monitoring,
    subject: str = "",
) -> list[Evidence]:
    """`measure` for each of the configured windows, over the labels received within it and until `now`."""
    return [
        measure(
            pairs.filter(pl.col("received").is_between(now - length, now, closed="right")),
            metric=metric,
            interval=interval,
            reference=reference,
            monitoring=monitoring,
            subject=subject,
            window=format_duration(length),
        )
        for length in monitoring.windows
    ]


def relative_drop(value: float, reference: float, *, metric: Metric) -> float:
    """How much worse `value` is than `reference`, as a share of the reference; negative when it is better.

    nan where either is undefined, or the reference is 0 and the value is not.
    """
    worse = reference - value if metric.higher_is_better else value - reference
    if worse == 0:
        return 0.0
    return worse / abs(reference) if reference else math.nan


def _counted(pairs: pl.DataFrame, labelled: pl.DataFrame) -> dict[str, Any]:
    return {
        "n_predictions": pairs.height,
        "n_labelled": labelled.height,
        "coverage": labelled.height / pairs.height if pairs.height else None,
        "first": labelled["time"].min(),
        "last": labelled["time"].max(),
        "first_received": labelled["received"].min(),
        "last_received": labelled["received"].max(),
    }


def _unknown(subject: str, window: str, metric: Metric, reason: str, figures: dict[str, Any]) -> Evidence:
    return Evidence(
        kind="monitoring.performance",
        subject=subject,
        verdict="info",
        summary=f"{metric.name} over {window} not judged: {reason}",
        figures={**figures, "reason": reason},
    )
