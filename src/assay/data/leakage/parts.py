"""Parts (LK-5, LK-7): do train, validation and holdout share a row, a moment, a group, or the mirror of a row?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from assay.data.leakage.differences import listed, shown
from assay.data.splits import PARTS, Cut
from assay.ledger.evidence import Evidence

EXAMPLES = 3


def check_split(cut: Cut, *, key: str, time: str | None, group: str | None) -> Evidence:
    """Verify a finished cut on its rows: parts follow each other in time and share no key and no group.

    Returns:
        Evidence `leakage.split`; figures count what is shared and give the span of each part.
    """
    parts = [getattr(cut, name) for name in PARTS]
    faults = []
    figures: dict[str, Any] = {
        "by": cut.by,
        "rows": {name: part.height for name, part in zip(PARTS, parts, strict=True)},
    }
    for column in filter(None, (key, group)):
        n_shared = _n_shared(parts, column)
        figures[f"shared_{column}"] = n_shared
        if n_shared:
            faults.append(f"{n_shared:,} values of {column!r} are in more than one part")
    if time:
        figures["spans"] = {name: _span(part[time]) for name, part in zip(PARTS, parts, strict=True)}
        faults += _overlaps(figures["spans"], time)
    if sum(figures["rows"].values()) + cut.n_left_out != cut.n_rows:
        faults.append(f"{cut.n_rows:,} rows came in, {sum(figures['rows'].values()) + cut.n_left_out:,} went out")
    if not faults:
        in_time = " and follow each other in time" if time else ""
        return Evidence("leakage.split", "split:rows", "pass", f"the parts share no {key!r}{in_time}", figures)
    summary = f"the split leaks: {'; '.join(faults)}. Cut rows with `splits.cut`, by time where they have one"
    return Evidence("leakage.split", "split:rows", "fail", summary, figures)


def check_duplicates(
    rows: pl.DataFrame, *, key: str, time: str | None = None, entities: Sequence[str] = ()
) -> Evidence:
    """Look for rows that say the same twice: one key in several rows, or the mirror of a row.

    Two rows at one moment with the same entities in other roles (home against away, away against home) tell the same
    event from two sides; each gives away the other's label.

    Args:
        rows: The rows to predict.
        key: Column that should name one row.
        time: Column with the prediction time; without it no mirrors are looked for.
        entities: Columns with the entities of a row; mirrors need two.

    Returns:
        Evidence `leakage.duplicates`.
    """
    n_keys = int(rows[key].is_duplicated().sum())
    mirrored = _mirrored(rows, time, entities) if time and len(entities) > 1 else rows.clear()
    figures = {"rows": rows.height, "repeated_keys": n_keys, "mirrored": mirrored.height}
    if n_keys:
        examples = rows.filter(pl.col(key).is_duplicated())[key].unique(maintain_order=True).head(EXAMPLES)
        summary = (
            f"column {key!r} should name one row, but {n_keys:,} of {rows.height:,} rows share theirs with another, "
            f"such as {', '.join(repr(shown(value)) for value in examples)}; a duplicate carries the answer from one "
            "part of a split to another. Keep one row each in target.rows"
        )
        return Evidence("leakage.duplicates", f"rows:{key}", "fail", summary, figures)
    if mirrored.height:
        names = ", ".join(repr(shown(value)) for value in mirrored[key].head(EXAMPLES))
        summary = (
            f"{mirrored.height:,} of {rows.height:,} rows are mirrors of another: the same {listed(entities)} at the "
            f"same {time!r} in other roles, such as {names}; each gives away the label of the other. Keep one row each "
            "in target.rows"
        )
        return Evidence("leakage.duplicates", f"rows:{key}", "fail", summary, figures)
    return Evidence(
        "leakage.duplicates", f"rows:{key}", "pass", f"{rows.height:,} rows, each with its own {key!r}", figures
    )


def _mirrored(rows: pl.DataFrame, time: str, entities: Sequence[str]) -> pl.DataFrame:
    """Rows whose moment and set of entities occur again with the entities in another order."""
    told = rows.with_columns(
        __pair__=pl.concat_list(pl.col(column).cast(pl.String) for column in entities).list.sort().list.join("\x1f"),
        __order__=pl.concat_str([pl.col(column).cast(pl.String) for column in entities], separator="\x1f"),
    )
    same = pl.col("__order__").n_unique().over(time, "__pair__") > 1
    return told.filter(same).drop("__pair__", "__order__")


def _n_shared(parts: Sequence[pl.DataFrame], column: str) -> int:
    values = pl.concat([part.select(pl.col(column).unique()) for part in parts])
    return int(values[column].drop_nulls().value_counts().filter(pl.col("count") > 1).height)


def _span(times: pl.Series) -> list[Any]:
    return [times.min(), times.max()]


def _overlaps(spans: dict[str, list[Any]], time: str) -> list[str]:
    """Parts whose first moment is not after the last one of the part before."""
    found = []
    for earlier, later in pairwise(PARTS):
        last, first = spans[earlier][1], spans[later][0]
        if last is not None and first is not None and first <= last:
            found.append(f"{later} begins on {first:%Y-%m-%d} ({time!r}), before {earlier} ends on {last:%Y-%m-%d}")
    return found
