"""A linear model over an encoded matrix: impute, mark the missing, one-hot, standardise, weigh; as arrays and as ONNX.

Fitting the weights belongs to training. Everything here computes in float64, so that NumPy and ONNX agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from assay.models.encoder import Encoder, Matrix
from assay.models.signature import Task

MAX_ONE_HOT = 32
"""Categories of a column that get an indicator of their own; the rarer ones share the intercept."""

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Expansion:
    """How the encoded columns become standardised ones; all arrays have shape (n_expanded,).

    Attributes:
        column: Position in the encoded matrix that each expanded column is made from.
        code: The category that it marks; nan where it holds a number.
        marks_missing: 1 where it marks a missing number, else 0.
        fill: Training median, put where a number is missing; 0 for marks.
        mean: Training mean.
        scale: Training standard deviation; 1 for a constant column, which standardising turns into zeros.
    """

    column: np.ndarray[Any, np.dtype[np.int64]]
    code: Array
    marks_missing: Array
    fill: Array
    mean: Array
    scale: Array

    @classmethod
    def fit(cls, matrix: Matrix, encoder: Encoder) -> Self:
        """Learn medians, means and deviations from the encoded training rows."""
        plan = [one for position in range(len(encoder.features)) for one in _columns(position, matrix, encoder)]
        column = np.array([position for position, *_ in plan], dtype=np.int64)
        code, marks, fill = (np.array([one[part] for one in plan], dtype=np.float64) for part in (1, 2, 3))
        raw = cls(column, code, marks, fill, mean=np.zeros(len(plan)), scale=np.ones(len(plan)))
        expanded = raw.apply(matrix)
        deviation = expanded.std(axis=0)
        mean = expanded.mean(axis=0)
        is_constant = deviation <= 1e-9 * np.maximum(1.0, np.abs(mean))
        return cls(column, code, marks, fill, mean, np.where(is_constant, 1.0, deviation))

    def apply(self, matrix: Matrix) -> Array:
        """Standardised columns, shape (n_rows, n_expanded)."""
        values = matrix[:, self.column].astype(np.float64)
        is_missing = np.isnan(values)
        numbers = np.where(is_missing, self.fill, values)
        marks = np.where(self.marks_missing > 0, is_missing, values == self.code)
        is_number = np.isnan(self.code) & (self.marks_missing == 0)
        result: Array = (np.where(is_number, numbers, marks) - self.mean) / self.scale
        return result

    def fitted_arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What was learnt from training rows, by name."""
        return {"linear.fill": self.fill, "linear.mean": self.mean, "linear.scale": self.scale}


@dataclass(frozen=True, slots=True)
class LinearScorer:
    """A fitted linear model.

    Attributes:
        task: `classification` answers a probability through the logistic function.
        coefficient: Weight of each standardised column, shape (n_expanded,).
    """

    task: Task
    n_features: int
    expansion: Expansion
    coefficient: Array
    intercept: float

    kind = "linear"
    filename = "linear.json"

    def score(self, matrix: Matrix) -> Array:
        """Probability or value of each encoded row, shape (n_rows,)."""
        margin: Array = self.expansion.apply(matrix) @ self.coefficient + self.intercept
        return logistic(margin) if self.task == "classification" else margin

    def importance(self) -> Array:
        """Sum of the absolute standardised weights made from each encoded column, shape (n_features,)."""
        totals = np.zeros(self.n_features)
        np.add.at(totals, self.expansion.column, np.abs(self.coefficient))
        return totals

    def to_bytes(self) -> bytes:
        """The model as JSON text."""
        expansion = self.expansion
        document = {
            "task": self.task,
            "n_features": self.n_features,
            "column": expansion.column.tolist(),
            "code": [None if np.isnan(one) else one for one in expansion.code.tolist()],
            "marks_missing": expansion.marks_missing.tolist(),
            "fill": expansion.fill.tolist(),
            "mean": expansion.mean.tolist(),
            "scale": expansion.scale.tolist(),
            "coefficient": self.coefficient.tolist(),
            "intercept": self.intercept,
        }
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        document: Mapping[str, Any] = json.loads(data)
        floats = {
            name: np.array(document[name], dtype=np.float64)
            for name in ("code", "marks_missing", "fill", "mean", "scale", "coefficient")
        }
        coefficient = floats.pop("coefficient")
        expansion = Expansion(column=np.array(document["column"], dtype=np.int64), **floats)
        return cls(document["task"], document["n_features"], expansion, coefficient, document["intercept"])

    def to_onnx(self) -> bytes:
        """The same arithmetic as an ONNX graph from `rows` (float32) to `score`."""
        from assay.models.onnx_graph import linear_graph

        return linear_graph(self)


def logistic(margin: Array) -> Array:
    """1 / (1 + exp(-margin)), without overflow."""
    half: Array = 0.5 * (1.0 + np.tanh(0.5 * margin))
    return half


def _columns(position: int, matrix: Matrix, encoder: Encoder) -> list[tuple[int, float, float, float]]:
    """Plan the expanded columns of one encoded column: (position, code, marks_missing, fill)."""
    spec = encoder.features[position]
    values = matrix[:, position]
    if spec.kind == "category":
        vocabulary = encoder.vocabularies[spec.name]
        codes = list(range(min(vocabulary.unseen, MAX_ONE_HOT)))
        if (values == vocabulary.null).any():
            codes.append(vocabulary.null)
        return [(position, float(code), 0.0, 0.0) for code in codes]
    is_missing = np.isnan(values)
    median = 0.0 if is_missing.all() else float(np.median(values[~is_missing]))
    plan = [(position, np.nan, 0.0, median)]
    if is_missing.any() and not is_missing.all():
        plan.append((position, np.nan, 1.0, 0.0))
    return plan
