"""Expectations: which rows answered otherwise than they must, from predictions before and after a change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.config.settings import Behaviour
from assay.metrics.statistic import Floats

ROUNDING = 1e-6  # of a prediction, at least of 1: models compute in 32 bits, and that is no movement

Flags = npt.NDArray[np.bool_]


def failing(test: Behaviour, before: Floats, after: Floats, *, threshold: float) -> Flags:
    """Which rows break the test; a prediction that is no finite number always does.

    Args:
        test: The declaration.
        before: Predictions of the rows as they are, shape (n_rows,).
        after: Predictions of the same rows changed, shape (n_rows,).
        threshold: From which prediction the model decides for the positive class.
    """
    slack = ROUNDING * np.maximum(1.0, np.abs(before))
    with np.errstate(invalid="ignore"):
        if test.kind == "minimum_functionality":
            holds = _within_limits(test, after, threshold=threshold)
        elif test.kind == "directional":
            holds = _in_direction(test, after - before, slack)
        else:
            holds = np.abs(after - before) <= test.tolerance + slack
    return ~(holds & np.isfinite(before) & np.isfinite(after))


def movement(test: Behaviour, before: Floats, after: Floats) -> Floats:
    """How far each prediction moved; of a minimum functionality test, how far it lies beyond its limits."""
    if test.kind != "minimum_functionality":
        return after - before
    low = -np.inf if test.at_least is None else test.at_least
    high = np.inf if test.at_most is None else test.at_most
    return np.where(after < low, after - low, np.where(after > high, after - high, 0.0))


def badness(test: Behaviour, moved: Floats) -> Floats:
    """What puts the worst examples first: a larger number is worse."""
    wrong_way = {"higher": -moved, "not_lower": -moved, "lower": moved, "not_higher": moved}
    return np.nan_to_num(wrong_way[test.expect] if test.expect else np.abs(moved), nan=np.inf)


def _in_direction(test: Behaviour, moved: Floats, slack: Floats) -> Flags:
    if test.expect == "higher":
        return moved > slack
    if test.expect == "lower":
        return moved < -slack
    allowed = test.tolerance + slack
    return moved >= -allowed if test.expect == "not_lower" else moved <= allowed


def _within_limits(test: Behaviour, after: Floats, *, threshold: float) -> Flags:
    holds = np.ones(len(after), dtype=np.bool_)
    if test.at_least is not None:
        holds &= after >= test.at_least
    if test.at_most is not None:
        holds &= after <= test.at_most
    if test.decision is not None:
        holds &= (after >= threshold) == (test.decision == "positive")
    return holds
