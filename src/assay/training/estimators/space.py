"""Search spaces as plain data, and the record that makes an estimator known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from assay.errors import UsageError
from assay.models.signature import Task
from assay.training.fitted import Fitted
from assay.training.matrices import Matrices


@dataclass(frozen=True, slots=True)
class Dimension:
    """A hyperparameter's range, both ends included; `is_log` spreads trials evenly over orders of magnitude."""

    low: float
    high: float
    default: float
    is_log: bool = False
    is_integer: bool = False


class Trainer(Protocol):
    """Fits one estimator again and again on the same rows, having prepared them once."""

    def fit(self, params: Mapping[str, Any], *, to_beat: float | None = None) -> Fitted:
        """Fit with every hyperparameter given.

        Args:
            to_beat: The best loss on validation so far, in the metric that is searched; a fit that cannot come below
                it may give up. None: never give up.
        """


@dataclass(frozen=True, slots=True)
class Estimator:
    """A kind of model that can be searched.

    Attributes:
        name: As it is written in assay.yaml.
        label: As people read it.
        task: What it can learn.
        space: Its hyperparameters by name.
        prepare: From (rows, seed, name of the searched metric) to its trainer.
    """

    name: str
    label: str
    task: Task
    space: Mapping[str, Dimension]
    prepare: Callable[[Matrices, int, str], Trainer]

    @property
    def defaults(self) -> dict[str, float | int]:
        return {name: _typed(one, one.default) for name, one in self.space.items()}

    def complete(self, params: Mapping[str, Any]) -> dict[str, float | int]:
        """`params` with the defaults for those that are absent.

        Raises:
            UsageError: One is not a hyperparameter of this estimator, or not a number.
        """
        for name, value in params.items():
            if name not in self.space:
                closest = difflib.get_close_matches(name, self.space, n=1)
                hint = f"Closest: {closest[0]!r}." if closest else f"It has: {', '.join(self.space)}."
                raise UsageError(f"{self.name} has no hyperparameter {name!r}. {hint}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UsageError(f"hyperparameter {name!r} of {self.name} must be a number, not {value!r}.")
        return self.defaults | {name: _typed(self.space[name], value) for name, value in params.items()}


def _typed(dimension: Dimension, value: float) -> float | int:
    return round(value) if dimension.is_integer else float(value)
