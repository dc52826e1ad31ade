"""What predictions are worth to the business (FR-4), in its own unit, per 1,000 predictions.

Worth comes from four amounts (acting or not, on a positive or not) or from a project's function of scores and labels.
Loading that function belongs to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.config.settings import BusinessValue
from assay.errors import ConfigError, DataError
from assay.metrics.estimate import Estimate

PER = 1_000  # predictions

Floats = npt.NDArray[np.float64]
ValueFunction = Callable[[Floats, Floats], npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class Worth:
    """What acting on scores was worth.

    Attributes:
        per_thousand: Value per 1,000 predictions, with a normal interval over rows.
        total: Value of all rows.
        unit: Of both.
        threshold: Acted upon from this score on; None where a function decides.
        counts: Rows that were true and false positives and negatives; empty where a function decides.
        best_possible: Value per 1,000 predictions had every label been known; None where a function decides.
    """

    per_thousand: Estimate
    total: float
    unit: str
    threshold: float | None
    counts: dict[str, int]
    best_possible: float | None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, and `value` for conditions to ask: the value per 1,000 predictions."""
        return {
            "value": self.per_thousand.to_json()["value"],
            "per_thousand": self.per_thousand.to_json(),
            "total": self.total,
            "unit": self.unit,
            "threshold": self.threshold,
            "counts": self.counts,
            "best_possible": self.best_possible,
        }

    def __str__(self) -> str:
        limit = "" if self.threshold is None else f", acting from {self.threshold:.4g}"
        low, high = self.per_thousand.low, self.per_thousand.high
        interval = "" if math.isnan(low) else f" [{low:,.2f}, {high:,.2f}]"
        return f"{self.per_thousand.value:,.2f} {self.unit}{interval} per {PER:,} predictions{limit}"


def row_values(
    scores: npt.ArrayLike,
    truth: npt.ArrayLike,
    value: BusinessValue,
    *,
    threshold: float | None = None,
    function: ValueFunction | None = None,
) -> Floats:
    """What each prediction is worth when acted upon from `threshold` on, shape (n,).

    Args:
        scores: Probability of the positive label, shape (n,); whatever the function takes where there is one.
        truth: 0 or 1, shape (n,); whatever the function takes where there is one.
        value: The amounts and their unit.
        threshold: Needed unless a function decides; found on validation rows by `best_threshold`.
        function: What `value.function` names, loaded: (scores, labels) to a value a row.

    Raises:
        ConfigError: `value` names a function that was not given, or there is neither function nor threshold.
        DataError: Shapes differ, labels are not 0 and 1, or the function's values are unusable.
    """
    found, labels = _rows(scores, truth)
    if value.function is not None or function is not None:
        return _by_function(found, labels, value, function)
    if threshold is None:
        raise ConfigError("a threshold is needed to value scores; find it on validation rows with best_threshold.")
    _refuse_other_labels(labels)
    when_acted = np.where(labels == 1, value.true_positive, value.false_positive)
    return np.where(found >= threshold, when_acted, np.where(labels == 1, value.false_negative, value.true_negative))


def business_value(
    scores: npt.ArrayLike,
    truth: npt.ArrayLike,
    value: BusinessValue,
    *,
    threshold: float | None = None,
    function: ValueFunction | None = None,
) -> Worth:
    """What the scores are worth when acted upon from `threshold` on; arguments and errors as `row_values`."""
    amounts = row_values(scores, truth, value, threshold=threshold, function=function)
    if value.function is not None or function is not None or threshold is None:
        return _worth(amounts, value.unit)
    found, labels = _rows(scores, truth)
    counts = _counts(found >= threshold, labels == 1)
    n_positive, n_negative = int(labels.sum()), int((1 - labels).sum())
    perfect = n_positive * max(value.true_positive, value.false_negative)
    perfect += n_negative * max(value.true_negative, value.false_positive)
    best = PER * perfect / len(labels) if len(labels) else math.nan
    return _worth(amounts, value.unit, threshold=float(threshold), counts=counts, best_possible=best)


def best_threshold(
    scores: npt.ArrayLike, truth: npt.ArrayLike, value: BusinessValue, *, function: ValueFunction | None = None
) -> Worth:
    """The worth at the threshold at which it is greatest; of equals, the highest, which acts least.

    Every distinct score is tried, and one above all of them (never act). Choose on validation rows, then judge other
    rows with `business_value` at that threshold. With a function there is nothing to choose.

    Raises:
        ConfigError: `value` names a function that was not given.
        DataError: As `business_value`, or there are no rows to choose on.
    """
    if value.function is not None or function is not None:
        return business_value(scores, truth, value, function=function)
    found, labels = _rows(scores, truth)
    if not len(found):
        raise DataError("there are no rows to choose a threshold on; give validation rows with their labels.")
    _refuse_other_labels(labels)
    order = np.argsort(-found, kind="stable")
    ranked, positive = found[order], labels[order] == 1
    gained = np.where(positive, value.true_positive - value.false_negative, value.false_positive - value.true_negative)
    totals = np.concatenate([[0.0], np.cumsum(gained)])  # over never acting, after acting on the first k rows
    is_cut = np.concatenate([[True], np.append(ranked[1:] != ranked[:-1], True)])
    candidates = np.flatnonzero(is_cut)
    n_acted = int(candidates[np.argmax(np.round(totals[candidates], 9))])
    threshold = ranked[n_acted - 1] if n_acted else np.nextafter(ranked[0], np.inf)
    return business_value(found, labels, value, threshold=float(threshold))


def value_difference(
    candidate: npt.ArrayLike,
    other: npt.ArrayLike,
    truth: npt.ArrayLike,
    value: BusinessValue,
    *,
    thresholds: tuple[float | None, float | None],
    function: ValueFunction | None = None,
    level: float = 0.95,
) -> Estimate:
    """How much more per 1,000 predictions `candidate` is worth than `other` on the same rows, paired by row.

    Args:
        candidate: Scores of the one, shape (n,).
        other: Scores of the other, shape (n,).
        truth: Labels, shape (n,).
        value: The amounts and their unit.
        thresholds: From where each is acted upon; None where a function decides.
        function: As in `row_values`, whose errors it raises.
        level: Nominal coverage of the interval.
    """
    ours = row_values(candidate, truth, value, threshold=thresholds[0], function=function)
    theirs = row_values(other, truth, value, threshold=thresholds[1], function=function)
    return _mean_per_thousand(ours - theirs, level=level)


def _counts(acted: npt.NDArray[np.bool_], positive: npt.NDArray[np.bool_]) -> dict[str, int]:
    return {
        "true_positive": int(np.sum(acted & positive)),
        "false_positive": int(np.sum(acted & ~positive)),
        "true_negative": int(np.sum(~acted & ~positive)),
        "false_negative": int(np.sum(~acted & positive)),
    }


def _by_function(scores: Floats, truth: Floats, value: BusinessValue, function: ValueFunction | None) -> Floats:
    if function is None:
        raise ConfigError(f"brief.business_value.function: {value.function} was not loaded; give it as `function`.")
    amounts = np.asarray(function(scores, truth), dtype=np.float64)
    if amounts.shape != truth.shape or not np.isfinite(amounts).all():
        raise DataError(
            f"brief.business_value.function: {value.function} gave shape {amounts.shape} with "
            f"{np.count_nonzero(~np.isfinite(amounts))} values that are no numbers; it must give one number for each "
            f"of {len(truth):,} rows."
        )
    return amounts


def _worth(
    amounts: Floats,
    unit: str,
    *,
    threshold: float | None = None,
    counts: dict[str, int] | None = None,
    best_possible: float | None = None,
) -> Worth:
    return Worth(_mean_per_thousand(amounts), float(amounts.sum()), unit, threshold, counts or {}, best_possible)


def _mean_per_thousand(amounts: Floats, *, level: float = 0.95) -> Estimate:
    """Mean of the rows' values times 1,000, with a normal interval; nan where there are no rows."""
    n = len(amounts)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "none", level)
    mean = PER * float(amounts.mean())
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1, "none", level)
    half = PER * NormalDist().inv_cdf((1 + level) / 2) * float(amounts.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n, "normal", level)


def _rows(scores: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[Floats, Floats]:
    found, labels = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if found.ndim != 1 or found.shape != labels.shape:
        raise DataError(f"scores have shape {found.shape} and labels {labels.shape}; give one score for each label.")
    if not (np.isfinite(found).all() and np.isfinite(labels).all()):
        raise DataError("scores and labels must be numbers; leave out rows without a label.")
    return found, labels


def _refuse_other_labels(labels: Floats) -> None:
    if not np.isin(labels, (0.0, 1.0)).all():
        raise DataError("values of true and false positives need labels 0 and 1; for others name a function.")
