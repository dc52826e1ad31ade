"""The encoder: rows of named values in, a float32 matrix out, by what was seen in training; plain JSON at rest.

It neither scales nor fills in: a missing number stays nan, and each kind of model decides what that means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.models.signature import FeatureKind, FeatureSpec, Signature

MAX_VOCABULARY = 255
"""Categories kept a column, the most frequent first; the others share the code of the unseen."""

Matrix = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The categories of one column, most frequent first (ties by name); position is code.

    Attributes:
        categories: Text of each code.
        counts: Training rows of each code.
    """

    categories: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def unseen(self) -> int:
        """The code of text that is not in the vocabulary."""
        return len(self.categories)

    @property
    def null(self) -> int:
        """The code of a missing value."""
        return len(self.categories) + 1


@dataclass(frozen=True, slots=True)
class Encoder:
    """Fitted columns in the order of the matrix.

    Attributes:
        features: Name and kind of each column.
        vocabularies: By name, for the columns of kind `category`.
    """

    features: tuple[FeatureSpec, ...]
    vocabularies: Mapping[str, Vocabulary]
    _codes: tuple[tuple[int, dict[Any, int], int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        codes = []
        for position, spec in enumerate(self.features):
            if spec.kind == "category":
                vocabulary = self.vocabularies[spec.name]
                table: dict[Any, int] = {text: code for code, text in enumerate(vocabulary.categories)}
                codes.append((position, table | {None: vocabulary.null}, vocabulary.unseen))
        object.__setattr__(self, "_codes", tuple(codes))

    @classmethod
    def fit(cls, inputs: pl.DataFrame, signature: Signature) -> Self:
        """Learn the vocabularies from training rows, and from nothing else."""
        names = [spec.name for spec in signature.features if spec.kind == "category"]
        return cls(signature.features, {name: _vocabulary(inputs[name]) for name in names})

    def encode(self, rows: pl.DataFrame) -> Matrix:
        """Encode many rows.

        Args:
            rows: Holds every feature by name; further columns are ignored, order does not count.

        Returns:
            Shape (n_rows, n_features): numbers with nan for null and for infinities, flags as 0 and 1 with nan for
            null, categories as codes.

        Raises:
            DataError: A column is absent, or has a type that its kind does not allow.
        """
        missing = [spec.name for spec in self.features if spec.name not in rows.columns]
        if missing:
            raise DataError(f"the rows lack {missing}, which the model reads. They bring {rows.columns}.")
        encoded = rows.select(self._expression(spec, rows.schema[spec.name]).alias(spec.name) for spec in self.features)
        return encoded.to_numpy(order="c")

    def encode_row(self, values: Sequence[Any]) -> Matrix:
        """Encode one row quickly; the same answer as `encode`.

        Args:
            values: One a feature, in order; None where missing.

        Returns:
            Shape (1, n_features).

        Raises:
            DataError: A value has a type that its kind does not allow; names the feature.
        """
        numbers = list(values)
        for position, codes, unseen in self._codes:
            value = numbers[position]
            if not (value is None or isinstance(value, str)):
                raise _wrong_value(self.features[position], value)
            numbers[position] = codes.get(value, unseen)
        if not set(map(type, numbers)) <= _QUICK:
            numbers = [_number(spec, value) for spec, value in zip(self.features, numbers, strict=True)]
        with np.errstate(over="ignore"):
            try:
                row = np.array([numbers], dtype=np.float32)
            except OverflowError:  # an integer beyond a float: as good as infinite
                row = np.array([[_finite(value) for value in numbers]], dtype=np.float32)
        row[np.isinf(row)] = np.nan
        return row

    def fitted_arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What was learnt from training rows: rows of each category, in order of code."""
        return {
            f"encoder.{name}.counts": np.array(one.counts, dtype=np.float64) for name, one in self.vocabularies.items()
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "features": [{"name": spec.name, "kind": spec.kind} for spec in self.features],
            "vocabularies": {
                name: {"categories": list(one.categories), "counts": list(one.counts)}
                for name, one in self.vocabularies.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        vocabularies = {
            name: Vocabulary(tuple(one["categories"]), tuple(one["counts"]))
            for name, one in data["vocabularies"].items()
        }
        return cls(tuple(FeatureSpec(one["name"], one["kind"]) for one in data["features"]), vocabularies)

    def _expression(self, spec: FeatureSpec, dtype: pl.DataType) -> pl.Expr:
        if dtype != pl.Null and not _allows(spec.kind, dtype):
            raise DataError(f"feature {spec.name!r} should be a {spec.kind}, but its column has type {dtype}.")
        column = pl.col(spec.name)
        if spec.kind != "category":
            number = column.cast(pl.Float32, strict=False)
            return pl.when(number.is_infinite()).then(None).otherwise(number).fill_null(math.nan)
        vocabulary = self.vocabularies[spec.name]
        codes = column.cast(pl.String).replace_strict(
            pl.Series(vocabulary.categories, dtype=pl.String),
            pl.Series(range(vocabulary.unseen), dtype=pl.Float32),
            default=float(vocabulary.unseen),
            return_dtype=pl.Float32,
        )
        return pl.when(column.is_null()).then(pl.lit(vocabulary.null, dtype=pl.Float32)).otherwise(codes)


_QUICK = {int, float, bool, type(None)}


def _vocabulary(column: pl.Series) -> Vocabulary:
    counts = column.cast(pl.String).drop_nulls().value_counts(name="rows")
    kept = counts.sort(["rows", column.name], descending=[True, False]).head(MAX_VOCABULARY)
    return Vocabulary(tuple(kept[column.name]), tuple(kept["rows"]))


def _allows(kind: FeatureKind, dtype: pl.DataType) -> bool:
    if kind == "category":
        return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
    return dtype.is_numeric() or dtype == pl.Boolean


def _number(spec: FeatureSpec, value: Any) -> float | None:
    if isinstance(value, str | bytes) or not (value is None or hasattr(value, "__float__")):
        raise _wrong_value(spec, value)
    return None if value is None else float(value)


def _finite(value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError:
        return math.nan


def _wrong_value(spec: FeatureSpec, value: Any) -> DataError:
    expected = "text" if spec.kind == "category" else "a number"
    return DataError(f"feature {spec.name!r} should be {expected} or null, but is {value!r} ({type(value).__name__}).")
