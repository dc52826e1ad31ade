"""A signature: what a model reads, in which order and of what kind, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

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
