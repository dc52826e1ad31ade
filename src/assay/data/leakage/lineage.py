"""Lineage (LK-4): does a feature move when the row's own outcome is changed in the source?

Believes no declaration, neither of the features nor of when the outcome was known: the outcome is changed and the
features computed again. What comes with the request is `inputs`; what earlier outcomes say is no leak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.event_time import KNOWN_AT
from assay.data.leakage.differences import differing, listed
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame

KIND = "leakage.lineage"
ROWS = 2_000
MOMENTS = 12
REDRAWN = 10  # times; a value that nearly all rows have stays what it is

Recompute = Callable[[pl.DataFrame, pl.DataFrame, datetime | None], pl.DataFrame]
"""From the label's source, rows to predict and their moment to the key and every feature of those rows."""


def check_lineage(
    frame: LabelledFrame,
    source: pl.DataFrame,
    *,
    outcomes: Sequence[str],
    recompute: Recompute,
    rng: np.random.Generator,
) -> Evidence:
    """Change outcomes in the source, compute the features again, and name those that move.

    Without time every row's outcome is changed at once: a feature of such data may rest on no outcome at all, because
    nothing says whose came first. With time only the outcomes of the rows at a moment are changed, and only where the
    source claims that they were known before it; earlier outcomes of the same team are honest features.

    Args:
        frame: Training rows with their features.
        source: The source that the label comes from, with `known_at` where it has time.
        outcomes: Its columns that are not known before the event.
        recompute: Computes features anew; with a moment, from nothing but what was known before it.
        rng: Shuffles outcomes and draws rows and moments.

    Returns:
        Evidence `leakage.lineage`: `fail` where a feature moves; `info` where rows cannot be found in the source.
        Figures name for each feature the columns that move it and in how many rows.
    """
    subject = f"target:{frame.label}"
    if not outcomes:
        return Evidence(KIND, subject, "info", "no column of the source is an outcome", {"outcomes": []})
    if frame.time is None:
        return _without_time(subject, frame, source, outcomes, recompute, rng)
    if frame.key not in source.columns or KNOWN_AT not in source.columns:
        summary = f"the source has no column {frame.key!r}, so that the outcome of a row cannot be found in it"
        return Evidence(KIND, subject, "info", summary, {"outcomes": list(outcomes)})
    return _with_time(subject, frame, source, outcomes, recompute, rng)


def _without_time(
    subject: str,
    frame: LabelledFrame,
    source: pl.DataFrame,
    outcomes: Sequence[str],
    recompute: Recompute,
    rng: np.random.Generator,
) -> Evidence:
    rows = _sampled(frame.rows, ROWS, rng)
    everywhere = np.ones(source.height, dtype=np.bool_)
    before = recompute(source, rows, None)

    def moved(columns: Sequence[str]) -> dict[str, int]:
        return _moved(frame, before, recompute(_changed(source, columns, everywhere, rng), rows, None))

    found = moved(outcomes)
    culprits = {column: moved([column]) for column in outcomes} if found else {}
    figures = _figures(outcomes, found, culprits, n_rows=rows.height)
    if found:
        return _failed(subject, found, culprits, figures, "in any row")
    summary = f"no feature moves when {listed(outcomes)} of every row is changed, over {rows.height:,} rows"
    return Evidence(KIND, subject, "pass", summary, figures)


def _with_time(
    subject: str,
    frame: LabelledFrame,
    source: pl.DataFrame,
    outcomes: Sequence[str],
    recompute: Recompute,
    rng: np.random.Generator,
) -> Evidence:
    asked = frame.rows.select(frame.key, pl.col(str(frame.time)).alias("__asked__"))
    own = source.select(frame.key, KNOWN_AT).join(asked, on=frame.key, how="inner")
    early = own.filter(pl.col(KNOWN_AT) < pl.col("__asked__"))
    if early.is_empty():
        over = f"{own[frame.key].n_unique():,} rows"
        summary = f"no row's own outcome is in what was known before its prediction, over {over}"
        return Evidence(KIND, subject, "pass", summary, _figures(outcomes, {}, {}, n_rows=own.height))
    moments = early["__asked__"].unique().sort()
    chosen = moments.gather(np.sort(rng.choice(len(moments), size=min(MOMENTS, len(moments)), replace=False)))
    found: dict[str, int] = {}
    culprits: dict[str, dict[str, int]] = {column: {} for column in outcomes}
    n_rows = 0
    for moment in chosen:
        keys = early.filter(pl.col("__asked__") == moment)[frame.key].unique()
        rows = _sampled(frame.rows.join(keys.to_frame(), on=frame.key, how="semi"), ROWS // MOMENTS, rng)
        its_own = source[frame.key].is_in(rows[frame.key].implode()).to_numpy()
        before = recompute(source, rows, moment)
        n_rows += rows.height
        _add(found, _moved(frame, before, recompute(_changed(source, outcomes, its_own, rng), rows, moment)))
        for column in outcomes if found else ():
            after = recompute(_changed(source, [column], its_own, rng), rows, moment)
            _add(culprits[column], _moved(frame, before, after))
    figures = _figures(outcomes, found, culprits, n_rows=n_rows)
    if found:
        return _failed(subject, found, culprits, figures, "of the very row to be predicted")
    summary = f"no feature moves when a row's own {listed(outcomes)} is changed, over {n_rows:,} rows"
    return Evidence(KIND, subject, "pass", summary, figures)


def _changed(
    source: pl.DataFrame, columns: Sequence[str], where: npt.NDArray[np.bool_], rng: np.random.Generator
) -> pl.DataFrame:
    """The source with other values of the columns in some rows, drawn from the whole column, gaps included."""
    return source.with_columns(_redrawn(source[column], np.flatnonzero(where), rng) for column in columns)


def _redrawn(column: pl.Series, places: npt.NDArray[np.intp], rng: np.random.Generator) -> pl.Series:
    """Draw values for some places, and again where chance drew the value that was there."""
    take = np.arange(len(column))
    for _ in range(REDRAWN):
        take[places] = rng.integers(0, len(column), len(places))
        same = column.gather(take[places]).eq_missing(column.gather(places))
        places = places[same.to_numpy()]
        if not len(places):
            break
    return column.gather(take)


def _moved(frame: LabelledFrame, before: pl.DataFrame, after: pl.DataFrame) -> dict[str, int]:
    """In how many rows each feature differs."""
    names = [name for name in frame.features if name in before.columns and name in after.columns]
    aligned = before.select(frame.key).join(after, on=frame.key, how="left", maintain_order="left")
    counts = {name: int(differing(before[name], aligned[name]).sum()) for name in names}
    return {name: count for name, count in counts.items() if count}


def _sampled(rows: pl.DataFrame, most: int, rng: np.random.Generator) -> pl.DataFrame:
    return rows if rows.height <= most else rows[np.sort(rng.choice(rows.height, size=most, replace=False))]


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count


def _figures(
    outcomes: Sequence[str], found: dict[str, int], culprits: dict[str, dict[str, int]], *, n_rows: int
) -> dict[str, Any]:
    moved = {
        name: {"rows": count, "moved_by": [column for column in culprits if name in culprits[column]]}
        for name, count in found.items()
    }
    return {"rows": n_rows, "outcomes": list(outcomes), "moved": moved}


def _failed(
    subject: str, found: dict[str, int], culprits: dict[str, dict[str, int]], figures: dict[str, Any], whose: str
) -> Evidence:
    worst = max(found, key=lambda name: found[name])
    by = [column for column in culprits if worst in culprits[column]]
    summary = (
        f"{listed(found)} {'derives' if len(found) == 1 else 'derive'} from the outcome: {worst!r} moves in "
        f"{found[worst]:,} of {figures['rows']:,} rows when {listed(by) or 'outcome columns'} {whose} is changed in "
        "the source. Take the outcome out of the feature, or correct when the source says that it was known"
    )
    return Evidence(KIND, subject, "fail", summary, figures)
