"""The training frame: label rows with every feature that was known before them, in the model's order.

The same layout and the same request views run at request time in `online`, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from assay.config.settings import Target
from assay.errors import ConfigError, NotFound
from assay.features.definitions import KNOWN_AT, Definitions, FeatureView
from assay.features.layout import Layout, Role, layout_of, with_request_features
from assay.features.point_in_time import Join, SortedRows, join, join_timeless
from assay.ledger.evidence import Evidence

RowsOf = Callable[[FeatureView], pl.LazyFrame | SortedRows]


def training_frame(
    labels: pl.DataFrame, *, target: Target, definitions: Definitions, rows_of: RowsOf, join_rows: Join = join
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Join every view for every role to the labels, and run the request views.

    Args:
        labels: Rows to predict; each is kept, in order, with nulls where nothing was known.
        target: Which columns are entities, inputs and the prediction time.
        definitions: The project's views.
        rows_of: Gives the rows of a view: `offline.stored`, or `materialize.compute` over sources cut at a moment.
        join_rows: The point-in-time join; `partitioned_join.join_on` gives one that works on a cluster.

    Returns:
        The labels with all joined and computed columns, and the names of those that the model reads, in order.

    Raises:
        ConfigError: Names clash, or a view with time meets a target without.
        DataError: A column is missing or of a wrong type.
    """
    layout = layout_of(target, definitions)
    for role, view in layout.joins:
        labels = _joined(labels, rows_of(view), role=role, view=view, time=target.time, join_rows=join_rows)
    return with_request_features(labels, layout), layout.model_features


def coverage(labels: pl.DataFrame, *, target: Target, definitions: Definitions, rows_of: RowsOf) -> Evidence:
    """Count, for each role and view, the labels without an earlier feature row; they are kept with nulls.

    Returns:
        Evidence of kind `features.coverage`; it warns when a view matches no label at all.
    """
    layout: Layout = layout_of(target, definitions)
    unmatched = {
        f"{role.name}.{view.name}": _n_unmatched(labels, rows_of(view), role=role, view=view, time=target.time)
        for role, view in layout.joins
    }
    empty = [name for name, n_rows in unmatched.items() if n_rows == labels.height and n_rows]
    worst = max(unmatched.items(), key=lambda item: item[1], default=("no view", 0))
    summary = f"{labels.height:,} labels kept; without an earlier row at most {worst[1]:,} ({worst[0]})"
    if empty:
        summary += f"; no label at all is matched by {', '.join(empty)}"
    figures = {"n_labels": labels.height, "unmatched": unmatched}
    return Evidence("features.coverage", f"target:{target.label}", "warn" if empty else "info", summary, figures)


def history(
    keys: pl.DataFrame, names: Sequence[str], *, time: str, definitions: Definitions, rows_of: RowsOf
) -> pl.DataFrame:
    """Give each row of `keys` the named features as they were known strictly before its time.

    Args:
        keys: A column named as each entity asked for, and the column `time`.
        names: Features, in the order wanted.
        time: Column of `keys` with the moment.
        definitions: The project's views.
        rows_of: Gives the rows of a view.

    Raises:
        NotFound: A feature has no view.
    """
    joined = keys
    for view, wanted in views_of(names, definitions):
        rows = _only(rows_of(view), view, wanted)
        role = Role(view.entity, entity=view.entity, column=view.entity, prefix="")
        joined = _joined(joined, rows, role=role, view=view, time=time)
    return joined.select(*keys.columns, *names)


def views_of(names: Sequence[str], definitions: Definitions) -> list[tuple[FeatureView, list[str]]]:
    """The views that hold the named features, each with those of its features that are asked for.

    Raises:
        NotFound: A feature has no view.
    """
    known = {name for view in definitions.views for name in view.features}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(f"no feature view has {unknown}. `assay features list` shows those there are.")
    pairs = [(view, [name for name in names if name in view.features]) for view in definitions.views]
    return [(view, wanted) for view, wanted in pairs if wanted]


def _joined(
    labels: pl.DataFrame,
    rows: pl.LazyFrame | SortedRows,
    *,
    role: Role,
    view: FeatureView,
    time: str | None,
    join_rows: Join = join,
) -> pl.DataFrame:
    frame = rows.frame if isinstance(rows, SortedRows) else rows
    if KNOWN_AT not in frame.collect_schema():
        return join_timeless(labels, frame, entity_column=role.column, entity=view.entity, prefix=role.prefix)
    if time is None:
        raise ConfigError(
            f"{view.place}: rows of view '{view.name}' have a time, but the target has none. Name target.time in "
            "assay.yaml, so that the join can look before it."
        )
    return join_rows(
        labels, rows, entity_column=role.column, entity=view.entity, time=time, ttl=view.ttl, prefix=role.prefix
    )


def _n_unmatched(
    labels: pl.DataFrame, rows: pl.LazyFrame | SortedRows, *, role: Role, view: FeatureView, time: str | None
) -> int:
    keys = labels.select(list(dict.fromkeys(name for name in (role.column, time) if name is not None)))
    flagged = _only(rows, view, [], flag="__matched")
    return _joined(keys, flagged, role=role, view=view, time=time)[f"{role.prefix}__matched"].null_count()


def _only(
    rows: pl.LazyFrame | SortedRows, view: FeatureView, names: Sequence[str], *, flag: str = ""
) -> pl.LazyFrame | SortedRows:
    """The rows with the named features alone, and a column `flag` that is true on each."""
    frame = rows.frame if isinstance(rows, SortedRows) else rows
    times = [KNOWN_AT] if KNOWN_AT in frame.collect_schema() else []
    chosen = frame.select(view.entity, *times, *names, *([pl.lit(value=True).alias(flag)] if flag else []))
    return SortedRows(chosen) if isinstance(rows, SortedRows) else chosen
