"""Intervals: how far a figure may be from what more rows would show.

Each of three methods does what it is good at: the BCa bootstrap for most figures, Wilson's score interval for plain
shares, and for calibration error, which noise can only enlarge, a bootstrap that allows for that. The formulas are
in `interval_methods.py`, the drawing of samples in `resampling.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from assay.evaluation import interval_methods as methods
from assay.evaluation.interval_methods import Interval
from assay.evaluation.resampling import codes_of, over_units, resampled
from assay.metrics.calibration import noise_of_gaps
from assay.metrics.estimate import Estimate
from assay.metrics.index import metric_named
from assay.metrics.metric import Metric
from assay.metrics.statistic import Codes, Floats, OfSums, Statistic

MANY_ROWS = 50_000  # beyond, rows are drawn in random bundles: the same spread for a fraction of the work
N_BUNDLES = 10_000
NEARLY_NORMAL = 0.01  # acceleration below which BCa and normal intervals agree to two digits of their width


def bootstrap(
    metric: Metric | str,
    truth: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1_000,
    level: float = 0.95,
    groups: npt.ArrayLike | None = None,
) -> Estimate:
    """One metric, by name or itself, with its interval; see `bootstrap_all`."""
    chosen = metric_named(metric) if isinstance(metric, str) else metric
    estimates = bootstrap_all([chosen], truth, scores, rng=rng, n_resamples=n_resamples, level=level, groups=groups)
    return estimates[chosen.name]


def bootstrap_all(
    metrics: Sequence[Metric],
    truth: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1_000,
    level: float = 0.95,
    groups: npt.ArrayLike | None = None,
) -> dict[str, Estimate]:
    """Metrics with their intervals, all from the same bootstrap samples.

    Args:
        metrics: Of one task.
        truth: 0/1 or numbers, shape (n_rows,).
        scores: Shape (n_rows,).
        rng: Source of the draws.
        n_resamples: Bootstrap samples.
        level: Nominal coverage, in (0, 1).
        groups: Group of each row, shape (n_rows,), where rows of a group depend on each other; groups are then drawn
            as wholes. None where rows are independent.

    Returns:
        By name of the metric. Where no interval would be honest its ends are nan and the method says why.

    Raises:
        DataError: Truth and scores do not fit each other or the metric.
    """
    n_rows = int(np.size(truth))
    values = {metric.name: metric(truth, scores) for metric in metrics}
    units = units_of(n_rows, groups=groups, rng=rng)
    judged = [metric for metric in metrics if n_rows > 1 and np.isfinite(values[metric.name])]
    prepared = [_prepared(metric, truth, scores, units) for metric in judged]
    sampled = [
        [] if _has_formula(metric, statistics[0], groups=groups, n_rows=n_rows) else statistics
        for metric, statistics in zip(judged, prepared, strict=True)
    ]
    n_units = n_rows if units is None else int(units.max()) + 1
    flat = [statistic for statistics in sampled for statistic in statistics]
    draws = iter(resampled(flat, n_units=n_units, n_rows=n_rows, n_resamples=n_resamples, rng=rng))
    intervals = {metric.name: methods.NONE for metric in metrics}
    for metric, statistics, drawn in zip(judged, prepared, sampled, strict=True):
        own = list(islice(draws, len(drawn)))
        intervals[metric.name] = _interval(metric, values[metric.name], statistics[0], own, n_rows=n_rows, level=level)
    return {name: _estimate(values[name], intervals[name], n_rows=n_rows, level=level) for name in values}


def units_of(n_rows: int, *, groups: npt.ArrayLike | None, rng: np.random.Generator) -> Codes | None:
    """What is drawn as a whole: groups, random bundles where rows are very many, otherwise (None) each row."""
    if groups is not None:
        return codes_of(groups)
    return rng.permutation(n_rows) % N_BUNDLES if n_rows > MANY_ROWS else None


def _prepared(metric: Metric, truth: npt.ArrayLike, scores: npt.ArrayLike, units: Codes | None) -> list[Statistic]:
    """The metric's statistic, and after it that of its noise where the method needs one."""
    statistic = metric.prepare(truth, scores)
    statistics = [statistic]
    if metric.interval == "folded" and isinstance(statistic, OfSums):
        statistics.append(noise_of_gaps(statistic))
    return statistics if units is None else [over_units(one, units) for one in statistics]


def _has_formula(metric: Metric, statistic: Statistic, *, groups: npt.ArrayLike | None, n_rows: int) -> bool:
    """Whether an interval without resamples is as good: a share of rows, or a ranking of very many."""
    if metric.interval == "wilson" and groups is None:
        return True
    return not isinstance(statistic, OfSums) and is_normal(statistic, n_rows=n_rows)


def is_normal(statistic: Statistic, *, n_rows: int) -> bool:
    """Whether rows are so many, and the figure so little skewed, that resampling would only repeat the normal law."""
    return n_rows > MANY_ROWS and abs(methods.acceleration(statistic.influence())) < NEARLY_NORMAL


def _interval(
    metric: Metric, value: float, statistic: Statistic, draws: list[Floats], *, n_rows: int, level: float
) -> Interval:
    if not draws and metric.interval == "wilson":
        return methods.wilson(value, n_rows, level=level)
    if not draws:
        return methods.normal(value, statistic.influence(), level=level)
    if metric.interval == "folded":
        return methods.folded(value, draws[0], draws[1], level=level)
    return methods.bca(value, draws[0], statistic.influence(), level=level)


def _estimate(value: float, interval: Interval, *, n_rows: int, level: float) -> Estimate:
    return Estimate(value, interval.low, interval.high, n_rows, interval.method, level)
