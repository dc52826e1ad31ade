"""The last part of the way back: which stored feature rows a prediction read, and which source rows those came from.

Reads the offline tables as they stood at the time of the prediction (builds are numbered, tables keep their versions),
holds the rows against what the log says was read, and computes them anew from the snapshots that the build read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from assay.data import snapshots
from assay.errors import AssayError
from assay.features import offline
from assay.features.agreement import same_value
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.layout import Role, layout_of
from assay.features.provenance import SourceRows, source_rows_of
from assay.ledger.evidence import Evidence
from assay.pipelines.descent import Certainty, Step, row_numbers
from assay.pipelines.workspace import Workspace

BUILD = "features.build"


@dataclass(frozen=True, slots=True)
class Read:
    """The feature row that a prediction read of one view.

    Attributes:
        build: The build that the online values stood at.
        stored_by: The build that stored the row.
        row: Entity, known_at and features.
        differing: Logged features that are not those of the row: the request brought them, or something is wrong.
    """

    build: Evidence
    stored_by: Evidence
    row: Mapping[str, Any]
    differing: tuple[str, ...]


def feature_rows(workspace: Workspace, prediction: Mapping[str, Any]) -> Iterator[Step]:
    """One step for each view that the prediction read, followed by its source rows."""
    target = workspace.settings.target
    given: Mapping[str, Any] = prediction["inputs"]
    made = _moment(prediction["time"])
    time = _moment(given[target.time]) if target.time and given.get(target.time) else made
    states = dict(one.split("=", 1) for one in (prediction.get("states") or "").split())
    for role, view in layout_of(target, workspace.definitions).joins:
        name = f"{role.name}.{view.name}" if role.name != view.entity else view.name
        key = given.get(role.column)
        if key is None:
            yield Step("feature row", name, f"none was read: the request brought its features, and no {role.column}")
            continue
        read = _row_read(workspace, view, role, prediction, key=key, time=time, made=made)
        if isinstance(read, str):
            yield Step("feature row", name, f"none was read of {role.column} {key}: {read}")
            continue
        if states.get(f"{role.name}.{view.name}") == "unavailable":
            yield Step("feature row", name, f"none was read of {role.column} {key}: the online store did not answer")
            continue
        yield _described(name, view, role, key, read)
        yield from source_rows(workspace, view, read.stored_by, read.row)


def source_rows(workspace: Workspace, view: FeatureView, build: Evidence, row: Mapping[str, Any]) -> Iterator[Step]:
    """Where a stored feature row came from, one step a source."""
    taken = snapshots_of(workspace, build)
    root = workspace.state / "snapshots"
    same_code = build.figures["definition"] == view.digest
    try:
        frames = {name: snapshots.load(taken[name].figures["digest"], root) for name in view.sources}
    except (AssayError, KeyError) as problem:
        yield Step("source rows", view.name, f"cannot be told: {problem}", build.id)
        return
    found = source_rows_of(
        view,
        frames,
        entity=row[view.entity],
        known_at=row.get(KNOWN_AT),
        values={name: row[name] for name in view.features},
        as_of=as_of(workspace, build),
        is_same=same_code,
    )
    for one in found:
        says = _rows_in_words(one, same_code=same_code)
        digest = taken[one.source].figures["digest"]
        figures = {**one.to_json(), "snapshot": digest, "view": view.name, "same_definition": same_code}
        certainty: Certainty = "exact" if one.is_proven else "at most"
        yield Step("source rows", one.source, says, taken[one.source].id, certainty, figures)


def snapshots_of(workspace: Workspace, build: Evidence) -> dict[str, Evidence]:
    """The snapshots that a build read, by source; of a build that does not name them, those of its run."""
    records = [workspace.ledger.get(parent) for parent in build.parents]
    found = {one.subject.partition(":")[2]: one for one in records if one.kind == "data.snapshot"}
    if found or not build.run:
        return found
    of_run = workspace.ledger.find(kind="data.snapshot", run=build.run)
    return {one.subject.partition(":")[2]: one for one in of_run}


def as_of(workspace: Workspace, record: Evidence) -> datetime | None:
    """The moment of a record's run: what became known from then on was not read."""
    started = workspace.ledger.find(kind="run.started", run=record.run, limit=1) if record.run else []
    return _moment(started[0].figures["as_of"]) if started else None


def _row_read(
    workspace: Workspace,
    view: FeatureView,
    role: Role,
    prediction: Mapping[str, Any],
    *,
    key: Any,
    time: datetime,
    made: datetime,
) -> Read | str:
    """The row of the newest build before the prediction, or of the next one, whose record was a moment late.

    Returns:
        Of the two the one that is nearer to what was logged; where there is none, why.
    """
    ledger, subject = workspace.ledger, f"view:{view.name}"
    builds = ledger.find(kind=BUILD, subject=subject, until=made, limit=1, newest_first=True)
    builds += ledger.find(kind=BUILD, subject=subject, since=made, limit=1)
    reads, why = [], "the view had not been built"
    for build in builds:
        row = _newest_row(workspace, view, build, key=key)
        refused = _why_not(view, row, time=time)
        if row is None or refused:
            why = refused if build is builds[0] else why
            continue
        logged: Mapping[str, Any] = prediction["features"]
        names = [name for name in view.features if role.prefix + name in logged]
        differing = tuple(name for name in names if not same_value(row[name], logged[role.prefix + name]))
        reads.append(Read(build, _stored_by(workspace, view, row, build), row, differing))
    return min(reads, key=lambda read: len(read.differing), default=why)


def _newest_row(workspace: Workspace, view: FeatureView, build: Evidence, *, key: Any) -> Mapping[str, Any] | None:
    """What the online store held of the entity after `build`."""
    version = build.figures.get("table_version")
    table = workspace.tables.scan(offline.table_name(view), version=version)
    rows = table.filter(pl.col(view.entity).cast(pl.String) == str(key)).collect()
    if rows.is_empty() or not set(view.features) <= set(rows.columns):
        return None
    order = [name for name in (KNOWN_AT, offline.BUILD) if name in rows.columns]
    return rows.sort(order, maintain_order=True).row(-1, named=True)


def _why_not(view: FeatureView, row: Mapping[str, Any] | None, *, time: datetime) -> str:
    """Why the newest row may not be used for a prediction at `time`; empty where it may."""
    if row is None:
        return "nothing was known of it"
    known_at = row.get(KNOWN_AT)
    if known_at is None:
        return ""
    if known_at >= time:
        return f"its newest row was known {known_at:%Y-%m-%d %H:%M} UTC, not before {time:%Y-%m-%d %H:%M}"
    if view.ttl is not None and time - known_at > view.ttl:
        return f"its newest row, known {known_at:%Y-%m-%d %H:%M} UTC, was older than the ttl"
    return ""


def _stored_by(workspace: Workspace, view: FeatureView, row: Mapping[str, Any], build: Evidence) -> Evidence:
    """The build whose number the row bears."""
    if row[offline.BUILD] == build.figures["build"]:
        return build
    earlier = workspace.ledger.find(kind=BUILD, subject=f"view:{view.name}", newest_first=True)
    return next((one for one in earlier if one.figures["build"] == row[offline.BUILD]), build)


def _described(name: str, view: FeatureView, role: Role, key: Any, read: Read) -> Step:
    known_at = read.row.get(KNOWN_AT)
    when = f", known {known_at:%Y-%m-%d %H:%M} UTC" if known_at else ""
    same = "as logged" if not read.differing else f"not as logged: {', '.join(read.differing)}"
    if read.differing and view.stream is not None:
        same += f"; events of {view.stream} that came after the build may have changed them"
    says = f"{role.column} {key}{when}, build {read.stored_by.figures['build']}; values {same}"
    figures = {"known_at": known_at, "key": key, "differing": list(read.differing), "build": read.build.id}
    return Step("feature row", name, says, read.stored_by.id, "exact" if not read.differing else "at most", figures)


def _rows_in_words(found: SourceRows, *, same_code: bool) -> str:
    whose = f" with {found.columns[0]} = {found.keys[0]}" if found.columns else ""
    if len(found.columns) + len(found.keys) > 2:
        whose = f" with {' and '.join(found.keys)} in {' or '.join(found.columns)}"
    first, last = (f"{one:%Y-%m-%d %H:%M}" if one else "" for one in (found.first_known, found.last_known))
    when = f", known {first}" + (f" to {last}" if last != first else "") if first else ""
    noun = "row" if len(found.rows) == 1 else "rows"
    says = f"{len(found.rows):,} {noun} of {found.of:,}{whose}{when}: {row_numbers(found.rows) or 'none'}"
    if not same_code:
        return f"{says}; the definition has changed since"
    return says if found.is_proven else f"{says}; the values could not be computed again from them"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
