"""The streaming part of the feature pipeline: events are published, and bring online values up to date as they come.

Reads topics of the bus and the snapshot of the last build; writes online values and what a stream must not forget.
"""

from __future__ import annotations

import fcntl
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import polars as pl

from assay.config.settings import Source
from assay.data import event_time, snapshots
from assay.data import sources as source_files
from assay.errors import ConfigError, DataError, NotFound, ServiceUnreachable, UsageError
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.pushing import pushed
from assay.features.streaming.consumer import Consumer, Streamed, Tally
from assay.features.streaming.dead_letters import DeadLetter, dead_letters
from assay.features.streaming.events import EventForm, Times, readable
from assay.features.streaming.past import Past
from assay.features.streaming.state import StreamState
from assay.ledger.evidence import Evidence
from assay.pipelines.outages import fill
from assay.pipelines.workspace import Workspace

WAIT_SECONDS = 0.05
PUBLISHED_AT_ONCE = 500
EVIDENCE_SECONDS = 60.0
LOOK_SECONDS = 2.0
"""How often the stream asks whether a build has given it another past, and how far behind it is."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 15.0
"""How long a stream that is to end waits for a server; one that runs on waits for ever."""
START = "start"
MICROSECOND = timedelta(microseconds=1)
STREAMED = "assay.streamed"  # online view whose rows tell that a store still has what was streamed into it


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a stream stands, for a person who watches.

    Attributes:
        topic: Which.
        n_messages: Taken since it began.
        per_second: Of late.
        backlog: Events on the bus that were not read yet.
        n_dead: Dead letters since it began.
        problem: What it waits for; empty while all is well.
    """

    topic: str
    n_messages: int
    per_second: float
    backlog: int
    n_dead: int
    problem: str = ""


def publish(workspace: Workspace, topic: str, events: Iterable[Mapping[str, Any]]) -> int:
    """Put events on a topic, in order; those without an id are given one, so that a second delivery is known as such.

    Args:
        workspace: The project.
        topic: Where to; one that a view names as its stream.
        events: Objects with the source's columns; times as ISO 8601 texts or as datetimes.

    Returns:
        How many were published.

    Raises:
        DataError: An event has no JSON form; those before it are published.
        NotFound: No view streams from `topic`.
        ServiceUnreachable: The bus does not answer.
    """
    name = _source_of(workspace, topic)[1].stream.id
    waiting: list[bytes] = []
    count = 0
    try:
        for count, event in enumerate(events, start=1):
            waiting.append(_encoded(event, name, count))
            if len(waiting) == PUBLISHED_AT_ONCE:
                _publish(workspace, topic, waiting)
                waiting.clear()
    finally:
        _publish(workspace, topic, waiting)
    return count


def stream(
    workspace: Workspace,
    *,
    once: bool = False,
    replay_from: str | None = None,
    topics: Sequence[str] = (),
    is_over: Callable[[], bool] = lambda: False,
    watch: Callable[[Flow], None] = lambda _flow: None,
) -> list[Evidence]:
    """Bring the online values of streaming views up to their topics, until told to end.

    Args:
        workspace: The project.
        once: End when the topics hold nothing more.
        replay_from: Read again from this place, or from `start`; needs one topic. Events known already change nothing.
        topics: Which; all by default.
        is_over: Asked between two batches whether to end.
        watch: Told every few seconds where each stream stands.

    Returns:
        The evidence of its last minute, one record a topic, kind `features.stream`.

    Raises:
        NotFound: There is no streaming view, or none of such a topic.
        ServiceUnreachable: With `once`, a server stayed away; without, it is waited for.
        UsageError: Another process streams here.
    """
    chosen = list(topics) or streaming_topics(workspace)
    if not chosen:
        raise NotFound("no view streams. Declare one: @assay.feature_view(source=..., stream='topic', history=...)")
    with _alone(workspace), _state(workspace) as state:
        _replay(state, chosen, replay_from)
        runs = [_Stream(workspace, topic, state) for topic in chosen]
        try:
            while not is_over():
                taken = [run.step(patience=PATIENCE_SECONDS if once else None, watch=watch) for run in runs]
                if once and not any(taken) and not any(run.consumer.backlog() for run in runs):
                    break
        finally:
            for run in runs:
                run.consumer.close()
        return [run.record() for run in runs]


def streaming_topics(workspace: Workspace) -> list[str]:
    """Topics that some view streams from, in the order of the definitions."""
    return list(dict.fromkeys(view.stream for view in workspace.definitions.views if view.stream is not None))


def describe(workspace: Workspace, topic: str) -> str:
    """What streams from a topic, in a line, without reading any of it.

    Raises:
        ConfigError: The source has no time, or a view does not say which of its columns holds the entity's key.
    """
    views, source = _source_of(workspace, topic)
    name = views[0].sources[0]
    frame = source_files.read(name, source, workspace.folder)
    columns = [_partition_column(view, frame) for view in views]
    return f"rows of {name}, by {', '.join(dict.fromkeys(columns))}, into {', '.join(view.name for view in views)}"


def waiting_letters(workspace: Workspace, topic: str) -> list[DeadLetter]:
    """Dead letters of a topic that were not put back yet, oldest first.

    Raises:
        NotFound: No view streams from `topic`.
    """
    _source_of(workspace, topic)
    with _state(workspace) as state:
        return list(dead_letters(workspace.bus, topic, after=state.position(_requeued(topic))))


def requeue(workspace: Workspace, topic: str) -> int:
    """Put the dead letters of a topic back on it, once what was wrong is mended; returns how many.

    Killed half-way and done again, an event comes twice: its id tells.

    Raises:
        NotFound: No view streams from `topic`.
    """
    letters = waiting_letters(workspace, topic)
    whole = [letter.event for letter in letters if letter.is_whole]
    for start in range(0, len(whole), PUBLISHED_AT_ONCE):
        _publish(workspace, topic, whole[start : start + PUBLISHED_AT_ONCE])
    if letters:
        with _state(workspace) as state:
            state.move(_requeued(topic), letters[-1].place)
    return len(whole)


class _Stream:
    """One topic's consumer, with what a person and the ledger are told of it."""

    def __init__(self, workspace: Workspace, topic: str, state: StreamState) -> None:
        self._workspace, self._topic = workspace, topic
        views, source = _source_of(workspace, topic)
        self._rests_on = _last_build(workspace, topic, views)
        frame = _snapshot(workspace, views[0].sources[0], source, self._rests_on.snapshot)
        self.consumer = Consumer(
            topic,
            [_streamed(view, source, frame, self._rests_on, workspace) for view in views],
            form=_form(views, source, frame),
            state=state,
            bus=workspace.bus,
            online=workspace.online,
            clock=workspace.clock,
        )
        self._views, self._source = views, source
        self._head = workspace.ledger.head()
        self._recorded = self._looked = time.monotonic()
        self._n_before = 0
        self._n_recorded = 0
        self._dead_recorded = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._away_since: float | None = None

    def step(self, *, patience: float | None, watch: Callable[[Flow], None]) -> int:
        """One batch; a server that is away is waited for, `patience` seconds at most."""
        try:
            self._look(watch)
            taken = self.consumer.step(wait_seconds=WAIT_SECONDS)
        except ServiceUnreachable as problem:
            self._wait(problem, patience, watch)
            return 1  # whether there was more is not known
        self._pause, self._away_since = FIRST_PAUSE_SECONDS, None
        if time.monotonic() - self._recorded > EVIDENCE_SECONDS and self.consumer.tally.n_messages:
            self.record()
        return taken

    def record(self) -> Evidence:
        """Put what was done since the last record in the ledger, and begin to count anew."""
        try:
            backlog: int | None = self.consumer.backlog()
        except ServiceUnreachable:
            backlog = None
        tally, self.consumer.tally = self.consumer.tally, Tally()
        self._n_recorded += tally.n_messages
        self._dead_recorded += tally.n_dead
        self._recorded = time.monotonic()
        found = stream_evidence(self._topic, tally, backlog=backlog, views=self._views)
        ledger = self._workspace.ledger
        builds = [ledger.latest("features.build", f"view:{view.name}") for view in self._views]
        return ledger.record(replace(found, parents=tuple(one.id for one in builds if one is not None)))

    def _look(self, watch: Callable[[Flow], None]) -> None:
        """Every few seconds: is there another past, and how far behind is it?"""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._rest_on_last_build()
        flow = self._flow()
        per_second = (flow.n_messages - self._n_before) / (now - self._looked)
        self._n_before, self._looked = flow.n_messages, now
        watch(Flow(flow.topic, flow.n_messages, per_second, self.consumer.backlog(), flow.n_dead))

    def _rest_on_last_build(self) -> None:
        head, store = self._workspace.ledger.head(), _mark_of_store(self._workspace, self._topic)
        if (head, store) == (self._head, self._rests_on.store):
            return
        self._head, rests_on = head, _last_build(self._workspace, self._topic, self._views)
        if rests_on == self._rests_on:
            return
        self._rests_on = rests_on
        frame = _snapshot(self._workspace, self._views[0].sources[0], self._source, rests_on.snapshot)
        self.consumer.rest_on([_streamed(view, self._source, frame, rests_on, self._workspace) for view in self._views])

    def _wait(self, problem: ServiceUnreachable, patience: float | None, watch: Callable[[Flow], None]) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            flow = self._flow()
            watch(Flow(flow.topic, flow.n_messages, 0.0, 0, flow.n_dead, problem=str(problem)))
        if patience is not None and now - self._away_since > patience:
            raise problem
        self.consumer.close()
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        if self._workspace.online_guard is not None:
            with suppress(ServiceUnreachable):  # a server that has lost its data is filled from the offline store first
                fill(self._workspace, self._workspace.online_guard)

    def _flow(self) -> Flow:
        tally = self.consumer.tally
        return Flow(self._topic, self._n_recorded + tally.n_messages, 0.0, 0, self._dead_recorded + tally.n_dead)


def stream_evidence(topic: str, tally: Tally, *, backlog: int | None, views: Sequence[FeatureView]) -> Evidence:
    """What a stream has done; it warns of dead letters, of events that were lost and of views that failed."""
    latencies = pl.Series(list(tally.latencies), dtype=pl.Float64)
    p50, p99 = (latencies.quantile(at, "linear") if latencies.len() else None for at in (0.5, 0.99))
    troubles = [
        *([f"dead letters: {tally.n_dead:,}"] if tally.n_dead else []),
        *([f"entities whose view failed: {tally.n_failed:,}, the last {tally.failure}"] if tally.n_failed else []),
        *(["events made room on the bus before they were read: build the features"] if tally.n_cut else []),
    ]
    speed = f", to online values in {p50:.3f} s, 99 % within {p99:.3f} s" if p50 is not None else ""
    summary = f"{topic}: events taken: {tally.n_messages:,}{speed}" + "".join(f"; {one}" for one in troubles)
    figures = {
        "n_events": tally.n_messages,
        "n_repeated": tally.n_repeated,
        "n_dead": tally.n_dead,
        "dead": dict(tally.reasons),
        "entities_updated": tally.n_entities,
        "entities_failed": tally.n_failed,
        "backlog": backlog,
        "cut": tally.n_cut,
        "seconds_to_online": {
            "p50": p50, "p99": p99, "max": latencies.max() if latencies.len() else None, "n": latencies.len()
        },
        "views": [view.name for view in views],
    }  # fmt: skip
    return Evidence("features.stream", f"topic:{topic}", "warn" if troubles else "info", summary, figures)


def _encoded(event: Mapping[str, Any], name: str, number: int) -> bytes:
    """An event as it travels, with an id in the field `name`."""
    named = event if event.get(name) is not None else {**event, name: uuid.uuid4().hex}
    try:
        return orjson.dumps(named, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC)
    except TypeError as error:
        raise DataError(f"event {number} has no JSON form: {error}. Give texts, numbers, flags and times.") from error


def _publish(workspace: Workspace, topic: str, events: Sequence[bytes]) -> None:
    """Publish, a few times where the bus is away for a moment: events have ids, so twice is once."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            workspace.bus.publish(topic, events)
            return
        except ServiceUnreachable:
            if pause > 1:
                raise
        time.sleep(pause)
        pause *= 3


def _source_of(workspace: Workspace, topic: str) -> tuple[tuple[FeatureView, ...], Source]:
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


def _streamed(
    view: FeatureView, source: Source, frame: pl.LazyFrame, rests_on: object, workspace: Workspace
) -> Streamed:
    by = _partition_column(view, frame)
    assert view.history is not None
    known = frame.filter(pl.col(KNOWN_AT) <= workspace.clock())
    mark = f"{view.digest} {view.history} {rests_on}"
    return Streamed(view, by, Past(known, by=by, history=view.history), mark, key=source.key)


def _partition_column(view: FeatureView, frame: pl.LazyFrame) -> str:
    name, columns = view.sources[0], frame.collect_schema().names()
    declared = view.partition_by.get(name, (view.entity,))
    if len(declared) != 1 or declared[0] not in columns:
        raise ConfigError(
            f"{view.place}: which column of source '{name}' holds the key of '{view.entity}'? It has {columns}. "
            "Say partition_by='the column'."
        )
    return declared[0]


def _form(views: Sequence[FeatureView], source: Source, frame: pl.LazyFrame) -> EventForm:
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


def _times(name: str, source: Source) -> Times:
    """Reads texts as the source's file is read: its own time by the declared format, others as ISO 8601."""

    def read(column: str, texts: Sequence[str]) -> list[int | None]:
        time_format = source.time_format if column == source.time else None
        moment = event_time.parsed(name, column, pl.String(), time_format)
        frame = pl.DataFrame({column: list(texts)}, schema={column: pl.String})
        return frame.select(moment.to_physical()).to_series().to_list()

    return read


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


def _last_build(workspace: Workspace, topic: str, views: Sequence[FeatureView]) -> Foundation:
    """Look: a build takes its snapshot first and writes online last, so that who looks in between looks again."""
    subject = f"source:{views[0].sources[0]}"
    taken = workspace.ledger.find(kind="data.snapshot", subject=subject, limit=1, newest_first=True)
    arrived = [pushed(view, workspace.online) for view in views]
    return Foundation(
        snapshot=str(taken[0].figures["digest"]) if taken else "",
        builds=tuple(one.build if one is not None else 0 for one in arrived),
        store=_mark_of_store(workspace, topic),
    )


def _mark_of_store(workspace: Workspace, topic: str) -> str:
    """The mark that the online store has for a topic; a store without one is new or has lost all, and is given one."""
    (row,) = workspace.online.get(STREAMED, [topic])
    if row is not None:
        return str(row.values["mark"])
    mark = uuid.uuid4().hex
    workspace.online.put(STREAMED, [topic], [0], [{"mark": mark}])
    return mark


def _snapshot(workspace: Workspace, name: str, source: Source, digest: str) -> pl.LazyFrame:
    """The snapshot of a source; before any was taken, the columns of the source and no rows."""
    if digest:
        return snapshots.load(digest, workspace.state / "snapshots")
    return source_files.read(name, source, workspace.folder).head(0)


def _replay(state: StreamState, topics: Sequence[str], place: str | None) -> None:
    if place is None:
        return
    if len(topics) != 1:
        raise UsageError(f"a replay needs one topic, and there are {', '.join(topics)}. Name it: --topic NAME")
    state.move(topics[0], None if place == START else place)


def _requeued(topic: str) -> str:
    """Under which name the state keeps how far dead letters were put back."""
    return f"{topic} requeued"


@contextmanager
def _state(workspace: Workspace) -> Iterator[StreamState]:
    state = StreamState(workspace.state / "streams.db")
    try:
        yield state
    finally:
        state.close()


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Hold the lock of the streams; a build may go on beside them, a second consumer may not."""
    workspace.state.mkdir(parents=True, exist_ok=True)
    with (workspace.state / "streams.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{workspace.folder}: another process streams here already. Stop it first.") from None
        yield
