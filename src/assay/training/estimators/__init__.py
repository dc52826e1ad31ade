"""The index of estimators: a new one is its file and one line here."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from assay.errors import ConfigError
from assay.models.signature import Task
from assay.training.estimators.boosting import LIGHTGBM_CLASSIFIER, LIGHTGBM_REGRESSOR
from assay.training.estimators.linear import LOGISTIC, RIDGE
from assay.training.estimators.space import Estimator

ESTIMATORS: tuple[Estimator, ...] = (LOGISTIC, RIDGE, LIGHTGBM_CLASSIFIER, LIGHTGBM_REGRESSOR)

COUNTERPART = {"logistic": "ridge", "ridge": "logistic"}
"""A name that exists for the other task only stands for its sibling, so that the default list serves both tasks."""


def estimator_named(name: str, *, task: Task) -> Estimator:
    """The estimator of that name for a task; `logistic` means ridge where numbers are predicted.

    Raises:
        ConfigError: There is none.
    """
    known = {one.name: one for one in ESTIMATORS if one.task == task}
    found = known.get(name) or known.get(COUNTERPART.get(name, ""))
    if found is None:
        closest = difflib.get_close_matches(name, known, n=1)
        hint = f"Closest: {closest[0]!r}." if closest else f"There are: {', '.join(known)}."
        raise ConfigError(f"training.estimators: there is no estimator {name!r} for {task}. {hint}")
    return found


def estimators_named(names: Sequence[str], *, task: Task) -> tuple[Estimator, ...]:
    """The estimators of these names, each once.

    Raises:
        ConfigError: A name is unknown, or there is no name at all.
    """
    if not names:
        raise ConfigError("training.estimators is empty. Name at least one, for example lightgbm.")
    found = {one.name: one for one in (estimator_named(name, task=task) for name in names)}
    return tuple(found.values())
