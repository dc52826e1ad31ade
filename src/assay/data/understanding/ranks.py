"""Ranks and quantiles: values by their place among the others, which no unit and no extreme value can bend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]


def quantiles(ordered: Floats, shares: Sequence[float]) -> Floats:
    """The value below or at which each share of the others lies; always one of them, so that nothing can overflow.

    Args:
        ordered: Values in rising order, shape (n,), n at least 1.
        shares: In (0, 1].
    """
    places = np.ceil(np.asarray(shares) * ordered.size - 1e-9).astype(np.int64) - 1
    return ordered[np.clip(places, 0, ordered.size - 1)]


def ranks(values: Floats) -> Floats:
    """Places from 1, equal values sharing the mean of theirs; shape (n,), without nan."""
    found: Floats = pl.Series(values).rank("average").cast(pl.Float64).to_numpy()
    return found


def centred_ranks(values: Floats) -> Floats:
    """Ranks as shares of the number of values, with a mean of 0; nan stays nan and has no rank."""
    present = ~np.isnan(values)
    n = int(present.sum())
    placed = np.full(values.size, np.nan)
    placed[present] = (ranks(values[present]) - (n + 1) / 2) / max(n, 1)
    return placed
