"""The consumer: takes events of one topic from the bus and brings online values up to them, again and again.

Each step can be cut off at any point: bad events are put aside before the place moves, the place moves in one
transaction with the events, and an entity counts as caught up only when the online store has its values.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from assay.errors import DataError
from assay.features.definitions import FeatureView
from assay.features.pushing import put_newest
from assay.features.streaming.dead_letters import dead_letter
from assay.features.streaming.events import Event, EventForm, Rejected, frame_of, read_events
from assay.features.streaming.latest import newest_rows
from assay.features.streaming.past import Past
from assay.features.streaming.state import Arrival, StreamState
from assay.stores.bus import DEAD

if TYPE_CHECKING:
    from assay.stores.bus import Bus, Reader
    from assay.stores.online import OnlineStore

MOST_EVENTS = 500
"""Messages of a step."""
MOST_ENTITIES = 1_000
"""Entities computed in one go."""
KEPT_LATENCIES = 10_000


@dataclass(frozen=True, slots=True)
class Streamed:
    """A view with what streaming it takes.

    Attributes:
        view: The view.
        by: Column of its source that holds the entity's key.
        past: What the last build saw.
        mark: Changes when `past` or the view's code does.
        key: Columns that name a row of its source.
    """

    view: FeatureView
    by: str
    past: Past
    mark: str
    key: tuple[str, ...] = ()

    @property
    def history(self) -> timedelta | int:
        """What the view declares; a view that streams always does."""
        assert self.view.history is not None
        return self.view.history


@dataclass(slots=True)
class Tally:
    """What a consumer has done since the tally began.

    Attributes:
        n_messages: Taken from the bus.
        n_repeated: Events that were known already.
        n_dead: Put aside as dead letters.
        reasons: Dead letters by the kind of their fault.
        n_entities: Entities whose online values were brought up to date.
        n_failed: Entities whose view failed on their events.
        failure: What the last of these said.
        n_cut: Times that events had made room on the bus before they were read.
        latencies: Seconds from the bus to the online store, of the last messages.
    """

    n_messages: int = 0
    n_repeated: int = 0
    n_dead: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    n_entities: int = 0
    n_failed: int = 0
    failure: str = ""
    n_cut: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LATENCIES))


class Consumer:
    """Brings the views of one topic up to its events; belongs to one thread."""

    def __init__(
        self,
        topic: str,
        streamed: Sequence[Streamed],
        *,
        form: EventForm,
        state: StreamState,
        bus: Bus,
        online: OnlineStore,
        clock: Callable[[], datetime],
    ) -> None:
        self.topic = topic
        self.tally = Tally()
        self._form, self._state, self._bus, self._online, self._clock = form, state, bus, online, clock
        self._reader: Reader | None = None
        self._streamed: tuple[Streamed, ...] = ()
        self.rest_on(streamed)

    def rest_on(self, streamed: Sequence[Streamed]) -> None:
        """Go on from another build: entities with events are computed again where the past or the code changed."""
        self._streamed = tuple(streamed)
        for one in self._streamed:
            self._state.renew(one.view.name, one.mark)

    def step(self, *, wait_seconds: float) -> int:
        """Take a batch of messages and bring the online values up to it; returns how many there were.

        Raises:
            ServiceUnreachable: The bus or the online store is away; nothing is lost, step again later.
        """
        self._catch_up()
        messages = self._opened().take(MOST_EVENTS, wait_seconds=wait_seconds)
        if not messages:
            return 0
        now_us = self._now_us()
        events, bad = read_events(messages, self._form, now_us=now_us)
        self._put_aside(bad)
        arrivals = [arrival for event in events for arrival in self._arrivals(event)]
        n_new = self._state.absorb(self.topic, messages[-1].position, arrivals, now_us=now_us)
        self.tally.n_messages += len(messages)
        self.tally.n_repeated += len(arrivals) - n_new
        self._catch_up()
        self.tally.latencies.extend(time.time() - message.published_us / 1_000_000 for message in messages)
        return len(messages)

    def backlog(self) -> int:
        """Events that lie on the bus unread."""
        return self._bus.backlog(self.topic, after=self._state.position(self.topic)).n_events

    def close(self) -> None:
        """Let go of the bus; the next step opens it again where the state says."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _opened(self) -> Reader:
        if self._reader is None:
            position = self._state.position(self.topic)
            if self._bus.backlog(self.topic, after=position).is_cut:
                self.tally.n_cut += 1
                position = None  # from the oldest that is left: events seen before change nothing
            self._reader = self._bus.read(self.topic, after=position)
        return self._reader

    def _arrivals(self, event: Event) -> list[Arrival]:
        return [Arrival(one.view.name, one.history, str(event.row[one.by]), event) for one in self._streamed]

    def _put_aside(self, bad: Sequence[Rejected]) -> None:
        if not bad:
            return
        self._bus.publish(self.topic + DEAD, [dead_letter(one, at=self._clock()) for one in bad])
        self.tally.n_dead += len(bad)
        self.tally.reasons.update(one.fault.kind for one in bad)

    def _catch_up(self) -> None:
        """Compute and store the newest row of every entity that is behind."""
        now_us = self._now_us()
        for one in self._streamed:
            while entities := self._state.behind(one.view.name, MOST_ENTITIES, now_us=now_us):
                self._update(one, entities, now_us)

    def _update(self, one: Streamed, entities: Sequence[str], now_us: int) -> None:
        """Bring `entities` up to date; where the view fails on some, find them by halves and go on without."""
        events = frame_of(self._state.events(one.view.name, entities, now_us=now_us), self._form)
        try:
            rows = newest_rows(one.view, entities, past=one.past.rows_of(entities), events=events, key=one.key)
        except DataError as error:
            if len(entities) > 1:
                self._update(one, entities[: len(entities) // 2], now_us)
                self._update(one, entities[len(entities) // 2 :], now_us)
                return
            self.tally.n_failed += 1
            self.tally.failure = f"{one.view.name}, entity {entities[0]!r}: {error}"
            rows = pl.DataFrame()
        if not rows.is_empty():
            put_newest(one.view, rows, online=self._online)
        self._state.caught_up(one.view.name, entities, now_us=now_us)
        self.tally.n_entities += len(entities)

    def _now_us(self) -> int:
        return int(self._clock().timestamp() * 1_000_000)
