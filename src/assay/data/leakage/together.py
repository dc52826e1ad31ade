"""Two columns that tell the label together, though neither does alone: a flag, and that flag scrambled by the label.

Each column is cut into a few cells. The label's mean in each pair of cells is learnt on the even rows and judged on the
odd ones, so that a pair is never judged by what it was learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.leakage.differences import numbers_of

CELLS = 16  # of a column, missing values and rare words among them; 256 pairs of cells
FIRST_LOOK = 4_000  # rows; pairs that pass it are measured on every row
NEAR = 0.7  # share of the label's variance that a pair explains at least before its AUC is worth measuring

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Together:
    """What each odd row is told by a pair of columns: `values` and `truth`, shape (n_odd_rows,)."""

    columns: tuple[str, str]
    truth: Floats
    values: Floats


def told_together(features: pl.DataFrame, truth: Floats, *, most_pairs: int) -> Iterator[Together]:
    """The pairs of columns that explain most of a label of 0 and 1, to be measured.

    Args:
        features: The columns; their order decides which pairs are tried first.
        truth: The label, shape (n_rows,).
        most_pairs: Pairs tried at most.
    """
    codes: Mapping[str, Codes] = {name: _cells(features[name]) for name in features.columns}
    step = max(1, len(truth) // FIRST_LOOK) | 1  # odd, so that even and odd rows stay half of each
    for one, other in islice(combinations(codes, 2), most_pairs):
        joint = codes[one] * CELLS + codes[other]
        if _explained(*_told(joint[::step], truth[::step])) >= NEAR:
            yield Together((one, other), *_told(joint, truth))


def _cells(column: pl.Series) -> Codes:
    """The cell of each row, 0 to CELLS - 1: the last one for missing values, or for the rarer words."""
    numbers = numbers_of(column)
    last = CELLS - 1
    if numbers is None:
        words = column.cast(pl.String, strict=False)
        counts = words.drop_nulls().value_counts(name="rows").sort(["rows", column.name], descending=[True, False])
        common = counts[column.name].head(last)
        places = pl.Series(range(len(common)), dtype=pl.Int64)
        told = words.replace_strict(common, places, default=last, return_dtype=pl.Int64) if len(common) else None
        return np.full(len(words), last) if told is None else told.fill_null(last).to_numpy().astype(np.int64)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return np.full(len(numbers), last)
    values = np.unique(known)
    edges = values[1:] if len(values) <= last else np.unique(np.quantile(known, np.linspace(0, 1, last + 1)[1:-1]))
    return np.where(np.isfinite(numbers), np.searchsorted(edges, numbers, side="right"), last).astype(np.int64)


def _told(joint: Codes, truth: Floats) -> tuple[Floats, Floats]:
    """The odd rows' labels, and for each the mean label of its pair of cells among the even rows."""
    learnt, labels = joint[::2], truth[::2]
    rows = np.bincount(learnt, minlength=CELLS * CELLS)
    sums = np.bincount(learnt, weights=labels, minlength=CELLS * CELLS)
    means = np.where(rows > 0, sums / np.maximum(rows, 1), labels.mean())
    return truth[1::2], means[joint[1::2]]


def _explained(truth: Floats, values: Floats) -> float:
    """Share of variance; nan where there is none."""
    spread = float(truth.var())
    return 1 - float(np.square(truth - values).mean()) / spread if spread else float("nan")
