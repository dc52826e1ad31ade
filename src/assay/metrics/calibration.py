"""Calibration: do events given probability p happen a share p of the time?

The error is a sum over ten bins of equal width, [0, 0.1) up to [0.9, 1.0]; a second form takes ten bins that hold
equally many rows, which is fairer where most scores lie close together. Both depend on the bins: on few rows they are
above 0 even for a perfect model, because the noise of each bin is counted as error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.metrics.metric import Metric, probabilities
from assay.metrics.statistic import Codes, Floats, OfSums, Statistic, ratio

N_BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows whose scores lie together.

    Attributes:
        low: Where the bin begins; for bins of equal counts, the lowest score in it.
        high: Where it ends, not included except in the last; for bins of equal counts, the highest score in it.
        n: Rows in it.
        score: Their mean score; nan in an empty bin.
        truth: Their mean truth: the share of positives; nan in an empty bin.
    """

    low: float
    high: float
    n: int
    score: float
    truth: float


def equal_width(scores: Floats) -> Codes:
    """The bin of each row, 0 to 9, by a tenth of the range of probabilities."""
    return np.minimum((scores * N_BINS).astype(np.intp), N_BINS - 1)


def equal_count(scores: Floats) -> Codes:
    """The bin of each row, 0 to 9, so that bins hold equally many; equal scores are never parted."""
    if not len(scores):
        return np.zeros(0, dtype=np.intp)
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    return np.searchsorted(edges, scores, side="right").astype(np.intp)


def reliability(truth: Floats, scores: Floats, *, codes: Codes, tenths: bool = False) -> list[ReliabilityBin]:
    """What was said and what happened, bin by bin.

    Args:
        truth: 0/1, or numbers for regression, shape (n_rows,).
        scores: Shape (n_rows,).
        codes: Bin of each row, by `equal_width` or `equal_count`, shape (n_rows,).
        tenths: The bins are tenths of [0, 1], empty ones are given too; otherwise edges are the scores' extremes.
    """
    bins = []
    for code in range(N_BINS) if tenths else np.unique(codes):
        here = codes == code
        inside = scores[here]
        edges = (code / N_BINS, (code + 1) / N_BINS) if tenths else (inside.min(), inside.max())
        means = (inside.mean(), truth[here].mean()) if len(inside) else (np.nan, np.nan)
        bins.append(ReliabilityBin(float(edges[0]), float(edges[1]), len(inside), float(means[0]), float(means[1])))
    return bins


def _error(truth: Floats, scores: Floats, codes: Codes) -> Statistic:
    gaps = np.zeros((len(truth), N_BINS + 1))
    gaps[np.arange(len(truth)), codes] = truth - scores
    gaps[:, N_BINS] = 1.0
    return OfSums(gaps, _mean_absolute_gap)


def _mean_absolute_gap(sums: Floats) -> Floats:
    return ratio(np.abs(sums[..., :N_BINS]).sum(axis=-1), sums[..., N_BINS])


def noise_of_gaps(statistic: OfSums) -> OfSums:
    """The calibration error that resampling alone makes: the same rows, with every bin's gap moved to zero.

    Absolute gaps grow with noise, so that an honest interval must know how large the error of a perfectly calibrated
    model would look on as many rows; `assay.evaluation.intervals` subtracts it.
    """
    gaps = statistic.columns[:, :N_BINS]
    return OfSums(np.column_stack([gaps - gaps.mean(axis=0), statistic.columns[:, N_BINS]]), statistic.combine)


def _equal_width_error(truth: Floats, scores: Floats) -> Statistic:
    return _error(truth, scores, equal_width(probabilities(scores, metric="expected_calibration_error")))


def _equal_count_error(truth: Floats, scores: Floats) -> Statistic:
    return _error(truth, scores, equal_count(probabilities(scores, metric="quantile_calibration_error")))


expected_calibration_error = Metric(
    name="expected_calibration_error",
    label="Calibration error",
    task="classification",
    higher_is_better=False,
    statistic=_equal_width_error,
    meaning="Mean gap between probability and frequency over ten bins of equal width.",
    interval="folded",
)
quantile_calibration_error = Metric(
    name="quantile_calibration_error",
    label="Calibration error, equal counts",
    task="classification",
    higher_is_better=False,
    statistic=_equal_count_error,
    meaning="Mean gap between probability and frequency over ten bins of equally many rows.",
    interval="folded",
)
