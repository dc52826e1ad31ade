"""Reach: what some rows of a source have a part in, within one run: its feature rows, its rows to learn from.

Computes each view twice from the snapshots of the run, with the rows and without; what differs is touched. Where that
cannot be done as the run did it, an upper bound is given and called so. Which runs there are is `impact`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from assay.data import selection, snapshots
from assay.data.event_time import KNOWN_AT
from assay.errors import AssayError
from assay.features.definitions import FeatureView
from assay.features.layout import layout_of
from assay.features.materialize import compute
from assay.features.point_in_time import instant, join, join_timeless
from assay.features.provenance import TOUCHED, marked_rows
from assay.ledger.evidence import Evidence, plain
from assay.pipelines.frames import Frames, known_at, label_columns, of_last_months
from assay.pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Marked:
    """Feature rows of one view, those marked that some source rows have a part in.

    Attributes:
        view: The view.
        rows: Keys of all its rows, and whether each is `touched`.
        is_exact: Found by computing with and without; otherwise everything that can have read the rows is marked.
        since: When the first of the source rows became known; None where they have no time.
    """

    view: FeatureView
    rows: pl.DataFrame
    is_exact: bool
    since: datetime | None

    @property
    def touched(self) -> pl.DataFrame:
        return self.rows.filter(TOUCHED)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the rows have a part in, in one run.

    Attributes:
        run: Its id.
        n_rows: Selected rows that the run could read.
        views: The views that read the source.
        n_labels: Rows to learn from and to be judged on.
        n_touched: Those of them with at least one touched value, or that are selected themselves.
        is_exact: Whether `n_touched` is exact; otherwise an upper bound.
    """

    run: str
    n_rows: int
    views: tuple[Marked, ...] = field(default=())
    n_labels: int = 0
    n_touched: int = 0
    is_exact: bool = False


def reach_of(workspace: Workspace, started: Evidence, source: str, picked: pl.DataFrame) -> Reach:
    """Follow the picked rows of `source` through the views and the label rows of one run.

    Args:
        workspace: The project.
        started: The run's first record.
        source: Whose rows they are.
        picked: Rows of the snapshot that the run took, with their numbers (`selection.ROW`).
    """
    moment = datetime.fromisoformat(started.figures["as_of"])
    frames = _frames(workspace, started.run)
    seen = picked.filter(pl.col(KNOWN_AT) < moment) if KNOWN_AT in picked.columns else picked
    less = {**frames, source: selection.left_out(frames[source], seen[selection.ROW])}
    frames = {name: known_at(frame, moment) for name, frame in frames.items()}
    less = {name: known_at(frame, moment) for name, frame in less.items()}
    then: Mapping[str, str] = started.figures.get("definitions") or {}
    views = [view for view in workspace.definitions.views if source in view.sources]
    marked = tuple(_marked(view, frames, less, seen, is_same=then.get(view.name) == view.digest) for view in views)
    labels, is_whole = _labels(workspace, started, frames)
    touched = touched_rows(workspace, labels, marked)
    if source == workspace.settings.target.source:
        touched |= _otherwise(workspace, labels, less)
    if not _is_as_it_was(workspace, started):
        touched |= _later_than(workspace, labels, first_known(seen))
        is_whole = False
    is_exact = is_whole and all(one.is_exact for one in marked)
    return Reach(started.run, seen.height, marked, labels.height, int(touched.sum()), is_exact)


def _is_as_it_was(workspace: Workspace, started: Evidence) -> bool:
    """Whether the views that the run had are all there still, and its target is today's."""
    definitions = workspace.definitions
    there = {view.name for view in definitions.views} | {view.name for view in definitions.request_views}
    then: Mapping[str, str] = started.figures.get("definitions") or {}
    today = plain(workspace.settings.model_dump(mode="json", include={"target"}))
    return set(then) <= there and started.figures["settings"].get("target") == today["target"]


def _otherwise(workspace: Workspace, labels: pl.DataFrame, less: Frames) -> pl.Series:
    """Which label rows would be otherwise, or not be there, without the selected rows of their source; or else all."""
    target = workspace.settings.target
    try:
        others = label_columns(workspace, less[target.source])
    except AssayError:
        return pl.Series(TOUCHED, [True] * labels.height, dtype=pl.Boolean)
    columns = [name for name in labels.columns if name != target.key and name in others.columns]
    there = others.select(target.key, pl.col(columns).name.suffix("__without"), pl.lit(1).alias("__there"))
    both = labels.join(there.unique(target.key, keep="last"), on=target.key, how="left", maintain_order="left")
    differs = [pl.col(name).ne_missing(pl.col(f"{name}__without")) for name in columns]
    return both.select(pl.any_horizontal(pl.col("__there").is_null(), *differs).alias(TOUCHED)).to_series()


def _later_than(workspace: Workspace, rows: pl.DataFrame, since: datetime | None) -> pl.Series:
    """Which rows are predicted after a moment: all that can know of what became known then; without times all."""
    time = workspace.settings.target.time
    if time is None or since is None or rows.is_empty():
        return pl.Series(TOUCHED, [True] * rows.height, dtype=pl.Boolean)
    return rows.select((instant(rows.schema, time) > since).fill_null(value=True).alias(TOUCHED)).to_series()


def first_known(seen: pl.DataFrame) -> datetime | None:
    """When the first of the source rows became known; None where they have no time."""
    if KNOWN_AT not in seen.columns:
        return None
    first: datetime | None = seen.select(pl.col(KNOWN_AT).min()).item()
    return first


def touched_rows(workspace: Workspace, rows: pl.DataFrame, marked: tuple[Marked, ...]) -> pl.Series:
    """Which of the rows, each with its entities and its time, are joined to a touched feature row."""
    target = workspace.settings.target
    found = pl.Series(TOUCHED, [False] * rows.height, dtype=pl.Boolean)
    by_view = {one.view.name: one for one in marked}
    for role, view in layout_of(target, workspace.definitions).joins:
        one = by_view.get(view.name)
        if one is None or role.column not in rows.columns:
            continue
        if not one.is_exact:
            found |= _later_than(workspace, rows, one.since)
            continue
        keyed = one.rows.lazy().with_columns(pl.col(view.entity).cast(pl.String))
        asked = rows.select(pl.col(role.column).cast(pl.String), *([target.time] if target.time else []))
        if KNOWN_AT not in one.rows.columns:
            joined = join_timeless(asked, keyed, entity_column=role.column, entity=view.entity)
        elif target.time is not None:
            joined = join(asked, keyed, entity_column=role.column, entity=view.entity, time=target.time, ttl=view.ttl)
        else:
            continue
        found |= joined[TOUCHED].fill_null(value=False)
    return found


def _frames(workspace: Workspace, run: str) -> dict[str, pl.LazyFrame]:
    """Whole snapshots of a run by source, each verified."""
    taken = workspace.ledger.find(kind="data.snapshot", run=run)
    root = workspace.state / "snapshots"
    return {one.subject.partition(":")[2]: snapshots.load(one.figures["digest"], root) for one in taken}


def _marked(view: FeatureView, frames: Frames, less: Frames, seen: pl.DataFrame, *, is_same: bool) -> Marked:
    """Mark by computing with and without; where the view is not what it was, or cannot do without, by time alone."""
    ours = {name: frames[name] for name in view.sources}
    if is_same:
        with suppress(AssayError):
            rows = marked_rows(view, ours, without={name: less[name] for name in view.sources})
            return Marked(view, rows, is_exact=True, since=first_known(seen))
    rows = compute(view, ours)
    keys = [name for name in (view.entity, KNOWN_AT) if name in rows.columns]
    marks = rows.select(*keys, can_have_read(rows, seen).alias(TOUCHED))
    return Marked(view, marks, is_exact=False, since=first_known(seen))


def can_have_read(rows: pl.DataFrame, seen: pl.DataFrame) -> pl.Expr:
    """Whether a feature row is no older than the first of the source rows: the upper bound that needs no computing."""
    if KNOWN_AT not in rows.columns or KNOWN_AT not in seen.columns:
        return pl.lit(not seen.is_empty())
    first = seen[KNOWN_AT].min()
    return pl.lit(value=False) if first is None else pl.col(KNOWN_AT) >= first


def _labels(workspace: Workspace, started: Evidence, frames: Frames) -> tuple[pl.DataFrame, bool]:
    """The label rows of a run, and whether they are as many as it cut; if not, all that were known are given."""
    target = workspace.settings.target
    try:
        rows = label_columns(workspace, frames[target.source])
    except (AssayError, KeyError):
        return pl.DataFrame(schema={target.key: pl.String}), False
    cut = workspace.ledger.find(kind="data.split", run=started.run, limit=1)
    wanted = cut[0].figures["rows"] if cut else None
    if rows.height == wanted or target.time is None or rows.is_empty():
        return rows, rows.height == wanted
    for months in _months(started.figures["settings"]):
        recent = of_last_months(rows, target.time, months)
        if recent.height == wanted:
            return recent, True
    return rows, False


def _months(settings: Mapping[str, Any]) -> list[int]:
    """How far back the run may have looked, by its settings."""
    named = [settings.get(part, {}).get("months") for part in ("training", "retraining")]
    return [months for months in named if months is not None]
