"""Differences: in which rows do two columns disagree, when rounding and missing values are no disagreement?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.sentences import enumerated

TOLERANCE = 1e-6  # relative; sums in another order differ by less
SHOWN_CHARACTERS = 40


def differing(one: pl.Series, other: pl.Series, *, tolerance: float = TOLERANCE) -> npt.NDArray[np.bool_]:
    """Which rows differ, shape (n_rows,).

    Numbers differ by more than `tolerance` times the larger (at least 1); a missing value, null or nan, equals only a
    missing value; anything but numbers and booleans is compared as text.
    """
    left, right = numbers_of(one), numbers_of(other)
    if left is not None and right is not None and not (one.dtype.is_temporal() or other.dtype.is_temporal()):
        scale = np.maximum(1.0, np.maximum(np.abs(left), np.abs(right)))
        with np.errstate(invalid="ignore"):
            is_near = np.isfinite(scale) & (np.abs(left - right) <= tolerance * scale)
        return np.asarray(~(is_near | (left == right) | (np.isnan(left) & np.isnan(right))))
    return one.cast(pl.String, strict=False).ne_missing(other.cast(pl.String, strict=False)).to_numpy()


def shown(value: Any) -> str | int | float | bool | None:
    """One value for a record: a number as it is, anything else as short text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:SHOWN_CHARACTERS]


def listed(names: Iterable[str], *, most: int = 5) -> str:
    """Quoted names for a sentence: `'a', 'b' and 3 more`."""
    return enumerated([repr(name) for name in names], most=most)


def numbers_of(column: pl.Series) -> npt.NDArray[np.float64] | None:
    """Numbers, flags and times as float64 with nan for missing, shape (n_rows,); None for anything else."""
    if column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype in (pl.Boolean, pl.Null):
        return column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return None
