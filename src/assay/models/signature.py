"""A signature: what a model reads, in which order and of what kind, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import polars as pl

from assay.errors import DataError

FeatureKind = Literal["number", "flag", "category"]
Task = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One input of a model; `flag` is a boolean, `category` is text from a vocabulary kept by the encoder."""

    name: str
    kind: FeatureKind


@dataclass(frozen=True, slots=True)
class Signature:
    """The ordered feature set of a model and the kind of answer it gives.

    Attributes:
        features: Inputs in the order the matrix holds them.
        task: `classification` answers the probability of the positive label, `regression` a number.
        label: Name of the predicted column.
    """

    features: tuple[FeatureSpec, ...]
    task: Task
    label: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.features)

    def to_json(self) -> dict[str, Any]:
        return {
            "features": [{"name": spec.name, "kind": spec.kind} for spec in self.features],
            "task": self.task,
            "label": self.label,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        features = tuple(FeatureSpec(one["name"], one["kind"]) for one in data["features"])
        return cls(features=features, task=data["task"], label=data["label"])


def infer_signature(inputs: pl.DataFrame, *, task: Task, label: str) -> Signature:
    """Read the kind of each input from its type: numbers, booleans and text; a column of nulls counts as a number.

    Raises:
        DataError: There is no input, or one has a type that a model cannot read, such as a date; all are named.
    """
    if not inputs.columns:
        raise DataError(f"there are no features to learn {label!r} from. Define a feature view or name target.inputs.")
    kinds = {name: _kind(dtype) for name, dtype in inputs.schema.items()}
    unreadable = {name: str(inputs.schema[name]) for name, kind in kinds.items() if kind is None}
    if unreadable:
        raise DataError(
            f"features {unreadable} are neither numbers, booleans nor text. Turn each into one of these in its feature "
            "view, for example a date into days since another date."
        )
    return Signature(tuple(FeatureSpec(name, kind) for name, kind in kinds.items() if kind), task, label)


def _kind(dtype: pl.DataType) -> FeatureKind | None:
    if dtype == pl.Boolean:
        return "flag"
    if dtype.is_numeric() or dtype == pl.Null:
        return "number"
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "category"
    return None
