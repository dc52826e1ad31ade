"""Two or more columns of numbers as one (FE-5): their ratio, their difference, or a product with powers.

Learns nothing; which of the many there could be are kept is chosen in training, by `selection`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from assay.models.signature import FeatureSpec
from assay.models.transforms.transform import Array, Column, Tensors

Operation = Literal["ratio", "difference", "product"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """`a / b`, `a - b` or `a^2 * b`; missing where a part is, and where a ratio divides by zero.

    Attributes:
        columns: Two for a ratio or a difference; two or more for a product, where one may stand several times.
    """

    operation: Operation
    columns: tuple[str, ...]

    kind: ClassVar[str] = "interaction"

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec(self.name, "number"),)

    @property
    def name(self) -> str:
        """As people write it."""
        if self.operation != "product":
            return f" {'/' if self.operation == 'ratio' else '-'} ".join(self.columns)
        powers = Counter(self.columns)
        return " * ".join(column if power == 1 else f"{column}^{power}" for column, power in powers.items())

    def many(self, *columns: Array) -> tuple[Column]:
        first, second, *rest = columns
        if self.operation == "ratio":
            return (np.where(second == 0, np.nan, first / second),)
        if self.operation == "difference":
            return (first - second,)
        product: Array = first * second
        for one in rest:
            product = product * one
        return (product,)

    def one(self, *values: float) -> tuple[float]:
        first, second, *rest = values
        if self.operation == "ratio":
            return (math.nan if second == 0 else first / second,)
        if self.operation == "difference":
            return (first - second,)
        product = first * second
        for value in rest:
            product *= value
        return (product,)

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        return {}

    def to_json(self) -> dict[str, Any]:
        return {"operation": self.operation, "columns": list(self.columns)}

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:  # noqa: ARG003  # it has none
        return cls(data["operation"], tuple(data["columns"]))
