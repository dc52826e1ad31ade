"""What a fitted transform is: columns in, columns out, the same for one row as for many; numbers and text at rest.

Knows no frame and no file: `recipe` takes columns out of frames and rows, and puts them back.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import polars as pl

from assay.models.signature import FeatureSpec

Array = np.ndarray[Any, np.dtype[np.float64]]
Tensors = dict[str, np.ndarray[Any, np.dtype[np.float32]] | np.ndarray[Any, np.dtype[np.uint8]]]
Column = Array | pl.Series
"""Numbers and flags as float64 with nan where missing, categories and text as a String series with nulls."""


class Transform(Protocol):
    """One step of a recipe, fitted."""

    kind: ClassVar[str]

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns it is given, in order."""

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        """Columns it makes, in order."""

    def many(self, *columns: Any) -> tuple[Column, ...]:
        """Make the columns of many rows, each of shape (n_rows,)."""

    def one(self, *values: Any) -> tuple[Any, ...]:
        """Make the values of one row: the same as `many` gives it; nan and None stand for missing."""

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        """What fitting took from the training rows, by name, for the check that it took it from no others (LK-8)."""

    def to_json(self) -> dict[str, Any]:
        """Its parameters as JSON values, without those in `tensors`."""

    def tensors(self) -> Tensors:
        """Its large arrays, kept beside the JSON text."""


def as_text(value: float) -> str:
    """A number as people write it, for the names of columns: 5, 0.25."""
    return f"{value:.6g}"
