"""Inputs (LK-4 by lineage): does what comes with a request depend on what is only known afterwards?

Everything in the source that is not declared as known before is shuffled, and what the project makes of it must stay
the same, but for the label. Whether the declaration itself can be believed is `declared`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from assay.config.settings import Source, Target
from assay.data.event_time import EVENT_TIME, KNOWN_AT
from assay.data.leakage.accepted import Accepted, settled, words
from assay.data.leakage.declared import declared_too_soon
from assay.data.leakage.differences import differing, listed
from assay.data.leakage.target_derived import Finding
from assay.errors import DataError
from assay.ledger.evidence import Evidence, Verdict

KIND = "leakage.inputs"
MOST_CULPRITS = 200  # columns tried one by one
ROWS = ""  # no column is named so

LabelRows = Callable[[pl.LazyFrame], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Change:
    """What shuffling did to the rows to be predicted.

    Attributes:
        columns: For each checked column that changed, in how many rows.
        rows: Keys that are in only one of the two frames: which rows there are has changed.
    """

    columns: dict[str, int]
    rows: int

    def __bool__(self) -> bool:
        return bool(self.columns or self.rows)


def check_inputs(
    label_rows: LabelRows,
    source_frame: pl.LazyFrame,
    *,
    source: Source,
    target: Target,
    rng: np.random.Generator,
    accepted: Accepted | None = None,
) -> Evidence:
    """Shuffle what is not known before the event, make the label rows again, and compare all but the label.

    What is known before is the key, the time and `known_before`. In a source without time that declares nothing known
    before, everything is, except the columns that the label itself depends on; those are found by shuffling, too.
    Missing values stay where they are, so that a filter on "has a result" keeps the same rows.

    Args:
        label_rows: The project's function from the source to the rows to predict.
        source_frame: The source, as it was known.
        source: Its declaration.
        target: Which columns are inputs, entities, key and time.
        rng: Shuffles.
        accepted: Columns that somebody vouches for, with the reason; only what is said of `known_before` is softened.

    Returns:
        Evidence `leakage.inputs`: `fail` where an input, an entity, the key, the time or the group changed; `warn`
        where only context columns or the choice of rows did. Figures name for each the columns that it depends on,
        and those that the label does.

    Raises:
        DataError: The rows lack the key, or the function breaks on shuffled values.
    """
    rows = source_frame.collect()
    before = _made(label_rows, rows, target)
    checked = _checked(target, before)
    unknown = _unknown_columns(rows, source)
    outcomes = _depends(label_rows, rows, unknown, before, [target.label], target, rng)[target.label]
    if not source.time and not source.known_before:
        unknown = outcomes
    change = _change(before, _made(label_rows, _shuffled(rows, unknown, rng), target), checked, target.key)
    watched = [*change.columns, ROWS] if change else []
    culprits = _depends(label_rows, rows, unknown, before, watched, target, rng) if change else {}
    too_soon = declared_too_soon(rows, source, outcomes)
    soft = [one for one in too_soon if settled(one.columns, accepted or {})]
    hard = [one for one in too_soon if one not in soft]
    noted = [f"{one.reason}{words(one.columns, accepted or {})}" for one in soft]
    figures = {"rows": before.height, "label_depends_on": outcomes, "not_known_before": list(unknown)}
    return _evidence(change, culprits, hard, noted, checked, target, figures)


def _made(label_rows: LabelRows, rows: pl.DataFrame, target: Target) -> pl.DataFrame:
    """What the project makes of the source; whatever its code raises on shuffled values is told as such."""
    try:
        made = label_rows(rows.lazy())
    except Exception as failure:  # a project's function may raise anything
        raise DataError(
            f"target.rows {target.rows or ''} failed while the inputs were checked, with the values of outcome columns "
            f"shuffled among rows: {type(failure).__name__}: {failure}. It must take every value in any row."
        ) from failure
    if target.key not in made.columns:
        raise DataError(f"the rows to predict lack the key {target.key!r}; they have {made.columns}.")
    return made


def _checked(target: Target, made: pl.DataFrame) -> list[str]:
    """Columns that must not depend on the outcome."""
    entities = target.entity_columns
    named = [target.key, target.time, target.group, *entities, *target.inputs, *target.context]
    return [name for name in dict.fromkeys(named) if name and name in made.columns and name != target.label]


def _unknown_columns(rows: pl.DataFrame, source: Source) -> list[str]:
    known = {*source.key, source.time, *source.known_before, EVENT_TIME, KNOWN_AT}
    return [column for column in rows.columns if column not in known]


def _shuffled(rows: pl.DataFrame, columns: Iterable[str], rng: np.random.Generator) -> pl.DataFrame:
    """Each of the columns with its values in another order, missing ones staying in place."""
    return rows.with_columns(_permuted(rows[column], rng) for column in columns)


def _permuted(column: pl.Series, rng: np.random.Generator) -> pl.Series:
    places = column.is_not_null().arg_true().to_numpy()
    source = np.arange(column.len())
    source[places] = places[rng.permutation(len(places))]
    return column.gather(source)


def _change(before: pl.DataFrame, after: pl.DataFrame, checked: Sequence[str], key: str) -> Change:
    """Compare two frames of label rows by key; a key that names several rows is left to the check of duplicates."""
    if before[key].equals(after[key], null_equal=True):
        one, other = before, after
    else:
        left, right = (frame.filter(~pl.col(key).is_duplicated()) for frame in (before, after))
        one = left.join(right.select(key), on=key, how="semi").sort(key)
        other = right.join(left.select(key), on=key, how="semi").sort(key)
    n_lost = len(set(before[key].to_list()) ^ set(after[key].to_list())) if one is not before else 0
    gone = [column for column in checked if column not in after.columns]
    counts = {column: int(differing(one[column], other[column]).sum()) for column in checked if column not in gone}
    counts |= dict.fromkeys(gone, before.height)
    return Change({column: count for column, count in counts.items() if count}, n_lost)


def _depends(
    label_rows: LabelRows,
    rows: pl.DataFrame,
    columns: Sequence[str],
    before: pl.DataFrame,
    watched: Sequence[str],
    target: Target,
    rng: np.random.Generator,
) -> dict[str, list[str]]:
    """Which source columns each watched column depends on, by shuffling one at a time; ROWS stands for their choice."""
    found: dict[str, list[str]] = {name: [] for name in watched}
    present = [name for name in watched if name in before.columns]
    for column in columns[:MOST_CULPRITS]:
        change = _change(before, _made(label_rows, _shuffled(rows, [column], rng), target), present, target.key)
        for name in change.columns:
            found[name].append(column)
        if change.rows and ROWS in found:
            found[ROWS].append(column)
    return found


def _evidence(
    change: Change,
    culprits: dict[str, list[str]],
    too_soon: Sequence[Finding],
    noted: Sequence[str],
    checked: Sequence[str],
    target: Target,
    figures: dict[str, Any],
) -> Evidence:
    figures = figures | {
        "checked": list(checked),
        "changed": {name: {"rows": count, "depends_on": culprits[name]} for name, count in change.columns.items()},
        "choice_of_rows_depends_on": culprits.get(ROWS, []),
        "declared_too_soon": [{"columns": one.columns, one.figure: one.value} for one in too_soon],
    }
    subject = f"source:{target.source}"
    faults = [
        f"{_told(name, culprits[name], target)}. Use only what is known before, or declare in "
        f"sources.{target.source}.known_before what is"
        for name in change.columns
        if name not in target.context or name in target.inputs
    ]
    faults += [f"{one.reason}, yet sources.{target.source}.known_before says that it is known" for one in too_soon]
    if faults:
        return Evidence(KIND, subject, "fail", "; ".join(faults), figures)
    warnings = [*noted, *(_told(name, culprits[name], target) for name in change.columns)]
    if change.rows:
        warnings.append(
            f"which rows are predicted depends on {listed(culprits.get('', []))}, which is not known before the event"
        )
    verdict: Verdict = "warn" if warnings else "pass"
    n_unknown = len(figures["not_known_before"])
    summary = "; ".join(warnings) or (
        f"{listed(checked, most=8)} stay the same whatever stands in the {n_unknown} columns not known before"
    )
    return Evidence(KIND, subject, verdict, summary, figures)


def _told(name: str, culprits: Sequence[str], target: Target) -> str:
    what = "input" if name in target.inputs else "context column" if name in target.context else "column"
    return f"{what} {name!r} depends on {listed(culprits) or 'columns'}, not known before the prediction"
