"""Declared too soon: does a column that was declared known before the event tell its outcome?

The counterpart of `inputs`, which believes `known_before`: a rating after the game, declared as known before it, gives
itself away by its difference from the rating before.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from assay.config.settings import Source
from assay.data.event_time import EVENT_TIME
from assay.data.leakage.target_derived import Finding, findings_of


def declared_too_soon(rows: pl.DataFrame, source: Source, outcomes: Iterable[str]) -> list[Finding]:
    """Hold the columns of `known_before`, alone and in pairs, against each outcome with two values.

    Only the earlier half of the rows is looked at, so that nothing is learnt from what will be held out. Columns of the
    source's key are left out: where two rows of one event share a part of it, one row's outcome gives away the other's.

    Args:
        rows: The source, with `event_time`; without it nothing is looked at.
        source: Its declaration.
        outcomes: Columns that the label depends on.

    Returns:
        Findings of verdict `fail` alone, in words.
    """
    if EVENT_TIME not in rows.columns:
        return []
    earlier = rows.filter(pl.col(EVENT_TIME) < pl.col(EVENT_TIME).median())
    found = []
    for outcome in outcomes:
        known = earlier.filter(pl.col(outcome).is_not_null())
        if known[outcome].n_unique() != 2:
            continue
        truth = (known[outcome].cast(pl.String).rank("dense") - 1).cast(pl.Float64).to_numpy()
        told = [column for column in source.known_before if column != outcome and column not in source.key]
        features = known.select(told)
        found += [one for one in findings_of(features, truth, task="classification") if one.verdict == "fail"]
    return found
