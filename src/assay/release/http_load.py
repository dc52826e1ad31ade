"""A small HTTP client that sends one request body after another over kept connections and times each answer.

It speaks just enough HTTP/1.1 for answers with a Content-Length, because a general client costs more than the server
that it is meant to measure.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from assay.errors import ServiceUnreachable


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and seconds of one exchange."""

    status: int
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """What a load of requests met.

    Attributes:
        answers: Exchanges that ended with an answer.
        refused: Answers whose status was not 200.
        seconds: Wall time of the whole load.
        latencies_ms: Of each exchange, in the order they ended.
    """

    answers: int
    refused: int
    seconds: float
    latencies_ms: np.ndarray[tuple[int], np.dtype[np.float64]]

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds if self.seconds > 0 else 0.0

    def percentile_ms(self, percentile: float) -> float:
        """nan where nothing was answered."""
        return float(np.percentile(self.latencies_ms, percentile)) if len(self.latencies_ms) else float("nan")


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, *, timeout_seconds: float = 10.0
) -> Answer:
    """Send one prepared request on an open connection and read its whole answer."""
    started = time.perf_counter()
    async with asyncio.timeout(timeout_seconds):
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_content_length(head))
    return Answer(int(head[9:12]), body, time.perf_counter() - started)


def post(url: str, body: bytes, *, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A POST of JSON as bytes on the wire."""
    parts = urlsplit(url)
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = (
        f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def apply_load(url: str, bodies: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Keep `connections` requests in flight for `seconds`; usable from any thread without a running loop.

    Raises:
        ServiceUnreachable: Nothing listens at `url`, or it hung up.
    """
    return asyncio.run(_apply_load(url, bodies, connections=connections, seconds=seconds))


def send_each(url: str, bodies: Sequence[bytes]) -> list[Answer]:
    """Send every body once, one after the other, and keep the answers.

    Raises:
        ServiceUnreachable: Nothing listens at `url`, or it hung up.
    """
    return asyncio.run(_send_each(url, bodies))


async def _send_each(url: str, bodies: Sequence[bytes]) -> list[Answer]:
    reader, writer = await _connect(url)
    try:
        return [await exchange(reader, writer, post(url, body)) for body in bodies]
    except (OSError, EOFError, TimeoutError) as problem:
        raise ServiceUnreachable(f"{url} stopped answering: {problem!r}") from problem
    finally:
        writer.close()


async def _apply_load(url: str, bodies: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    requests = itertools.cycle([post(url, body) for body in bodies])
    started = time.perf_counter()
    deadline = started + seconds
    try:
        answers = await asyncio.gather(*(_keep_asking(url, requests, deadline) for _ in range(connections)))
    except (OSError, EOFError, TimeoutError) as problem:
        raise ServiceUnreachable(f"{url} stopped answering under load: {problem!r}") from problem
    met = [one for connection in answers for one in connection]
    latencies = np.array([seconds_taken * 1_000 for _, seconds_taken in met])
    refused = sum(status != 200 for status, _ in met)
    return Load(len(met), refused, time.perf_counter() - started, latencies)


async def _keep_asking(url: str, requests: Iterator[bytes], deadline: float) -> list[tuple[int, float]]:
    reader, writer = await _connect(url)
    met: list[tuple[int, float]] = []
    try:
        while time.perf_counter() < deadline:
            answer = await exchange(reader, writer, next(requests))
            met.append((answer.status, answer.seconds))
    finally:
        writer.close()
    return met


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    try:
        return await asyncio.open_connection(parts.hostname, parts.port or 80)
    except OSError as problem:
        raise ServiceUnreachable(f"nothing answers at {url}: {problem}") from problem


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line[15:])
    raise ServiceUnreachable(f"an answer without Content-Length: {head[:200]!r}")
