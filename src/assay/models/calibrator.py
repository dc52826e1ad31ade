"""Calibrators: increasing maps from a model's score to a probability that holds, as JSON. Fitting them is training's.

Isotonic: Zadrozny & Elkan (2002), as straight lines between knots. Platt: Platt (1999), on the log odds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from assay.errors import IntegrityError

Array = np.ndarray[Any, np.dtype[np.float64]]
Method = Literal["none", "platt", "isotonic"]

EDGE = 1e-7
"""Scores are held this far from 0 and 1 before their log odds are taken: float32 scores reach both ends."""


class Calibrator(Protocol):
    """Maps scores in [0, 1] to probabilities; never turns their order round."""

    @property
    def method(self) -> Method: ...

    def apply(self, scores: Array) -> Array:
        """Shape (n,) to shape (n,)."""

    def apply_one(self, score: float) -> float:
        """The same for one score, without arrays."""

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class NoCalibrator:
    """Scores as they are; also for regression."""

    method: Method = "none"

    def apply(self, scores: Array) -> Array:
        return scores

    def apply_one(self, score: float) -> float:
        return score

    def to_json(self) -> dict[str, Any]:
        return {"method": self.method}


@dataclass(frozen=True, slots=True)
class PlattCalibrator:
    """logistic(slope * log odds + offset).

    Attributes:
        slope: Above 1 where the model was too timid, below 1 where it was too sure; never negative.
    """

    slope: float
    offset: float
    method: Method = "platt"

    def __post_init__(self) -> None:
        if not (self.slope >= 0 and math.isfinite(self.slope) and math.isfinite(self.offset)):
            raise IntegrityError(f"a Platt calibrator needs a slope of at least 0 and a finite offset, not {self}.")

    def apply(self, scores: Array) -> Array:
        held = np.clip(scores, EDGE, 1 - EDGE)
        margin = self.slope * np.log(held / (1 - held)) + self.offset
        probabilities: Array = 0.5 * (1.0 + np.tanh(0.5 * margin))
        return probabilities

    def apply_one(self, score: float) -> float:
        held = min(max(score, EDGE), 1 - EDGE)
        margin = self.slope * math.log(held / (1 - held)) + self.offset
        return 0.5 * (1.0 + math.tanh(0.5 * margin))

    def to_json(self) -> dict[str, Any]:
        return {"method": self.method, "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class IsotonicCalibrator:
    """Straight lines between knots, level beyond the first and the last.

    Attributes:
        scores: Knots, increasing, shape (n_knots,).
        probabilities: Heights at the knots, never falling, shape (n_knots,).
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    method: Method = "isotonic"

    def __post_init__(self) -> None:
        rises = np.diff(self.scores) > 0
        if len(self.scores) != len(self.probabilities) or not self.scores or not rises.all():
            raise IntegrityError("an isotonic calibrator needs increasing knots, one height each.")
        if (np.diff(self.probabilities) < 0).any():
            raise IntegrityError("an isotonic calibrator's heights must not fall.")

    def apply(self, scores: Array) -> Array:
        return np.interp(scores, self.scores, self.probabilities)

    def apply_one(self, score: float) -> float:
        right = bisect_right(self.scores, score)
        if right == 0 or right == len(self.scores):
            return self.probabilities[0 if right == 0 else -1]
        start, end = self.scores[right - 1], self.scores[right]
        low, high = self.probabilities[right - 1], self.probabilities[right]
        return low + (high - low) * ((score - start) / (end - start))

    def to_json(self) -> dict[str, Any]:
        return {"method": self.method, "scores": list(self.scores), "probabilities": list(self.probabilities)}


def calibrator_from_json(data: Mapping[str, Any]) -> Calibrator:
    """Read back what `to_json` wrote.

    Raises:
        IntegrityError: The method is unknown, or the numbers do not make an increasing map.
    """
    method = data.get("method")
    if method == "none":
        return NoCalibrator()
    if method == "platt":
        return PlattCalibrator(data["slope"], data["offset"])
    if method == "isotonic":
        return IsotonicCalibrator(tuple(data["scores"]), tuple(data["probabilities"]))
    raise IntegrityError(f"calibration method {method!r} is not one of none, platt, isotonic.")
