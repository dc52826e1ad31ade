"""Topics: what the definitions say of one, and what its online values rest on beside events.

Joins views, sources, snapshots and the online store for `streaming`, which moves the events.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from assay.config.settings import Source
from assay.data import event_time, snapshots
from assay.data import sources as source_files
from assay.errors import ConfigError, NotFound
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.partitions import partition_columns
from assay.features.pushing import pushed
from assay.features.streaming.consumer import Streamed
from assay.features.streaming.events import EventForm, Times, readable
from assay.features.streaming.past import Past
from assay.pipelines.workspace import Workspace

MICROSECOND = timedelta(microseconds=1)
STREAMED = "assay.streamed"  # online view whose rows tell that a store still has what was streamed into it


@dataclass(frozen=True, slots=True)
class Foundation:
    """What online values rest on beside events; where it changes, the entities with events are computed again.

    Attributes:
        snapshot: Digest of the snapshot that was taken last; empty before any was.
        builds: Of each view, the build whose values are online.
        store: A mark that is in the online store as long as it has lost nothing.
    """

    snapshot: str
    builds: tuple[int, ...]
    store: str


def streaming_topics(workspace: Workspace) -> list[str]:
    """Topics that some view streams from, in the order of the definitions."""
    return list(dict.fromkeys(view.stream for view in workspace.definitions.views if view.stream is not None))


def describe(workspace: Workspace, topic: str) -> str:
    """What streams from a topic, in a line, without reading any of it.

    Raises:
        ConfigError: The source has no time, or a view does not say which of its columns holds the entity's key.
    """
    views, source = source_of(workspace, topic)
    name = views[0].sources[0]
    frame = source_files.read(name, source, workspace.folder)
    columns = [_partition_column(view, frame) for view in views]
    return f"rows of {name}, by {', '.join(dict.fromkeys(columns))}, into {', '.join(view.name for view in views)}"


def source_of(workspace: Workspace, topic: str) -> tuple[tuple[FeatureView, ...], Source]:
    """The views that stream from a topic and their source, which they share.

    Raises:
        NotFound: There are none.
        ConfigError: They read different sources, or the source has no time.
    """
    views = tuple(view for view in workspace.definitions.views if view.stream == topic)
    if not views:
        known = ", ".join(streaming_topics(workspace)) or "none"
        raise NotFound(f"no view streams from topic {topic!r}; topics are: {known}.")
    names = list(dict.fromkeys(view.sources[0] for view in views))
    if len(names) > 1:
        raise ConfigError(
            f"{views[0].place}: views of topic {topic!r} read the sources {names}. Give each its own topic."
        )
    source = workspace.settings.sources.get(names[0])
    if source is None or source.time is None:
        raise ConfigError(
            f"{views[0].place}: a streaming view needs a source with a time. Set sources.{names[0]}.time."
        )
    return views, source


def streamed(
    view: FeatureView, source: Source, frame: pl.LazyFrame, rests_on: object, workspace: Workspace
) -> Streamed:
    by = _partition_column(view, frame)
    assert view.history is not None
    known = frame.filter(pl.col(KNOWN_AT) <= workspace.clock())
    mark = f"{view.digest} {view.history} {rests_on}"
    return Streamed(view, by, Past(known, by=by, history=view.history), mark, key=source.key)


def form_of(views: Sequence[FeatureView], source: Source, frame: pl.LazyFrame) -> EventForm:
    schema = frame.collect_schema()
    assert source.time is not None
    return EventForm(
        types=readable(dict(schema)),
        time=source.time,
        id=source.stream.id,
        keys=tuple(dict.fromkeys(_partition_column(view, frame) for view in views)),
        delay_us=source.delay // MICROSECOND,
        max_bytes=int(source.stream.max_event_kb * 1000),
        max_ahead_us=source.stream.max_ahead // MICROSECOND,
        times=_times(views[0].sources[0], source),
    )


def foundation_of(workspace: Workspace, topic: str, views: Sequence[FeatureView]) -> Foundation:
    """Look: a build takes its snapshot first and writes online last, so that who looks in between looks again."""
    subject = f"source:{views[0].sources[0]}"
    taken = workspace.ledger.find(kind="data.snapshot", subject=subject, limit=1, newest_first=True)
    arrived = [pushed(view, workspace.online) for view in views]
    return Foundation(
        snapshot=str(taken[0].figures["digest"]) if taken else "",
        builds=tuple(one.build if one is not None else 0 for one in arrived),
        store=mark_of_store(workspace, topic),
    )


def mark_of_store(workspace: Workspace, topic: str) -> str:
    """The mark that the online store has for a topic; a store without one is new or has lost all, and is given one."""
    (row,) = workspace.online.get(STREAMED, [topic])
    if row is not None:
        return str(row.values["mark"])
    mark = uuid.uuid4().hex
    workspace.online.put(STREAMED, [topic], [0], [{"mark": mark}])
    return mark


def snapshot_of(workspace: Workspace, name: str, source: Source, digest: str) -> pl.LazyFrame:
    """The snapshot of a source; before any was taken, the columns of the source and no rows."""
    if digest:
        return snapshots.load(digest, workspace.state / "snapshots")
    return source_files.read(name, source, workspace.folder).head(0)


def _partition_column(view: FeatureView, frame: pl.LazyFrame) -> str:
    name, schema = view.sources[0], frame.collect_schema()
    columns = partition_columns(view, {name: schema}).get(name, ())
    if len(columns) != 1:
        raise ConfigError(
            f"{view.place}: which column of source '{name}' holds the key of '{view.entity}'? It has {schema.names()}. "
            "Say partition_by='the column'."
        )
    dtype = schema[columns[0]]
    if not (dtype.is_integer() or isinstance(dtype, pl.String | pl.Categorical | pl.Enum)):
        raise ConfigError(
            f"{view.place}: column '{columns[0]}' of source '{name}' is {dtype}, and events name their '{view.entity}' "
            "by text or whole numbers. Make the key one of these in the source."
        )
    return columns[0]


def _times(name: str, source: Source) -> Times:
    """Reads texts as the source's file is read: its own time by the declared format, others as ISO 8601."""

    def read(column: str, texts: Sequence[str]) -> list[int | None]:
        time_format = source.time_format if column == source.time else None
        moment = event_time.parsed(name, column, pl.String(), time_format)
        frame = pl.DataFrame({column: list(texts)}, schema={column: pl.String})
        return frame.select(moment.to_physical()).to_series().to_list()

    return read
