"""Transforms of one column of numbers (FE-1): logarithm, two ways to scale, and bins with readable names.

A missing number stays missing. `inverse` gives back what went in, within float64's rounding.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from assay.models.signature import FeatureSpec
from assay.models.transforms.transform import Array, Column, Tensors, as_text


@dataclass(frozen=True, slots=True)
class SignedLog:
    """sign(x) * log(1 + |x|): pulls in the long right tail of amounts, keeps zero and the sign; learns nothing."""

    column: str

    kind: ClassVar[str] = "log"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec(f"log({self.column})", "number"),)

    @classmethod
    def fit(cls, column: str, values: Array) -> Self:  # noqa: ARG003  # as the others are fitted
        return cls(column)

    def many(self, values: Array) -> tuple[Column]:
        result: Array = np.copysign(np.log1p(np.abs(values)), values)
        return (result,)

    def one(self, value: float) -> tuple[float]:
        return (float(np.copysign(np.log1p(abs(value)), value)),)

    def inverse(self, values: Array) -> Array:
        """Undo it; relative error under 1e-13 for numbers below 1e15."""
        result: Array = np.copysign(np.expm1(np.abs(values)), values)
        return result

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        return {}

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column}

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:  # noqa: ARG003  # it has none
        return cls(data["column"])


@dataclass(frozen=True, slots=True)
class _Scaled:
    """(x - centre) / scale.

    Attributes:
        scale: 1 where the training values do not vary, which makes them zeros.
    """

    column: str
    centre: float
    scale: float

    kind: ClassVar[str] = ""

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec(f"{self.kind}({self.column})", "number"),)

    def many(self, values: Array) -> tuple[Column]:
        return ((values - self.centre) / self.scale,)

    def one(self, value: float) -> tuple[float]:
        return ((value - self.centre) / self.scale,)

    def inverse(self, values: Array) -> Array:
        """Undo it; the error is a few units in the last place of the larger of x and the centre."""
        return values * self.scale + self.centre

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        return {f"{self.writes[0].name}.{what}": np.array([getattr(self, what)]) for what in ("centre", "scale")}

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "centre": self.centre, "scale": self.scale}

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:  # noqa: ARG003  # it has none
        return cls(data["column"], data["centre"], data["scale"])


@dataclass(frozen=True, slots=True)
class Standardise(_Scaled):
    """Mean 0 and standard deviation 1 on the training rows."""

    kind: ClassVar[str] = "standardise"

    @classmethod
    def fit(cls, column: str, values: Array) -> Self:
        """Learn mean and standard deviation (of the population) from the values that are there."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(column, 0.0, 1.0)
        return cls(column, float(known.mean()), _usable(float(known.std()), known))


@dataclass(frozen=True, slots=True)
class RobustScale(_Scaled):
    """Median 0 and interquartile range 1 on the training rows, so that outliers do not set the scale."""

    kind: ClassVar[str] = "robust"

    @classmethod
    def fit(cls, column: str, values: Array) -> Self:
        """Learn median and interquartile range from the values that are there."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(column, 0.0, 1.0)
        low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
        return cls(column, float(middle), _usable(float(high - low), known))


@dataclass(frozen=True, slots=True)
class Bin:
    """The bin that a number falls in, as a category: `below 2`, `2 to 10`, `10 and more`.

    Attributes:
        edges: Increasing; a number equal to an edge belongs to the bin that the edge begins.
    """

    column: str
    edges: tuple[float, ...]

    kind: ClassVar[str] = "bin"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec(f"bin({self.column})", "category"),)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the bins, in order: one more than there are edges."""
        if not self.edges:
            return ("any",)
        texts = [as_text(edge) for edge in self.edges]
        if len(set(texts)) < len(texts):
            texts = [repr(edge) for edge in self.edges]
        between = [f"{low} to {high}" for low, high in pairwise(texts)]
        return (f"below {texts[0]}", *between, f"{texts[-1]} and more")

    @classmethod
    def fit(cls, column: str, values: Array, *, bins: int = 5) -> Self:
        """Learn edges between bins of about as many training rows each; fewer bins where values repeat."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(column, ())
        edges = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="higher"))
        return cls(column, tuple(edges[edges > known.min()].tolist()))

    def many(self, values: Array) -> tuple[Column]:
        place = np.searchsorted(np.array(self.edges), values, side="right")
        names = pl.Series(self.names, dtype=pl.String)[place.astype(np.uint32)]
        told = pl.DataFrame({"name": names, "missing": np.isnan(values)})
        return (told.select(pl.when("missing").then(None).otherwise("name")).to_series(),)

    def one(self, value: float) -> tuple[str | None]:
        return (None if value != value else self.names[bisect_right(self.edges, value)],)  # nan

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        return {f"{self.writes[0].name}.edges": np.array(self.edges)}

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "edges": list(self.edges)}

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:  # noqa: ARG003  # it has none
        return cls(data["column"], tuple(data["edges"]))


def _usable(scale: float, known: Array) -> float:
    """The scale, or 1 where it is only the rounding of a constant."""
    return scale if scale > 1e-12 * max(1.0, float(np.abs(known).max())) and np.isfinite(scale) else 1.0
