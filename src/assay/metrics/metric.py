"""A metric: a name, which way is better, and how to compute it on truth and scores.

Knows no particular metric (each family has its file, `index.py` lists them all) and makes no interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.errors import DataError
from assay.metrics.statistic import Floats, Statistic

Task = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of merit; call it with truth and scores.

    Attributes:
        name: As it is written in assay.yaml.
        label: As people read it.
        task: `classification` takes 0/1 and the score of 1; `regression` takes numbers.
        higher_is_better: False for losses and errors, whose perfect value is 0; otherwise 1 is perfect.
        statistic: From checked truth and scores to something that can be resampled.
        meaning: One sentence for cards and reports.
        unit: `nats`, `target` (that of the label) or empty for a pure number.
        interval: How its interval is made where rows are resampled (`assay.evaluation.intervals`).
    """

    name: str
    label: str
    task: Task
    higher_is_better: bool
    statistic: Callable[[Floats, Floats], Statistic]
    meaning: str
    unit: Literal["", "nats", "target"] = ""
    interval: Literal["bca", "folded", "wilson"] = "bca"

    def __call__(self, truth: npt.ArrayLike, scores: npt.ArrayLike) -> float:
        """The figure; nan where it is undefined, as it is without rows.

        Raises:
            DataError: Shapes differ, a value is not finite, or a class is neither 0 nor 1.
        """
        prepared = self.prepare(truth, scores)
        n_rows = np.size(truth)
        return float(prepared.at(np.ones((1, n_rows)))[0]) if n_rows else float("nan")

    @property
    def function(self) -> Callable[[npt.ArrayLike, npt.ArrayLike], float]:
        """The metric as a plain function."""
        return self.__call__

    def prepare(self, truth: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
        """The figure as a statistic of row weights; raises as `__call__` does."""
        return self.statistic(*checked(truth, scores, task=self.task))

    def is_better(self, value: float, other: float) -> bool:
        """Whether `value` beats `other`; nan beats nothing and is beaten by nothing."""
        return value > other if self.higher_is_better else value < other

    def skill(self, value: float, no_information: float) -> float:
        """The share of the way from a no-information predictor to perfection, so that metrics can be compared.

        Args:
            value: The figure of the model.
            no_information: The figure of the best constant prediction on the same rows.

        Returns:
            1 for perfection, 0 for no information, below 0 for worse; nan where no information is already perfect.

        Source:
            Murphy (1988), Skill scores based on the mean square error: (score - reference) / (perfect - reference).
        """
        perfect = 1.0 if self.higher_is_better else 0.0
        return (value - no_information) / (perfect - no_information) if perfect != no_information else float("nan")


def checked(truth: npt.ArrayLike, scores: npt.ArrayLike, *, task: Task) -> tuple[Floats, Floats]:
    """Truth and scores as float64 of one shape (n_rows,).

    Raises:
        DataError: Shapes differ, a value is not finite, or a class is neither 0 nor 1.
    """
    truth, scores = np.asarray(truth, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != scores.shape:
        raise DataError(
            f"truth has shape {truth.shape} and scores {scores.shape}; a metric needs one score for each row of truth."
        )
    for name, values in (("truth", truth), ("scores", scores)):
        if not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(values))
            raise DataError(
                f"{len(bad):,} of {len(values):,} {name} are missing or infinite, the first in row {bad[0]}. "
                "Leave out rows without a label, and let the model answer every row."
            )
    if task == "classification" and not np.isin(truth, (0.0, 1.0)).all():
        raise DataError(f"classes must be 0 or 1, but truth also holds {truth[~np.isin(truth, (0.0, 1.0))][0]:g}.")
    return truth, scores


def probabilities(scores: Floats, *, metric: str) -> Floats:
    """The scores, refused where one lies outside [0, 1].

    Raises:
        DataError: A score is not a probability.
    """
    outside = (scores < 0) | (scores > 1)
    if outside.any():
        raise DataError(
            f"{metric} needs probabilities, but {outside.sum():,} scores lie outside [0, 1], for example "
            f"{scores[outside][0]:g}. Calibrate the model, or choose roc_auc."
        )
    return scores
