"""A learned embedding of categories (FE-2) for columns of very many: how each differs from the rest, in a few numbers.

The first number is how far a category's labels lie above what the other inputs say; the further ones say along which
of those inputs it differs. A category of few rows is drawn to zero, and one that training never saw is zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from assay.models.signature import FeatureSpec, Task
from assay.models.transforms.categories import places
from assay.models.transforms.transform import Array, Column, Tensors


@dataclass(frozen=True, slots=True)
class CategoryEmbedding:
    """A row of numbers for each category.

    Training rows must not be given these, in which their own labels are: `fit` gives them values learnt out of fold.

    Attributes:
        categories: In order of the text; a missing category comes last in `table` where training missed some.
        table: Shape (n_categories + 1, n_dimensions), float32; the last row is that of a missing category.

    Source:
        Random intercepts and slopes of a mixed model (Laird & Ware, 1982), with a penalty that weighs `smoothing` rows,
        by one Fisher scoring step; slopes along leading directions, as in reduced-rank regression (Izenman, 1975).
    """

    column: str
    categories: tuple[str, ...]
    table: np.ndarray[Any, np.dtype[np.float32]]
    _rows: dict[str | None, tuple[float, ...]] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        rows = [tuple(row) for row in self.table.astype(np.float64).tolist()]
        known: dict[str | None, tuple[float, ...]] = dict(zip(self.categories, rows[:-1], strict=True))
        object.__setattr__(self, "_rows", known | {None: rows[-1]})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CategoryEmbedding) and (
            (self.column, self.categories) == (other.column, other.categories)
            and np.array_equal(self.table, other.table)
        )

    __hash__ = None  # type: ignore[assignment]  # it holds an array

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return tuple(FeatureSpec(f"embedding({self.column})[{one}]", "number") for one in range(self.table.shape[1]))

    @classmethod
    def fit(
        cls,
        column: str,
        values: pl.Series,
        truth: Array,
        context: Array,
        folds: np.ndarray[Any, Any],
        *,
        task: Task,
        dimensions: int = 4,
        smoothing: float = 10.0,
    ) -> tuple[Self, tuple[Column, ...]]:
        """Learn what each category adds to what the context says.

        What all categories share (the model of the context, and the directions) is learnt from all training rows; what
        is a category's own, for a training row, from the rows of other folds alone.

        Args:
            column: Its name.
            values: Category of each training row, shape (n_rows,).
            truth: Labels, shape (n_rows,).
            context: Other inputs, standardised, without missing values, shape (n_rows, n_context).
            folds: Fold of each row, shape (n_rows,).
            task: Whether labels are classes or numbers.
            dimensions: Numbers a category, at most 1 + n_context.
            smoothing: Rows that zero weighs as much as.

        Returns:
            The transform, and the training rows' columns, out of fold.
        """
        categories = tuple(values.drop_nulls().unique().sort())
        place = places(values, categories, unseen=0, missing=len(categories))
        residual, weight = _left_over(context, truth, task)
        full = np.column_stack([np.ones(len(truth)), context])
        slopes = _solve(full, residual, weight, place, len(categories) + 1, smoothing)
        directions = _directions(slopes[:, 1:], np.bincount(place, minlength=len(categories) + 1), dimensions - 1)
        reduced = np.column_stack([np.ones(len(truth)), context @ directions])
        table = _solve(reduced, residual, weight, place, len(categories) + 1, smoothing).astype(np.float32)
        made = np.zeros((len(truth), reduced.shape[1]))
        for fold in np.unique(folds):
            here, others = folds == fold, folds != fold
            learnt = _solve(
                reduced[others], residual[others], weight[others], place[others], len(categories) + 1, smoothing
            )
            made[here] = learnt.astype(np.float32)[place[here]]
        return cls(column, categories, table), tuple(made.T.copy())

    def many(self, values: pl.Series) -> tuple[Column, ...]:
        n = len(self.categories)
        table = np.vstack([self.table, np.zeros((1, self.table.shape[1]), dtype=np.float32)]).astype(np.float64)
        return tuple(table[places(values, self.categories, unseen=n + 1, missing=n)].T.copy())

    def one(self, value: str | None) -> tuple[float, ...]:
        return self._rows.get(value) or (0.0,) * self.table.shape[1]

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        return {
            f"embedding({self.column}).categories": np.array(self.categories, dtype=np.str_),
            f"embedding({self.column}).table": self.table,
        }

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "categories": list(self.categories)}

    def tensors(self) -> Tensors:
        return {"table": self.table}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:
        return cls(data["column"], tuple(data["categories"]), tensors["table"])


def _left_over(context: Array, truth: Array, task: Task) -> tuple[Array, Array]:
    """What a linear model of the context leaves of the labels, and how much each row says: shapes (n_rows,)."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if context.shape[1] == 0:
        expected = np.full(len(truth), truth.mean())
    elif task == "classification":
        expected = LogisticRegression(solver="newton-cholesky").fit(context, truth).predict_proba(context)[:, 1]
    else:
        expected = Ridge().fit(context, truth).predict(context)
    if task == "classification":
        return truth - expected, expected * (1 - expected)
    scale = float((truth - expected).std()) or 1.0
    return (truth - expected) / scale, np.ones(len(truth))


def _solve(
    design: Array, residual: Array, weight: Array, place: np.ndarray[Any, Any], n: int, smoothing: float
) -> Array:
    """Penalised least squares of each category apart, shape (n, n_columns); zeros where it has no rows."""
    penalty = smoothing * float(weight.mean()) * np.eye(design.shape[1]) if len(weight) else np.eye(design.shape[1])
    found = np.zeros((n, design.shape[1]))
    for category, rows in _groups(place):
        own, weighted = design[rows], design[rows] * weight[rows, None]
        found[category] = np.linalg.lstsq(own.T @ weighted + penalty, own.T @ residual[rows], rcond=None)[0]
    return found


def _groups(place: np.ndarray[Any, Any]) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    order = np.argsort(place, kind="stable")
    ordered = place[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, dtype=int)
    for start, end in zip(starts, [*starts[1:], len(ordered)], strict=True):
        yield int(ordered[start]), order[start:end]


def _directions(slopes: Array, n_rows: np.ndarray[Any, Any], most: int) -> Array:
    """The directions of the context along which categories differ most, shape (n_context, n_directions)."""
    n = min(most, *slopes.shape)
    if n <= 0:
        return np.zeros((slopes.shape[1], 0))
    _, _, rows = np.linalg.svd(slopes * np.sqrt(n_rows)[:, None], full_matrices=False)
    chosen = rows[:n]
    signs = np.sign(chosen[np.arange(n), np.argmax(np.abs(chosen), axis=1)])  # or a rounding could turn one round
    directions: Array = (chosen * np.where(signs == 0, 1.0, signs)[:, None]).T
    return directions
