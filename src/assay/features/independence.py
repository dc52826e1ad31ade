"""Partition independence: does a view give for parts of its sources, each alone, what it gives for them together?

A view may be run on partitions only if no row of the one depends on rows of another. Nobody's word is taken for it:
before a build trusts a partitioning, two parts are computed alone and together, and compared.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assay.features.definitions import FeatureView
from assay.features.materialize import compute
from assay.features.partition_tasks import ROW, Compute, part_frames
from assay.features.partitions import Plan, buckets

SAMPLE_ROWS = 50_000  # of each part and source, at most
TOLERANCE = 1e-9  # relative; sums of the same numbers in another order differ by less

Frames = dict[str, pl.DataFrame]


def dependence(view: FeatureView, task: Compute, plan: Plan, chosen: tuple[int, int]) -> str:
    """Say how the rows of two partitions depend on each other; empty where they do not.

    Args:
        view: The view.
        task: Where the partitions lie.
        plan: How the sources were cut.
        chosen: Numbers of the two partitions.
    """
    first, second = (_sample(task, plan.columns, bucket, plan.n_partitions) for bucket in chosen)
    cut = task.cut
    both = {name: pl.concat([first[name], second[name]]).sort(ROW) if name in cut else first[name] for name in first}
    alone = pl.concat([_computed(view, first), _computed(view, second)], how="vertical_relaxed")
    together = _computed(view, both)
    return difference(alone.sort(_keys(view, together)), together, keys=_keys(view, together))


def difference(alone: pl.DataFrame, together: pl.DataFrame, *, keys: list[str]) -> str:
    """Name the first thing in which rows computed in parts differ from those computed at once; empty if none does."""
    if alone.height != together.height:
        return f"{alone.height:,} rows in parts, {together.height:,} at once"
    if not alone.select(keys).equals(together.select(keys)):
        return f"other values of {', '.join(keys)} in parts than at once"
    for name in together.columns:
        differs = _differs(alone[name], together[name])
        if differs.any():
            at = int(differs.arg_true()[0])
            where = ", ".join(f"{key} {together[key][at]}" for key in keys)
            return f"'{name}' of {where} is {alone[name][at]} in parts, {together[name][at]} at once"
    return ""


def advice(view: FeatureView, found: str) -> str:
    """What to tell somebody whose view depends on other partitions."""
    return (
        f"{view.place}: the rows of view '{view.name}' depend on rows of other partitions: {found}. Declare "
        "partition_by with the columns that keep together what a row needs, or partition_by=() to compute it whole."
    )


def _sample(task: Compute, columns: Mapping[str, tuple[str, ...]], bucket: int, n_partitions: int) -> Frames:
    """Some of a partition's keys with all their rows, so that histories stay whole."""
    frames = {name: frame.collect() for name, frame in part_frames(task, bucket, with_rows=True).items()}
    largest = max(task.cut, key=lambda name: frames[name].height)
    n_shares = -(-frames[largest].height // SAMPLE_ROWS)
    if n_shares <= 1:
        return frames
    share = {name: buckets(frames[name], columns[name], n_partitions * n_shares) // n_partitions for name in task.cut}
    kept = share[largest][0]
    return frames | {name: frames[name].filter(share[name] == kept) for name in task.cut}


def _computed(view: FeatureView, frames: Frames) -> pl.DataFrame:
    return compute(view, {name: frame.lazy().drop(ROW, strict=False) for name, frame in frames.items()})


def _keys(view: FeatureView, rows: pl.DataFrame) -> list[str]:
    return [name for name in rows.columns if name not in view.features]


def _differs(alone: pl.Series, together: pl.Series) -> pl.Series:
    if together.dtype.is_float() and alone.dtype.is_numeric():
        gap = (alone.cast(pl.Float64) - together).abs()
        near = gap <= TOLERANCE * together.abs().clip(lower_bound=1.0)
        return ~(near.fill_null(value=False) | (alone.is_null() & together.is_null()))
    return alone.ne_missing(together)
