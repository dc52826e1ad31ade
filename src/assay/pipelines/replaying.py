"""Replaying the prediction log: every vector that was served is computed again offline, as the tables were then (FS-4).

For each prediction the version of every view's table is taken that was the newest when it was answered, so that rows
which came late are no difference. The log is read in pieces, and memory does not grow with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from assay.errors import DataError, ServiceUnreachable
from assay.features import offline
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.frame import training_frame
from assay.features.layout import Layout, layout_of
from assay.features.point_in_time import INSTANT, SortedRows
from assay.features.skew import KIND, Replay, differences
from assay.ledger.evidence import Evidence
from assay.pipelines.asking import with_key_types
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.serving import log_frames
from assay.serving.rows import parse_time

PIECE_ROWS = 200_000
ON_ITS_WAY = timedelta(minutes=10)  # after a commit, until its values must have arrived online
EXCUSED = ("future", "stale", "unavailable")  # states of rows that were not answered with the newest values
TOLD = pl.any_horizontal(pl.col("states").str.contains(f"={state}") for state in EXCUSED).fill_null(value=False)
Versions = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time between two commits.

    Attributes:
        since: Its first moment.
        versions: The newest version of each view's table, by the view's name.
    """

    since: datetime
    versions: Versions


def replay_predictions(workspace: Workspace, version: ModelVersion, *, since: datetime | None = None) -> Evidence:
    """Compare what a version's predictions read with what the offline store gives for the same rows and moments.

    Args:
        workspace: The project.
        version: Whose predictions.
        since: Only predictions from then on; by default those since the last replay.

    Returns:
        Evidence of kind `features.skew`, not recorded yet.
    """
    layout = layout_of(workspace.settings.target, workspace.definitions)
    last = workspace.ledger.latest(KIND)
    if since is None and last is not None and last.figures.get("until"):
        since = datetime.fromisoformat(last.figures["until"])
    features, left_out = comparable(workspace, version, layout)
    stretches = stretches_of(layout, workspace)
    replay, until = Replay(features), since
    n_given = n_unbuilt = 0
    logged = log_frames.predictions(workspace.predictions, since=since)
    logged = logged.filter(pl.col("model") == version.reference, pl.col("source") == "model")
    for piece in logged.collect_batches(chunk_size=PIECE_ROWS, maintain_order=True):
        if piece.is_empty():
            continue
        until = max(piece["time"].max(), until or piece["time"].min())  # type: ignore[type-var,assignment]
        rows = request_rows(piece, layout, workspace)
        keyed = [pl.col(column).is_not_null() for column in entity_columns(layout)]
        known = rows.filter(pl.any_horizontal(keyed)) if keyed else rows  # a project may have no entities at all
        n_given += rows.height - known.height
        n_unbuilt += _replay_piece(known, stretches, replay, workspace)
    more = {
        "until": until + timedelta(microseconds=1) if until and until != since else until,
        "given_in_request": n_given,
        "before_first_build": n_unbuilt,
        "left_out": left_out,
        "model": version.reference,
    }
    return replay.evidence(subject=version.subject, more=more)


def comparable(workspace: Workspace, version: ModelVersion, layout: Layout) -> tuple[list[str], list[str]]:
    """The looked-up and computed features that can be compared, and those of request views that have changed since."""
    started = workspace.ledger.find(run=version.run, kind="run.started")
    digests = started[0].figures.get("definitions", {}) if started else {}
    changed = [view for view in layout.request_views if digests.get(view.name, view.digest) != view.digest]
    left_out = [name for view in changed for name in view.features]
    features = [name for name in layout.model_features if name not in layout.inputs and name not in left_out]
    return features, left_out


def stretches_of(layout: Layout, workspace: Workspace) -> list[Stretch]:
    """The times between the commits of all views that are read, oldest first."""
    commits: list[tuple[datetime, str, int]] = []
    for view in {view.name: view for _, view in layout.joins}.values():
        history = workspace.tables.history(offline.table_name(view))
        commits += [(commit.time, view.name, commit.version) for commit in history]
    stretches = [Stretch(datetime.min.replace(tzinfo=UTC), {})]
    for time, name, number in sorted(commits):
        stretches.append(Stretch(time, {**stretches[-1].versions, name: number}))
    return stretches


def request_rows(piece: pl.DataFrame, layout: Layout, workspace: Workspace) -> pl.DataFrame:
    """Logged predictions as the rows that were asked for: `id`, `time`, `states`, entities, inputs, prediction time.

    What the model read is beside them in the struct `features`.
    """
    target = workspace.settings.target
    given = {struct: set(piece[struct].struct.fields) for struct in ("inputs", "features")}

    def logged(name: str) -> pl.Expr:
        struct = next((one for one, fields in given.items() if name in fields), None)
        return pl.lit(None, dtype=pl.String) if struct is None else pl.col(struct).struct.field(name)

    columns = {name: logged(name) for name in dict.fromkeys((*entity_columns(layout), *layout.inputs))}
    rows = piece.select("id", "states", "features", pl.col("time").alias("__answered"), **columns)
    if target.time is None:
        return rows
    moments = piece.select(logged(target.time).cast(pl.String)).to_series()
    read = pl.Series(target.time, [None if text is None else parse_time(text) for text in moments], dtype=INSTANT)
    return rows.with_columns(read.fill_null(rows["__answered"]))


def entity_columns(layout: Layout) -> list[str]:
    """Columns of a row with entities' keys."""
    return list(dict.fromkeys(role.column for role, _ in layout.joins))


def _replay_piece(rows: pl.DataFrame, stretches: list[Stretch], replay: Replay, workspace: Workspace) -> int:
    """Compare rows, each with the tables of its stretch; returns how many were answered before anything was built."""
    begins = [one.since for one in stretches]
    places = pl.Series([bisect_right(begins, moment) - 1 for moment in rows["__answered"]], dtype=pl.Int64)
    n_unbuilt = 0
    for (place,), of_stretch in rows.group_by(places.alias("place"), maintain_order=True):
        at = int(str(place))
        if not stretches[at].versions:
            n_unbuilt += of_stretch.height
            continue
        found = _differences(of_stretch, stretches[at].versions, replay, workspace)
        for versions, may_have in _alternatives(stretches, at, workspace):
            rest = of_stretch.filter(may_have & pl.col("id").is_in(found["key"].implode()))
            if not rest.is_empty():
                equal = rest.select(key="id").join(
                    _differences(rest, versions, replay, workspace), on="key", how="anti"
                )
                found = found.filter(~pl.col("key").is_in(equal["key"].implode()))
        if at == len(stretches) - 1:
            found, n_ahead = _without_events(of_stretch, found, workspace)
            replay.n_ahead += n_ahead
        excused = of_stretch.filter(pl.col("id").is_in(found["key"].implode()) & TOLD)["id"]
        found = found.filter(~pl.col("key").is_in(excused.implode()))
        replay.add(of_stretch.height, found, n_excused=len(excused))
    return n_unbuilt


def _without_events(rows: pl.DataFrame, found: pl.DataFrame, workspace: Workspace) -> tuple[pl.DataFrame, int]:
    """Leave out what events of a stream explain that no build has seen yet, and count the rows.

    Where the online values of an entity are known later than all of its stored rows, an event was there first. What
    its view and the request views gave cannot be judged then; values of all other views still can.
    """
    layout = layout_of(workspace.settings.target, workspace.definitions)
    of_requests = [name for view in layout.request_views for name in view.features]
    ahead: set[str] = set()
    differing = rows.filter(pl.col("id").is_in(found["key"].implode()))
    for role, view in layout.joins:
        if view.stream is None or differing.is_empty():
            continue
        entities = _entities_ahead(view, differing[role.column], workspace)
        ids = differing.filter(pl.col(role.column).is_in(entities))["id"]
        names = [*of_requests, *(f"{role.prefix}{name}" for name in view.features)]
        explained = pl.col("key").is_in(ids.implode()) & pl.col("feature").is_in(names)
        ahead |= set(found.filter(explained)["key"])
        found = found.filter(~explained)
    return found, len(ahead)


def _entities_ahead(view: FeatureView, keys: pl.Series, workspace: Workspace) -> list[str]:
    """The keys among these whose online values are known later than every stored row; all where the store is away."""
    asked = keys.drop_nulls().cast(pl.String).unique().to_list()
    stored = offline.stored(view, workspace.tables).frame.lazy()
    newest = stored.group_by(pl.col(view.entity).cast(pl.String)).agg(pl.col(KNOWN_AT).max().dt.epoch("us")).collect()
    last = dict(newest.iter_rows())
    try:
        found = workspace.online.get(view.name, asked)
    except ServiceUnreachable:
        return asked
    return [key for key, row in zip(asked, found, strict=True) if row is not None and row.time_us > last.get(key, 0)]


def _alternatives(stretches: list[Stretch], at: int, workspace: Workspace) -> Iterator[tuple[Versions, pl.Expr]]:
    """Other versions that rows of a stretch may have been answered with, and which rows: those before the last commit,
    while its values were on their way online; and the newest of streaming views, whose events were online first.
    """
    here = stretches[at]
    if at and stretches[at - 1].versions:
        yield stretches[at - 1].versions, pl.col("__answered") - here.since < ON_ITS_WAY
    streaming = [view.name for view in workspace.definitions.views if view.stream is not None]
    if streaming:
        newest = {name: number for name, number in stretches[-1].versions.items() if name in streaming}
        yield {**here.versions, **newest}, pl.lit(value=True)


def _differences(rows: pl.DataFrame, versions: Versions, replay: Replay, workspace: Workspace) -> pl.DataFrame:
    target, definitions = workspace.settings.target, workspace.definitions

    def rows_of(view: FeatureView) -> SortedRows:
        version = versions.get(view.name)
        held = offline.stored(view, workspace.tables, version=version)
        return held if version is not None else SortedRows(held.frame.clear())

    asked = rows.drop("states", "features", "__answered")
    try:
        again, _ = training_frame(
            with_key_types(workspace, asked), target=target, definitions=definitions, rows_of=rows_of
        )
    except DataError as problem:
        raise DataError(f"the log cannot be replayed: {problem}") from problem
    served = rows.select("id", "features").unnest("features")
    features = [name for name in replay.features if name in served.columns]
    return differences(served, again, key="id", features=features)
