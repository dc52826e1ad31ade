"""Reliability: what was predicted beside what happened, bin by bin, with how sure each bin is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.evaluation.interval_methods import normal, wilson
from assay.metrics.calibration import ReliabilityBin, equal_count, equal_width, reliability
from assay.metrics.estimate import Estimate
from assay.metrics.metric import Task
from assay.metrics.statistic import Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far predictions mean what they say.

    Attributes:
        error: Expected calibration error over ten bins of equal width; None for regression.
        bins: Bins of equal width without the empty ones; for regression bins of equal counts.
        intervals: For each of `bins`, the interval of its mean truth; nan for a bin of one row.
        quantile_bins: Bins of equal counts.
    """

    error: Estimate | None
    bins: tuple[ReliabilityBin, ...]
    intervals: tuple[tuple[float, float], ...]
    quantile_bins: tuple[ReliabilityBin, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "error": self.error,
            "bins": [
                asdict(one) | {"truth_low": low, "truth_high": high}
                for one, (low, high) in zip(self.bins, self.intervals, strict=True)
            ],
            "quantile_bins": [asdict(one) for one in self.quantile_bins],
        }


def measure_calibration(
    truth: Floats, scores: Floats, *, task: Task, error: Estimate | None = None, level: float = 0.95
) -> Calibration:
    """Compare predictions with the truth in bins.

    Args:
        truth: 0/1 or numbers, shape (n_rows,), at least one row.
        scores: Probabilities or numbers, shape (n_rows,).
        task: Probabilities are also cut into tenths; numbers only into bins of equal counts.
        error: The calibration error, if it was estimated.
        level: Nominal coverage of each bin's interval.
    """
    by_count = equal_count(scores)
    codes = equal_width(scores) if task == "classification" else by_count
    bins = [one for one in reliability(truth, scores, codes=codes, tenths=task == "classification") if one.n]
    intervals = [_interval(truth[codes == code], task=task, level=level) for code in np.unique(codes)]
    return Calibration(error, tuple(bins), tuple(intervals), tuple(reliability(truth, scores, codes=by_count)))


def _interval(truth: Floats, *, task: Task, level: float) -> tuple[float, float]:
    if task == "classification":
        interval = wilson(float(truth.mean()), len(truth), level=level)
    elif len(truth) > 1:
        interval = normal(float(truth.mean()), (truth - truth.mean()) / len(truth), level=level)
    else:
        return float("nan"), float("nan")
    return interval.low, interval.high
