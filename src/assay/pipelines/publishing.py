"""Publishing: events go on a topic, and those that could not be used are shown and put back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from assay.errors import DataError, ServiceUnreachable
from assay.features.streaming.dead_letters import DeadLetter, dead_letters
from assay.features.streaming.state import StreamState
from assay.pipelines.topics import source_of
from assay.pipelines.workspace import Workspace

PUBLISHED_AT_ONCE = 500
FIRST_PAUSE_SECONDS = 0.1


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
    name = source_of(workspace, topic)[1].stream.id
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


def waiting_letters(workspace: Workspace, topic: str) -> list[DeadLetter]:
    """Dead letters of a topic that were not put back yet, oldest first.

    Raises:
        NotFound: No view streams from `topic`.
    """
    source_of(workspace, topic)
    with stream_state(workspace) as state:
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
        with stream_state(workspace) as state:
            state.move(_requeued(topic), letters[-1].place)
    return len(whole)


@contextmanager
def stream_state(workspace: Workspace) -> Iterator[StreamState]:
    """The project's state of its streams, closed again."""
    state = StreamState(workspace.state / "streams.db")
    try:
        yield state
    finally:
        state.close()


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


def _requeued(topic: str) -> str:
    """Under which name the state keeps how far dead letters were put back."""
    return f"{topic} requeued"
