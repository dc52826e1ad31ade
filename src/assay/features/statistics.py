"""What the stored values of a feature look like: how many there are, and how they are spread.

For the catalogue: a glance, not a quality report. Reads a view's stored rows once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

BINS = 24
MOST_VALUES = 12  # of a text or flag, most frequent first
SAMPLED_ROWS = 200_000  # newest stored rows that the distribution is drawn from; shares are of all rows


@dataclass(frozen=True, slots=True)
class Spread:
    """One feature's stored values.

    Attributes:
        coverage: Share of stored rows that have a value; nan without rows.
        counts: Rows in each of `BINS` equal bins between the 1st and 99th percentile of a number, those beyond in the
            outer bins; or rows of each of the most frequent values.
        words: The same in words.
    """

    coverage: float
    counts: tuple[int, ...]
    words: str


def spreads(rows: pl.LazyFrame, names: Sequence[str]) -> tuple[int, dict[str, Spread]]:
    """The number of stored rows, and the spread of each named feature.

    Args:
        rows: A view's stored rows.
        names: Its features.
    """
    found = rows.select(pl.len().alias("__rows"), *(pl.col(name).count() for name in names)).collect()
    n_rows = int(found["__rows"].item())
    sample = rows.select(names).tail(SAMPLED_ROWS).collect()
    return n_rows, {
        name: Spread(found[name].item() / n_rows if n_rows else float("nan"), *_distribution(sample[name]))
        for name in names
    }


def _distribution(values: pl.Series) -> tuple[tuple[int, ...], str]:
    present = values.drop_nulls()
    if present.is_empty():
        return (), "no value"
    if present.dtype.is_temporal():
        ends: list[Any] = [present.min(), present.max()]
        return _bins(present.to_physical().cast(pl.Float64)), f"{ends[0]:%Y-%m-%d} to {ends[1]:%Y-%m-%d}"
    if present.dtype.is_numeric():
        numbers = present.cast(pl.Float64)
        low, middle, high = (numbers.quantile(at, "linear") for at in (0.0, 0.5, 1.0))
        return _bins(numbers), f"{_short(low)} to {_short(high)}, median {_short(middle)}"
    counted = present.cast(pl.String).value_counts(sort=True, name="n").head(MOST_VALUES)
    n_values = present.n_unique()
    most = counted.row(0)
    return tuple(counted["n"].to_list()), f"{n_values:,} values, most often {most[0]!r} ({most[1] / len(present):.0%})"


def _short(number: float | None) -> str:
    """Four digits, or the whole number where that is longer."""
    if number is None or not 1_000 <= abs(number) < 1e15:
        return f"{number:.4g}" if number is not None else "none"
    return f"{number:,.0f}"


def _bins(values: pl.Series) -> tuple[int, ...]:
    low, high = values.quantile(0.01, "linear"), values.quantile(0.99, "linear")
    if low is None or high is None or not high > low:
        return (len(values),)
    place = ((values - low) / (high - low) * BINS).floor().clip(0, BINS - 1).cast(pl.Int64)
    counts = place.value_counts(name="n")
    by_place = dict(zip(counts[values.name].to_list(), counts["n"].to_list(), strict=True))
    return tuple(by_place.get(number, 0) for number in range(BINS))
