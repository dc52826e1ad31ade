"""The streaming part of the feature pipeline: online values follow the events of their topics as they come.

Reads topics of the bus and the snapshot of the last build; writes online values and what a stream must not forget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from assay.errors import NotFound, ServiceUnreachable, UsageError
from assay.features.streaming.consumer import Consumer, Tally
from assay.features.streaming.evidence import evidence_of
from assay.features.streaming.state import StreamState
from assay.ledger.evidence import Evidence
from assay.pipelines.outages import fill
from assay.pipelines.publishing import stream_state
from assay.pipelines.topics import (
    form_of,
    foundation_of,
    mark_of_store,
    snapshot_of,
    source_of,
    streamed,
    streaming_topics,
)
from assay.pipelines.workspace import Workspace

WAIT_SECONDS = 0.05
EVIDENCE_SECONDS = 60.0
LOOK_SECONDS = 2.0
"""How often the stream asks whether a build has given it another past, and how far behind it is."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 15.0
"""How long a stream that is to end waits for a server; one that runs on waits for ever."""
START = "start"


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
    with workspace.streams_alone("assay features stream"), stream_state(workspace) as state:
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


class _Stream:
    """One topic's consumer, with what a person and the ledger are told of it."""

    def __init__(self, workspace: Workspace, topic: str, state: StreamState) -> None:
        self._workspace, self._topic = workspace, topic
        views, source = source_of(workspace, topic)
        self._rests_on = foundation_of(workspace, topic, views)
        frame = snapshot_of(workspace, views[0].sources[0], source, self._rests_on.snapshot)
        self.consumer = Consumer(
            topic,
            [streamed(view, source, frame, self._rests_on, workspace) for view in views],
            form=form_of(views, source, frame),
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
        found = evidence_of(self._topic, tally, backlog=backlog, views=self._views)
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
        watch(replace(flow, per_second=per_second, backlog=self.consumer.backlog()))

    def _rest_on_last_build(self) -> None:
        head, store = self._workspace.ledger.head(), mark_of_store(self._workspace, self._topic)
        if (head, store) == (self._head, self._rests_on.store):
            return
        self._head, rests_on = head, foundation_of(self._workspace, self._topic, self._views)
        if rests_on == self._rests_on:
            return
        self._rests_on = rests_on
        frame = snapshot_of(self._workspace, self._views[0].sources[0], self._source, rests_on.snapshot)
        self.consumer.rest_on([streamed(view, self._source, frame, rests_on, self._workspace) for view in self._views])

    def _wait(self, problem: ServiceUnreachable, patience: float | None, watch: Callable[[Flow], None]) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            watch(replace(self._flow(), problem=str(problem)))
        if patience is not None and now - self._away_since > patience:
            raise problem
        self.consumer.close()
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        if self._workspace.online_guard is not None:
            with suppress(ServiceUnreachable):  # a server that has lost its data is filled from the offline store first
                fill(self._workspace, self._workspace.online_guard)

    def _flow(self) -> Flow:
        """What was counted since the stream began; speed and backlog are left at nothing."""
        tally = self.consumer.tally
        return Flow(self._topic, self._n_recorded + tally.n_messages, 0.0, 0, self._dead_recorded + tally.n_dead)


def _replay(state: StreamState, topics: Sequence[str], place: str | None) -> None:
    if place is None:
        return
    if len(topics) != 1:
        raise UsageError(f"a replay needs one topic, and there are {', '.join(topics)}. Name it: --topic NAME")
    state.move(topics[0], None if place == START else place)
