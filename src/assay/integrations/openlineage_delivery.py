"""Delivery of OpenLineage events: into a file of JSON lines, or by HTTP to a receiver such as Marquez."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from assay.errors import AssayError, ServiceUnreachable, UsageError
from assay.integrations.openlineage import Event, events_of
from assay.ledger.evidence import Evidence
from assay.stores.durable import write_whole

ENDPOINT = "/api/v1/lineage"  # where Marquez and most receivers listen
TIMEOUT_SECONDS = 10.0
MOST_RUNS = 1_000  # of one delivery, the newest


class Records(Protocol):
    """The part of a ledger that is read."""

    def find(self, *, run: str | None = None) -> list[Evidence]: ...


def deliver(ledger: Records, nodes: Iterable[Evidence], *, project: str, to: str, api_key: str = "") -> int:
    """Send the events of every run that has a part in some records; returns how many events those were.

    Args:
        ledger: Where the rest of each run is read.
        nodes: Records of a lineage.
        project: Name of the project.
        to: Address that begins with `http://` or `https://`, or a file to write.
        api_key: For an address that asks for one.
    """
    given = list(nodes)
    runs = list(dict.fromkeys(one.run for one in given if one.run))[-MOST_RUNS:]
    records = {one.id: one for run in runs for one in ledger.find(run=run)}
    records |= {one.id: one for one in given if not one.run}
    ordered = sorted(records.values(), key=lambda one: (one.time, one.id))
    events = events_of(ordered, project=project)
    if "://" in to:
        return post_events(events, to, api_key=api_key)
    return write_events(events, Path(to))


def write_events(events: Iterable[Event], path: Path) -> int:
    """Write events as JSON lines, whole or not at all; returns how many."""
    lines = [f"{json.dumps(event, ensure_ascii=False)}\n".encode() for event in events]
    write_whole(path, lines)
    return len(lines)


def post_events(events: Iterable[Event], url: str, *, api_key: str = "") -> int:
    """Post events one by one, in order, to a receiver such as Marquez; returns how many were taken.

    Args:
        events: Of `events_of`; sending one twice changes nothing.
        url: Address of the receiver; without a path, its `/api/v1/lineage`.
        api_key: Sent as a bearer token where given.

    Raises:
        UsageError: The address is none of HTTP.
        ServiceUnreachable: The receiver does not answer, or is out of order.
        AssayError: It refuses an event.
    """
    import httpx

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{parts.scheme}:// is no address to post events to: write http://host:port, or name a file.")
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without user, password and options
    address = url if parts.path.strip("/") else f"{url.rstrip('/')}{ENDPOINT}"
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    n_taken = 0
    with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers) as client:
        for event in events:
            try:
                answer = client.post(address, json=event)
            except httpx.HTTPError as error:
                raise ServiceUnreachable(f"{where} does not answer after {n_taken} events: {error}.") from error
            if answer.status_code >= 500:
                raise ServiceUnreachable(f"{where} answered {answer.status_code} after {n_taken} events; try again.")
            if answer.status_code >= 300:
                raise AssayError(
                    f"{where} refused an event of {event['job']['name']} with {answer.status_code}: "
                    f"{answer.text[:300]}. Check the address and the key in OPENLINEAGE_API_KEY."
                )
            n_taken += 1
    return n_taken
