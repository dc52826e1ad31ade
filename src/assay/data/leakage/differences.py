"""Differences: in which rows do two columns disagree, when rounding and missing values are no disagreement?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

TOLERANCE = 1e-6  # relative; sums in another order differ by less
SHOWN_CHARACTERS = 40


def differing(one: pl.Series, other: pl.Series, *, tolerance: float = TOLERANCE) -> npt.NDArray[np.bool_]:
    """Which rows differ, shape (n_rows,).

    Numbers differ by more than `tolerance` times the larger (at least 1); a missing value, null or nan, equals only a
    missing value; anything but numbers and booleans is compared as text.
    """
    if _is_numeric(one) and _is_numeric(other):
        left, right = _numbers(one), _numbers(other)
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
    quoted: Sequence[str] = [repr(name) for name in names]
    if len(quoted) > most:
        return f"{', '.join(quoted[:most])} and {len(quoted) - most} more"
    return " and ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def _is_numeric(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)


def _numbers(column: pl.Series) -> npt.NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
