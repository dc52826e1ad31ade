"""Time travel (LK-1): is a feature what could be computed from the sources as they stood at the prediction time?

Trusts no declaration: sources are cut at a moment, features recomputed, and the values compared.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from assay.data.leakage.differences import TOLERANCE, differing, listed, shown
from assay.errors import DataError
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame

KIND = "leakage.time_travel"
MOMENTS = 40
EXAMPLES = 3

Recompute = Callable[[datetime, pl.DataFrame], pl.DataFrame]


def check_time_travel(
    frame: LabelledFrame,
    *,
    recompute: Recompute,
    sample: int,
    rng: np.random.Generator,
    moments: int = MOMENTS,
    tolerance: float = TOLERANCE,
) -> Evidence:
    """Recompute features at a few dozen prediction times from nothing but what was known before, and compare.

    Args:
        frame: Rows with the features under test and their prediction times.
        recompute: From a moment, and the rows of `frame` to be predicted at it, to a frame with the key and every
            feature; it must use only source rows with `known_at` before the moment. A feature without a value is null.
        sample: Rows to compare at most, over all moments.
        rng: Chooses the moments, one from each of as many equal stretches of time, and the rows where one has many.
        moments: Distinct prediction times at most; each costs one recomputation.
        tolerance: Relative difference of numbers that is rounding.

    Returns:
        Evidence `leakage.time_travel`, `info` where the rows have no time. Figures: moments, rows, and for each
        column that differs how many rows do, with examples.

    Raises:
        DataError: What `recompute` returns lacks a feature or a row.
    """
    if frame.time is None or frame.rows[frame.time].null_count() == len(frame):
        return Evidence(KIND, _subject(frame), "info", "rows have no prediction time, so no value can be newer than it")
    chosen = _moments(frame.rows[frame.time], moments, rng)
    most = max(1, sample // len(chosen))
    stored, anew = [], []
    for moment in chosen:
        rows = frame.rows.filter(pl.col(frame.time) == moment)
        if rows.height > most:
            rows = rows[np.sort(rng.choice(rows.height, size=most, replace=False))]
        stored.append(rows)
        anew.append(_aligned(recompute(moment, rows), rows, frame))
    return _evidence(frame, pl.concat(stored), pl.concat(anew, how="vertical_relaxed"), len(chosen), tolerance)


def _moments(times: pl.Series, most: int, rng: np.random.Generator) -> list[datetime]:
    """One moment from each of `most` equal stretches, so that early and late rows are both seen."""
    distinct = times.drop_nulls().unique().sort()
    edges = np.linspace(0, distinct.len(), min(most, distinct.len()) + 1).astype(int)
    return [distinct[int(rng.integers(low, high))] for low, high in pairwise(edges)]


def _aligned(anew: pl.DataFrame, rows: pl.DataFrame, frame: LabelledFrame) -> pl.DataFrame:
    """The recomputed features in the order of `rows`."""
    lacking = [name for name in (frame.key, *frame.features) if name not in anew.columns]
    if lacking:
        raise DataError(f"time travel check: the recomputed frame lacks {lacking}; it has {anew.columns}.")
    found = rows.select(frame.key).join(
        anew.select(frame.key, *frame.features), on=frame.key, how="left", maintain_order="left", validate="1:1"
    )
    known = rows.select(frame.key).join(anew, on=frame.key, how="semi").height
    if known != rows.height:
        raise DataError(
            f"time travel check: {rows.height:,} rows went into the recomputation, {known:,} came out. A row without "
            "features must be kept with nulls."
        )
    return found


def _evidence(
    frame: LabelledFrame, stored: pl.DataFrame, anew: pl.DataFrame, n_moments: int, tolerance: float
) -> Evidence:
    columns: dict[str, Any] = {}
    for name in frame.features:
        differs = differing(stored[name], anew[name], tolerance=tolerance)
        if differs.any():
            columns[name] = {
                "rows": int(differs.sum()),
                "share": float(differs.mean()),
                "examples": [_example(frame, stored, anew, name, row) for row in np.flatnonzero(differs)[:EXAMPLES]],
            }
    figures = {"moments": n_moments, "rows": stored.height, "features": len(frame.features), "columns": columns}
    over = f"{stored.height:,} rows at {n_moments} prediction times"
    if not columns:
        summary = f"all {len(frame.features)} features are what was known before the prediction time, over {over}"
        return Evidence(KIND, _subject(frame), "pass", summary, figures)
    worst = max(columns, key=lambda name: columns[name]["rows"])
    first = columns[worst]["examples"][0]
    summary = (
        f"{listed(columns)} {'uses' if len(columns) == 1 else 'use'} what was not yet known at the prediction time: "
        f"recomputed from earlier rows alone, {worst!r} differs in {columns[worst]['rows']:,} of {over} "
        f"(row {first['key']}: {first['stored']} stored, {first['known_then']} known then)"
    )
    return Evidence(KIND, _subject(frame), "fail", summary, figures)


def _example(frame: LabelledFrame, stored: pl.DataFrame, anew: pl.DataFrame, name: str, row: int) -> dict[str, Any]:
    at = int(row)
    return {
        "key": shown(stored[frame.key][at]),
        "time": stored[frame.time][at] if frame.time else None,
        "stored": shown(stored[name][at]),
        "known_then": shown(anew[name][at]),
    }


def _subject(frame: LabelledFrame) -> str:
    return f"target:{frame.label}"
