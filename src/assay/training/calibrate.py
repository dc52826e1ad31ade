"""Fitting calibrators on validation scores, and choosing among them by cross-fitted log loss.

What a calibrator is, and how it is kept, is `assay.models.calibrator`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from assay.errors import DataError
from assay.metrics.index import METRICS
from assay.models.calibrator import (
    EDGE,
    Calibrator,
    IsotonicCalibrator,
    Method,
    NoCalibrator,
    PlattCalibrator,
)

Array = np.ndarray[Any, np.dtype[np.float64]]

FOLDS = 5
MINIMUM_ROWS = 200
"""Fewer validation rows than these, or fewer than `FOLDS` of a class, teach a calibrator noise: `auto` takes none."""


def calibrate(scores: Array, truth: Array, *, method: Method | Literal["auto"] = "auto", seed: int = 0) -> Calibrator:
    """Fit a calibrator on rows that the model was not fitted on.

    Args:
        scores: Probabilities of the positive class, shape (n_rows,).
        truth: 0 or 1, shape (n_rows,).
        method: `auto` takes the one with the least cross-fitted log loss; of equals the simpler.
        seed: Of the folds.

    Raises:
        DataError: `isotonic` or `platt` is asked for where the rows hold one class, or none.
    """
    if method == "auto":
        method = best_method(scores, truth, seed=seed)
    if method != "none" and len(np.unique(truth)) < 2:
        raise DataError(
            f"calibration by {method} needs both classes among the {len(truth):,} validation rows. Make the validation "
            "period longer, or set evaluation.calibrate to none."
        )
    return _FITS[method](scores, truth)


def best_method(scores: Array, truth: Array, *, seed: int = 0) -> Method:
    """The method with the least cross-fitted log loss; none where there are too few rows to tell."""
    if len(truth) < MINIMUM_ROWS or min(truth.sum(), len(truth) - truth.sum()) < FOLDS:
        return "none"
    losses = cross_fitted_log_loss(scores, truth, seed=seed)
    return min(losses, key=lambda one: losses[one])


def cross_fitted_log_loss(scores: Array, truth: Array, *, seed: int = 0) -> dict[Method, float]:
    """Log loss of each method on rows that its calibrator did not see.

    Folds are drawn at random within each class. Folds that spread the scores evenly would repeat the noise of the rows
    that were fitted in those held out, and flatter isotonic.
    """
    rng = np.random.default_rng(seed)
    folds = np.empty(len(truth), dtype=np.int64)
    for label in (0, 1):
        rows = np.flatnonzero(truth == label)
        folds[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    losses: dict[Method, float] = {}
    for method, fit in _FITS.items():
        fitted = np.empty(len(truth))
        for fold in range(FOLDS):
            held_out = folds == fold
            fitted[held_out] = fit(scores[~held_out], truth[~held_out]).apply(scores[held_out])
        losses[method] = METRICS["log_loss"](truth, fitted)
    return losses


def fit_platt(scores: Array, truth: Array) -> PlattCalibrator:
    """Logistic regression of the truth on the log odds, with Platt's softened targets and a slope of at least 0.

    Source:
        Platt (1999), Probabilistic outputs for support vector machines, section 2.2.
    """
    from scipy.optimize import minimize

    held = np.clip(scores, EDGE, 1 - EDGE)
    odds = np.log(held / (1 - held))
    n_positive = truth.sum()
    high, low = (n_positive + 1) / (n_positive + 2), 1 / (len(truth) - n_positive + 2)
    target = np.where(truth == 1, high, low)

    def loss(at: Array) -> tuple[float, Array]:
        margin = at[0] * odds + at[1]
        residual = 0.5 * (1 + np.tanh(0.5 * margin)) - target
        value = np.logaddexp(0, margin) - target * margin
        return float(value.mean()), np.array([(residual * odds).mean(), residual.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)])
    return PlattCalibrator(float(found.x[0]), float(found.x[1]))


def fit_isotonic(scores: Array, truth: Array) -> IsotonicCalibrator:
    """The increasing map of least squares, held one row's worth away from certainty."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(out_of_bounds="clip").fit(scores, truth)
    doubt = 1 / (len(truth) + 2)  # a certain 0 or 1 would cost an infinite log loss the first time it is wrong
    heights = np.maximum.accumulate(np.clip(model.y_thresholds_, doubt, 1 - doubt))
    return IsotonicCalibrator(tuple(model.X_thresholds_.tolist()), tuple(heights.tolist()))


_FITS: Mapping[Method, Callable[[Array, Array], Calibrator]] = {
    "none": lambda _scores, _truth: NoCalibrator(),
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}
