"""Slices: for which declared segments is the model worse than for everybody else?

Each slice is tested against all other rows; p-values are adjusted for the number of slices looked at (Holm, 1979),
because among forty segments two look bad by chance alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from assay.evaluation.interval_methods import standard_error
from assay.evaluation.intervals import bootstrap
from assay.metrics.estimate import Estimate
from assay.metrics.index import METRICS
from assay.metrics.metric import Metric
from assay.metrics.statistic import Floats

MIN_ROWS = 30  # a smaller slice is listed and not judged
MAX_VALUES = 20  # of a column, the most frequent first; the rest are one slice
MAX_SLICES = 100
SIGNIFICANT = 0.05
N_QUANTILES = 4  # a numeric column with more values than MAX_VALUES is cut into so many
OTHERS = "(all others)"
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Slice:
    """One segment and how the model does on it.

    Attributes:
        column: The segment's column.
        value: Its value, or a range of a numeric column.
        n: Rows.
        estimate: The primary metric on them.
        difference: That less the metric on all other rows; nan if not judged.
        p_value: Chance of so bad a difference, or worse, in a segment like the rest; one-sided; nan if not judged.
        p_adjusted: The same after Holm's adjustment for all slices judged; nan if not judged.
        worse: Significantly worse than the rest, after adjustment.
        mean_score: Mean prediction.
        mean_truth: Mean truth; where it is far from `mean_score` the segment is miscalibrated.
        calibration_error: Over ten bins, of probabilities; nan for regression.
    """

    column: str
    value: str
    n: int
    estimate: Estimate
    difference: float
    p_value: float
    p_adjusted: float
    worse: bool
    mean_score: float
    mean_truth: float
    calibration_error: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"estimate": self.estimate}


def judge_slices(
    truth: Floats,
    scores: Floats,
    segments: Mapping[str, npt.ArrayLike],
    *,
    metric: Metric,
    rng: np.random.Generator,
    resamples: int,
    level: float = 0.95,
) -> tuple[Slice, ...]:
    """Judge every segment, those that did worst first.

    Args:
        truth: Shape (n_rows,).
        scores: Shape (n_rows,).
        segments: Column name to the segment of each row, shape (n_rows,): text, numbers, flags; missing is a segment.
        metric: The primary metric.
        rng: Source of the bootstrap draws.
        resamples: Bootstrap samples for each slice's interval.
        level: Nominal coverage.
    """
    named = list(_named_slices(segments))[:MAX_SLICES]
    tests = [_against_rest(metric, truth, scores, rows) for _, _, rows in named]
    adjusted = holm([p_value for _, p_value in tests])
    slices = []
    for (column, value, rows), (difference, p_value), p_adjusted in zip(named, tests, adjusted, strict=True):
        own_truth, own_scores = truth[rows], scores[rows]
        slices.append(
            Slice(
                column=column,
                value=value,
                n=len(own_truth),
                estimate=bootstrap(metric, own_truth, own_scores, rng=rng, n_resamples=resamples, level=level),
                difference=difference,
                p_value=p_value,
                p_adjusted=p_adjusted,
                worse=p_adjusted < SIGNIFICANT,
                mean_score=float(own_scores.mean()),
                mean_truth=float(own_truth.mean()),
                calibration_error=_calibration_error(metric, own_truth, own_scores),
            )
        )
    return tuple(sorted(slices, key=lambda one: (np.isnan(one.p_value), one.p_value)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of even one false alarm stays below the level; nan stays nan and uncounted.

    Source:
        Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    adjusted = [float("nan")] * len(p_values)
    judged = sorted((p_value, place) for place, p_value in enumerate(p_values) if not np.isnan(p_value))
    highest = 0.0
    for rank, (p_value, place) in enumerate(judged):
        highest = max(highest, min(1.0, (len(judged) - rank) * p_value))
        adjusted[place] = highest
    return adjusted


def _named_slices(segments: Mapping[str, npt.ArrayLike]) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    for column, values in segments.items():
        names = _segment_names(np.asarray(values))
        found, counts = np.unique(names, return_counts=True)
        by_size = found[np.argsort(-counts, kind="stable")]
        kept = by_size if len(by_size) <= MAX_VALUES else by_size[: MAX_VALUES - 1]
        if len(found) < 2:
            continue
        for value in kept:
            yield column, str(value), names == value
        if len(kept) < len(by_size):
            yield column, OTHERS, ~np.isin(names, kept)


def _segment_names(values: npt.NDArray[Any]) -> npt.NDArray[np.str_]:
    """A name for each row's segment: its value, or the quarter of a numeric column that it lies in."""
    if values.dtype.kind in "iuf":
        numbers = values.astype(np.float64)
        present = numbers[np.isfinite(numbers)]
        if len(np.unique(present)) > MAX_VALUES:
            return _quarters(numbers, present)
        return np.array([f"{number:g}" if np.isfinite(number) else MISSING for number in numbers], dtype=np.str_)
    return np.array([MISSING if value is None or value != value else str(value) for value in values.tolist()])


def _quarters(numbers: Floats, present: Floats) -> npt.NDArray[np.str_]:
    edges = np.unique(np.quantile(present, np.linspace(0, 1, N_QUANTILES + 1)))
    names = np.array([f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)] + [MISSING])
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    return names[np.where(np.isfinite(numbers), place, len(names) - 1)]


def _against_rest(metric: Metric, truth: Floats, scores: Floats, rows: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The difference to all other rows and its one-sided p-value, by the normal law of two independent figures."""
    parts = [(truth[here], scores[here]) for here in (rows, ~rows)]
    if min(len(part[0]) for part in parts) < MIN_ROWS:
        return float("nan"), float("nan")
    own, rest = (metric(*part) for part in parts)
    own_error, rest_error = (standard_error(metric.prepare(*part).influence()) for part in parts)
    spread = math.hypot(own_error, rest_error)
    difference = own - rest
    if not np.isfinite(difference) or spread == 0:
        return difference, float("nan")
    return difference, float(ndtr((difference if metric.higher_is_better else -difference) / spread))


def _calibration_error(metric: Metric, truth: Floats, scores: Floats) -> float:
    is_probability = metric.task == "classification" and scores.min() >= 0 and scores.max() <= 1
    return METRICS["expected_calibration_error"](truth, scores) if is_probability else float("nan")
