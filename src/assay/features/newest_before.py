"""The newest row before each label, found by binary search over rows that lie sorted by entity and time.

An entity's number in the order of the rows and its moments are folded into one whole number, so that one search over
one sorted array answers for all labels; a join has to group the rows of each entity first, which takes longer.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

Whole = npt.NDArray[np.int64]
LARGEST = 2**63 - 1
MICROSECOND = timedelta(microseconds=1)


def newest_before(labels: pl.DataFrame, rows: pl.DataFrame, *, ttl: timedelta | None = None) -> Whole | None:
    """The number of the newest row of each label's entity whose time is strictly before the label's; -1 without one.

    Args:
        labels: Columns `__entity` and `__time`, without nulls, in any order; times in microseconds.
        rows: Columns `__entity` and `__known_at`, in the order of both. Of equal rows the last counts.
        ttl: Greatest age of a row that is found, itself included; None: any age.

    Returns:
        Row numbers, shape (n_labels,); None where the rows are not in that order, or hold nulls.
    """
    if rows.is_empty() or labels.is_empty():
        return np.full(labels.height, -1, dtype=np.int64)
    if rows["__entity"].null_count() or rows["__known_at"].null_count():
        return None
    run = rows["__entity"].rle_id().to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], run[1:] != run[:-1]]))
    distinct = rows["__entity"].gather(starts)
    if not distinct.is_sorted():
        return None
    time = labels["__time"].to_physical().to_numpy()
    oldest = None if ttl is None else time - ttl // MICROSECOND
    known_at, time, oldest, span = _folded(rows["__known_at"].to_physical().to_numpy(), time, oldest, len(starts))
    places = run * span + known_at
    if not (places[1:] >= places[:-1]).all():
        return None
    number = _numbers(labels["__entity"], distinct)
    found = np.searchsorted(places, number * span + time, side="left") - 1
    lowest = number * span + (0 if oldest is None else oldest)
    is_found = (number >= 0) & (found >= 0) & (places[found] >= lowest)
    return np.where(is_found, found, -1)


def _folded(
    known_at: Whole, time: Whole, oldest: Whole | None, n_entities: int
) -> tuple[Whole, Whole, Whole | None, int]:
    """The moments as whole numbers from 0 on, in order, and how many different ones there can be.

    Counted from the first moment; where that many for each entity do not fit into 64 bits, by their rank.
    """
    first = int(known_at.min())
    span = int(known_at.max()) - first + 2
    if n_entities * span <= LARGEST:
        older = None if oldest is None else np.clip(oldest - first, 0, span - 1)
        return known_at - first, np.clip(time - first, 0, span - 1), older, span
    moments, ranks = np.unique(known_at, return_inverse=True)
    older = None if oldest is None else np.searchsorted(moments, oldest, side="left").astype(np.int64)
    return ranks.astype(np.int64), np.searchsorted(moments, time, side="left").astype(np.int64), older, len(moments) + 1


def _numbers(entities: pl.Series, distinct: pl.Series) -> Whole:
    """The place of each entity among the sorted distinct ones; -1 where it is none of them."""
    place = distinct.search_sorted(entities, side="left").to_numpy().astype(np.int64)
    inside = np.minimum(place, len(distinct) - 1)
    is_there = (distinct.gather(inside) == entities).to_numpy()
    return np.where(is_there, inside, np.int64(-1))
