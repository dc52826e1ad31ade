"""Reading a request: its headers, its body within limits of size and time, and strict JSON with no key twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from assay.serving.problems import Refusal, echo
from assay.serving.service import RequestLimits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE = (("Connection", "close"),)


class ClientGone(Exception):
    """The client hung up before its request was whole; nobody is there to be answered."""


async def read_json(scope: Scope, receive: Receive, limits: RequestLimits) -> tuple[Any, bytes]:
    """The body as JSON, and its bytes for `refuse_duplicates`.

    Raises:
        Refusal: 400 where it is not JSON, 408 too slow, 413 too large, 415 not declared as JSON.
        ClientGone: The connection ended.
    """
    _check_headers(scope["headers"], limits)
    body = await _read_body(receive, limits)
    try:
        return orjson.loads(body), body
    except orjson.JSONDecodeError as problem:
        raise Refusal(400, f"the body is not JSON: {problem}. Send one JSON object in UTF-8.") from problem


def refuse_duplicates(body: bytes, *, keys: int) -> None:
    """Refuse an object that names a key twice, since readers disagree on which counts.

    Args:
        keys: How many keys the parsed document has in all. Each key has one colon, so as many colons as keys prove
            that none was dropped, and the slow look is taken only where text holds colons too.

    Raises:
        Refusal: 400, naming the key.
    """
    if body.count(b":") != keys:
        json.loads(body, object_pairs_hook=_unique, parse_int=len, parse_float=len)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(400, f"an object names the key {echo(twice)} more than once. Keep one.")
    return found


def _check_headers(headers: Iterable[tuple[bytes, bytes]], limits: RequestLimits) -> None:
    media_type = b""
    for name, value in headers:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length" and value.isdigit() and int(value) > limits.max_body_bytes:
            raise _too_large(limits)
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Refusal(415, "compressed bodies are not read. Send plain JSON.", headers=CLOSE)
    if media_type != b"application/json" and media_type.split(b";")[0].strip().lower() != b"application/json":
        shown = media_type.decode("latin-1")[:80] or "none"
        raise Refusal(415, f"the Content-Type must be application/json, not {shown}.", headers=CLOSE)


async def _read_body(receive: Receive, limits: RequestLimits) -> bytes:
    try:
        async with asyncio.timeout(limits.body_seconds):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body = message["body"]
                if len(body) > limits.max_body_bytes:
                    raise _too_large(limits)
                return body  # type: ignore[no-any-return]
            return await _read_chunks(message, receive, limits)
    except TimeoutError as problem:
        raise Refusal(408, f"the body did not arrive within {limits.body_seconds:g} s.", headers=CLOSE) from problem


async def _read_chunks(message: Message, receive: Receive, limits: RequestLimits) -> bytes:
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limits.max_body_bytes:
            raise _too_large(limits)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def _too_large(limits: RequestLimits) -> Refusal:
    megabytes = limits.max_body_bytes / 1_000_000
    return Refusal(413, f"the body is larger than {megabytes:g} MB. Send fewer rows at a time.", headers=CLOSE)
