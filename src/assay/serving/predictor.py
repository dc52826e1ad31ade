"""The predictor: a model version with its features, ready; rows in, predictions out. HTTP and batch call the same one.

Where features come from is told to it as a function; the pipeline knows the online store and the request views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.models.signature import Signature
from assay.serving.rows import RowSchema

SINGLY_UP_TO = 16
"""Rows that are predicted one by one; from more on, building a frame pays."""

Row = Mapping[str, Any]
Features = Callable[[Sequence[Row]], "pl.DataFrame | Sequence[Mapping[str, Any] | LookedUp]"]
NO_STATES: Mapping[str, str] = MappingProxyType({})
Array = np.ndarray[Any, np.dtype[np.float64]]


class ServedModel(Protocol):
    """The part of a model that serving uses."""

    @property
    def signature(self) -> Signature: ...

    def predict(self, rows: pl.DataFrame, /) -> Array: ...

    def predict_one(self, values: Mapping[str, Any], /) -> float: ...


class EntityMissing(DataError):
    """An entity has no features and the policy is to say so.

    Attributes:
        row: Index of the request row.
        field: The entity's column.
    """

    def __init__(self, *, row: int, field: str, key: object) -> None:
        self.row = row
        self.field = field
        self.key = key
        super().__init__(
            f"row {row}: nothing is known of {field} {key!r} in the online store. Build the features, give them in the "
            "request, or set serving.missing to null."
        )


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Features that were looked up for a row.

    Attributes:
        values: By feature.
        states: What is wrong with some of them, by where they come from: `{"customer.visits": "stale"}`.
    """

    values: Mapping[str, Any]
    states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Attributes:
        value: The class 0 or 1, or the number.
        probability: Of the positive class; None for a regression.
        features: What the model read, by name.
        contributions: Share of each feature in the raw score, in the model's own scale; None where not asked for.
        states: What is wrong with features that were looked up; empty where nothing is.
    """

    value: float
    probability: float | None
    features: Mapping[str, Any]
    contributions: Mapping[str, float] | None = None
    states: Mapping[str, str] = field(default_factory=lambda: NO_STATES)


@dataclass(frozen=True, slots=True)
class Predictor:
    """A version that answers.

    Attributes:
        model: Loaded and verified.
        version: `win-probability@1.2.0`.
        features_for: Looks features up for checked rows; asked only for rows that do not bring them all.
        schema: What a row may hold.
        deployment: Id of the evidence that put the version into production.
        threshold: Probability from which the class is 1.
        explain: Contributions of encoded features for rows of values; None where the model cannot.
    """

    model: ServedModel
    version: str
    features_for: Features
    schema: RowSchema
    deployment: str = ""
    threshold: float = 0.5
    explain: Callable[[pl.DataFrame], Sequence[Mapping[str, float]]] | None = None
    names: tuple[str, ...] = field(init=False)
    log_columns: Mapping[str, Mapping[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        kinds = {spec.name: spec.kind for spec in self.model.signature.features}
        inputs = {name: kind for name, kind in self.schema.fields.items() if name not in kinds}
        object.__setattr__(self, "names", tuple(kinds))
        object.__setattr__(self, "log_columns", {"inputs": inputs, "features": kinds})

    def predict(self, rows: Sequence[Row], *, explain: bool = False) -> list[Prediction]:
        """Answer checked rows, in order.

        Args:
            rows: As `schema.check` lets through. A feature given in a row counts before the looked-up one, null too.
            explain: Add contributions; the predictor must have `explain`.

        Raises:
            EntityMissing: An entity has no features and the policy forbids that.
            DataError: A looked-up feature has a type that the model cannot read.
            ServiceUnreachable: The online store is away, and the policy is to say so.
        """
        values, states = self.read(rows)
        scores = self._score(values)
        told = self.explain(self._frame(values)) if explain and self.explain else [None] * len(values)
        if self.model.signature.task == "regression":
            return [Prediction(s, None, v, c, w) for s, v, c, w in zip(scores, values, told, states, strict=True)]
        limit = self.threshold
        return [
            Prediction(1 if s >= limit else 0, s, v, c, w)
            for s, v, c, w in zip(scores, values, told, states, strict=True)
        ]

    def values(self, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
        """What the model reads of each row: looked-up features, with those of the request put over them."""
        return self.read(rows)[0]

    def read(self, rows: Sequence[Row]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, str]]]:
        """As `values`, and beside them what is wrong with the looked-up features of each row."""
        states = [NO_STATES] * len(rows)
        if all(map(self.schema.given_only, rows)):
            return list(rows), states
        names, given_all = self.names, self.schema.given_all
        lacking = [index for index, row in enumerate(rows) if not given_all(row)]
        looked_up: dict[int, Mapping[str, Any]] = {}
        for index, found in zip(lacking, self._look_up(rows, lacking) if lacking else (), strict=True):
            if isinstance(found, LookedUp):
                looked_up[index], states[index] = found.values, found.states
            else:
                looked_up[index] = found
        values: list[Mapping[str, Any]] = []
        for index, row in enumerate(rows):
            known = {**looked_up[index], **row} if index in looked_up else row
            values.append({name: known.get(name) for name in names})
        return values, states

    def _look_up(self, rows: Sequence[Row], lacking: Sequence[int]) -> Sequence[Mapping[str, Any] | LookedUp]:
        try:
            found = self.features_for([rows[index] for index in lacking])
        except EntityMissing as missing:  # it counts the rows that it was asked for
            raise EntityMissing(row=lacking[missing.row], field=missing.field, key=missing.key) from None
        return found.to_dicts() if isinstance(found, pl.DataFrame) else found

    def inputs_of(self, row: Row) -> dict[str, Any]:
        """What a row gives beyond the model's features; those are logged as features."""
        if self.schema.given_only(row):
            return {}
        wanted = self.log_columns["inputs"]
        return {name: value for name, value in row.items() if name in wanted}

    def _score(self, values: Sequence[Mapping[str, Any]]) -> list[float]:
        if len(values) <= SINGLY_UP_TO:
            return [self.model.predict_one(one) for one in values]
        scores: list[float] = self.model.predict(self._frame(values)).tolist()
        return scores

    def _frame(self, values: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        return pl.DataFrame(values, schema=polars_schema(self.model.signature), strict=False)


def polars_schema(signature: Signature) -> dict[str, pl.DataType]:
    """Column types of a model's inputs."""
    types: dict[str, pl.DataType] = {"number": pl.Float64(), "flag": pl.Boolean(), "category": pl.String()}
    return {spec.name: types[spec.kind] for spec in signature.features}
