"""Transforms of one column of categories (FE-2): indicators, and the label's mean of each category.

Each has a place for what training never saw. A missing category is one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from assay.models.signature import FeatureSpec
from assay.models.transforms.transform import Array, Column, Tensors

OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True, slots=True)
class OneHot:
    """A 1 in the column of the row's category: `contract=One year`; `(other)` for the rare and the unseen.

    Attributes:
        categories: Those with a column of their own, most frequent first.
    """

    column: str
    categories: tuple[str, ...]
    _places: dict[str | None, int] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "one_hot"

    def __post_init__(self) -> None:
        places: dict[str | None, int] = {text: place for place, text in enumerate(self.categories)}
        object.__setattr__(self, "_places", places | {None: len(self.categories) + 1})

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return tuple(FeatureSpec(f"{self.column}={text}", "flag") for text in (*self.categories, OTHER, MISSING))

    @classmethod
    def fit(cls, column: str, values: pl.Series, *, most: int = 20) -> Self:
        """Learn the `most` frequent categories; of equals the first by name."""
        told = values.filter(~values.is_in([OTHER, MISSING]))  # a category of such a name shares the place of the rare
        counts = told.drop_nulls().value_counts(name="rows")
        kept = counts.sort(["rows", values.name], descending=[True, False]).head(most)
        return cls(column, tuple(kept[values.name]))

    def many(self, values: pl.Series) -> tuple[Column, ...]:
        other = len(self.categories)
        place = places(values, self.categories, unseen=other, missing=other + 1)
        return tuple((place == one).astype(np.float64) for one in range(other + 2))

    def one(self, value: str | None) -> tuple[float, ...]:
        marks = [0.0] * (len(self.categories) + 2)
        marks[self._places.get(value, len(self.categories))] = 1.0
        return tuple(marks)

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        return {f"one_hot({self.column}).categories": np.array(self.categories, dtype=np.str_)}

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "categories": list(self.categories)}

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:  # noqa: ARG003  # it has none
        return cls(data["column"], tuple(data["categories"]))


@dataclass(frozen=True, slots=True)
class TargetEncoding:
    """The mean label of a category's training rows, drawn towards the mean of all: (sum + m * mean) / (n + m).

    Training rows must not be given these values, in which their own labels are: see `out_of_fold`.

    Attributes:
        categories: In order of the text; what a missing category is worth stands apart, in `missing`.
        values: What each is worth, shape (n_categories,).
        missing: What a missing category is worth; `prior` where training missed none.
        prior: The mean label of all training rows, for categories that training never saw.

    Source:
        Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes, equation 4 with a
        prior that weighs as much as m rows.
    """

    column: str
    categories: tuple[str, ...]
    values: tuple[float, ...]
    missing: float
    prior: float
    _worth: dict[str | None, float] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "target_encoding"

    def __post_init__(self) -> None:
        worth: dict[str | None, float] = dict(zip(self.categories, self.values, strict=True))
        object.__setattr__(self, "_worth", worth | {None: self.missing})

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec(f"target({self.column})", "number"),)

    @classmethod
    def fit(cls, column: str, values: pl.Series, truth: Array, *, smoothing: float = 10.0) -> Self:
        """Learn what each category is worth from all training rows.

        Args:
            column: Its name.
            values: Category of each training row, shape (n_rows,).
            truth: Labels, shape (n_rows,).
            smoothing: Rows that the prior weighs as much as; m above.
        """
        prior = float(truth.mean()) if len(truth) else 0.0
        categories = tuple(values.drop_nulls().unique().sort())
        place = places(values, categories, unseen=0, missing=len(categories))
        n = np.bincount(place, minlength=len(categories) + 1)
        total = np.bincount(place, weights=truth, minlength=len(categories) + 1)  # adds in the order of the rows
        worth = (total + smoothing * prior) / np.maximum(n + smoothing, np.finfo(float).tiny)
        missing = float(worth[-1]) if n[-1] else prior
        return cls(column, categories, tuple(worth[:-1].tolist()), missing, prior)

    @classmethod
    def out_of_fold(
        cls, column: str, values: pl.Series, truth: Array, folds: np.ndarray[Any, Any], *, smoothing: float = 10.0
    ) -> tuple[Column]:
        """What a model may be fitted on: each training row gets what the rows of the other folds say of its category.

        Args:
            folds: Fold of each row, shape (n_rows,).
        """
        made = np.empty(len(truth))
        for fold in np.unique(folds):
            here = folds == fold
            others = here if here.all() else ~here  # with one fold alone there are no others
            learnt = cls.fit(column, values.filter(pl.Series(others)), truth[others], smoothing=smoothing)
            made[here] = learnt.many(values.filter(pl.Series(here)))[0]
        return (made,)

    def many(self, values: pl.Series) -> tuple[Column]:
        n = len(self.categories)
        worth = np.array([*self.values, self.prior, self.missing])
        return (worth[places(values, self.categories, unseen=n, missing=n + 1)],)

    def one(self, value: str | None) -> tuple[float]:
        return (self._worth.get(value, self.prior),)

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        name = self.writes[0].name
        return {
            f"{name}.categories": np.array(self.categories, dtype=np.str_),
            f"{name}.values": np.array([*self.values, self.missing, self.prior]),
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "categories": list(self.categories),
            "values": list(self.values),
            "missing": self.missing,
            "prior": self.prior,
        }

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:  # noqa: ARG003  # it has none
        return cls(data["column"], tuple(data["categories"]), tuple(data["values"]), data["missing"], data["prior"])


def places(
    values: pl.Series, categories: tuple[str, ...], *, unseen: int, missing: int
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Position of each value among the categories, shape (n_rows,)."""
    found = values.replace_strict(
        pl.Series(categories, dtype=pl.String),
        pl.Series(range(len(categories)), dtype=pl.Int64),
        default=unseen,
        return_dtype=pl.Int64,
    )
    frame = pl.DataFrame({"place": found, "missing": values.is_null()})
    return frame.select(pl.when("missing").then(missing).otherwise("place").cast(pl.Int64)).to_series().to_numpy()
