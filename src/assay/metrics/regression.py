"""MAE, RMSE, R² and MAPE: how far predicted numbers lie from the true ones."""

from __future__ import annotations

import numpy as np

from assay.metrics.metric import Metric
from assay.metrics.statistic import Floats, OfSums, Statistic, mean, mean_of, ratio

CONSTANT = 1e-12  # a variance below this share of the mean square is rounding, not variation


def _mae(truth: Floats, scores: Floats) -> Statistic:
    return mean_of(np.abs(scores - truth))


def _rmse(truth: Floats, scores: Floats) -> Statistic:
    squares = np.column_stack([(scores - truth) ** 2, np.ones(len(truth))])
    return OfSums(squares, lambda sums: np.sqrt(mean(sums)))


def _mape(truth: Floats, scores: Floats) -> Statistic:
    return mean_of(ratio(np.abs(scores - truth), np.abs(truth)))


def _r2(truth: Floats, scores: Floats) -> Statistic:
    centred = truth - truth.mean() if len(truth) else truth  # small numbers, so that the difference below is exact
    return OfSums(np.column_stack([(scores - truth) ** 2, centred, centred**2, np.ones(len(truth))]), _explained)


def _explained(sums: Floats) -> Floats:
    error, first, second, n = (sums[..., column] for column in range(4))
    spread = second - ratio(first**2, n)
    return 1 - ratio(error, np.where(spread > CONSTANT * second, spread, 0.0))


mae = Metric("mae", "Mean absolute error", "regression", False, _mae, "Mean distance from the truth.", "target")
rmse = Metric(
    "rmse",
    "Root mean squared error",
    "regression",
    False,
    _rmse,
    "Typical distance from the truth; large misses weigh more.",
    "target",
)
r2 = Metric("r2", "R²", "regression", True, _r2, "Share of the variance explained; undefined if the truth is constant.")
mape = Metric(
    "mape",
    "Mean absolute percentage error",
    "regression",
    False,
    _mape,
    "Mean distance as a share of the truth; undefined where a true value is 0.",
)
