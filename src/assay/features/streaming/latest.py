"""The newest row of some entities, by the view's own function over what is known of them alone.

This is the one definition of FS-4 at work: what is run is `materialize.compute`, as in a build; only less goes in.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assay.errors import DataError
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.materialize import compute
from assay.features.streaming.events import EVENT_TIME

OCCURRENCE = "__occurrence"


def newest_rows(
    view: FeatureView,
    entities: Sequence[str],
    *,
    past: pl.DataFrame | None,
    events: pl.DataFrame,
    key: Sequence[str] = (),
) -> pl.DataFrame:
    """Run a view over the past and the events of `entities`, and keep the newest row of each.

    Args:
        view: The view; it must compute an entity's rows from that entity's rows alone.
        entities: Whose rows are wanted, as text.
        past: Their rows of the last build's source.
        events: Their events, as rows of the source.
        key: Columns that name a row of the source; without, all columns together do.

    Raises:
        DataError: The view fails on these rows, or gives its entities other keys than the source has.
    """
    rows = together(past, events, key=key)
    computed = compute(view, {view.sources[0]: rows.lazy()})
    mine = computed.filter(pl.col(view.entity).cast(pl.String).is_in(list(entities)))
    if mine.is_empty() and not computed.is_empty():
        raise DataError(
            f"{view.place}: view '{view.name}' returns the entities {computed[view.entity].head(3).to_list()} for "
            f"events of {list(entities[:3])}. A streaming view passes the column on that it is partitioned by."
        )
    return mine.unique(view.entity, keep="last", maintain_order=True)


def together(past: pl.DataFrame | None, events: pl.DataFrame, *, key: Sequence[str] = ()) -> pl.DataFrame:
    """Rows and events in the order of time, an event that a build has seen by now counted once.

    A row repeated n times in the past and an event repeated m times, all alike, come to max(n, m): sources may hold
    equal rows that are two purchases, and an event that reached the file since is one of them.
    """
    if past is None:
        return events
    events = events.select(pl.col(name).cast(dtype) for name, dtype in past.schema.items() if name in events.columns)
    names = list(key) or [name for name in events.columns if name not in (EVENT_TIME, KNOWN_AT)]
    names = [*names, *([] if key else [KNOWN_AT])]
    numbered = [rows.with_columns(pl.int_range(pl.len()).over(names).alias(OCCURRENCE)) for rows in (past, events)]
    both = pl.concat(numbered, how="diagonal").unique([*names, OCCURRENCE], keep="first", maintain_order=True)
    return both.drop(OCCURRENCE).sort(KNOWN_AT, maintain_order=True)
