"""Dead letters: events that could not be used, kept with the reason on a topic of their own until somebody looks."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from assay.features.streaming.events import Rejected
from assay.stores.bus import DEAD, Message

if TYPE_CHECKING:
    from assay.stores.bus import Bus

LARGEST_KEPT = 512_000
"""Bytes of an event that a dead letter holds whole: servers refuse messages beyond one megabyte."""
SHOWN_BYTES = 2_000
"""Of a larger event, as a dead letter shows it."""
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was put aside.

    Attributes:
        place: Of the letter in the topic of dead letters.
        position: Of the event in its own topic.
        reason: What was wrong with it.
        time: When it was put aside, ISO 8601.
        event: Its bytes; the beginning alone where it is not whole.
        is_whole: Whether `event` is all of it.
    """

    place: str
    position: str
    reason: str
    time: str
    event: bytes
    is_whole: bool

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, the event as text."""
        return {
            "position": self.position,
            "reason": self.reason,
            "time": self.time,
            "event": self.event.decode(errors="replace"),
            "whole": self.is_whole,
        }


def dead_letter(bad: Rejected, *, at: datetime) -> bytes:
    """A bad event with the reason, as the topic of dead letters holds it."""
    data = bad.message.data
    kept = data if len(data) <= LARGEST_KEPT else data[:SHOWN_BYTES]
    content: dict[str, Any] = {
        "position": bad.message.position,
        "reason": bad.fault.reason,
        "time": at.isoformat(timespec="seconds"),
        "whole": len(kept) == len(data),
    }
    try:
        content["event"] = kept.decode()
    except UnicodeDecodeError:
        content["event_base64"] = base64.b64encode(kept).decode()
    return orjson.dumps(content)


def dead_letters(bus: Bus, topic: str, *, after: str | None = None) -> Iterator[DeadLetter]:
    """The dead letters of a topic after a place, oldest first; one that a kill put there twice comes once."""
    reader, seen = bus.read(topic + DEAD, after=after), set[str]()
    try:
        while messages := reader.take(MOST_AT_ONCE, wait_seconds=0.5):
            for message in messages:
                letter = _read(message)
                if letter.position not in seen:
                    seen.add(letter.position)
                    yield letter
    finally:
        reader.close()


def _read(message: Message) -> DeadLetter:
    content = orjson.loads(message.data)
    encoded = content.get("event_base64")
    return DeadLetter(
        place=message.position,
        position=content["position"],
        reason=content["reason"],
        time=content["time"],
        event=content["event"].encode() if encoded is None else base64.b64decode(encoded),
        is_whole=content["whole"],
    )
