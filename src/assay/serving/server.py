"""The server process: one worker on uvloop and httptools, an address line when it listens, and a graceful end.

On SIGTERM or SIGINT it takes no new connections, answers what is in flight, flushes and seals the log, and exits 0.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from assay.errors import UsageError
from assay.serving import keys

DRAIN_SECONDS = 30
"""How long answers in flight may take at the end."""
MOST_CONNECTIONS = 4_096
BACKLOG = 2_048


def print_address(url: str) -> None:
    """The default announcement, on stdout."""
    print(f"listening on {url}", flush=True)


def serve(
    app: Any,
    *,
    host: str,
    port: int,
    api_keys: frozenset[str] = frozenset(),
    announce: Callable[[str], None] = print_address,
    drain_seconds: int = DRAIN_SECONDS,
) -> None:
    """Answer until told to stop; call it in the main thread.

    Args:
        app: The ASGI application; its lifespan's end flushes the log.
        port: 0 takes a free one; the announcement tells which.
        api_keys: The digests that the application accepts.
        announce: Called with the address once connections are accepted.

    Raises:
        ConfigError: `host` is beyond loopback and there are no keys.
        UsageError: The address is taken, or not one of this machine.
    """
    keys.refuse_open_door(host, sorted(api_keys))
    listener = _listen(host, port)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not walk it while requests wait
    with _signals_end_quietly():
        _Server(_config(app, drain_seconds), announce).run(sockets=[listener])


@contextmanager
def background(app: Any, *, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve from a thread of this process on a free port; yields the address, and drains at the end.

    For trials before a release and for tests: it shares the interpreter with its clients.
    """
    listener = _listen(host, 0)
    started = threading.Event()
    addresses: list[str] = []

    def announce(url: str) -> None:
        addresses.append(url)
        started.set()

    server = _Server(_config(app, DRAIN_SECONDS), announce)
    thread = threading.Thread(target=_run_quietly, args=(server, listener, started), name="serving", daemon=True)
    thread.start()
    started.wait()
    if not addresses:
        raise UsageError("the service ended while it started; its log says why.")
    try:
        yield addresses[0]
    finally:
        server.should_exit = True
        thread.join()


class _Server(uvicorn.Server):
    """uvicorn, announcing its address when it accepts connections."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(_address(sockets[0]))


def _config(app: Any, drain_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=drain_seconds,
    )


def _listen(host: str, port: int) -> socket.socket:
    refusal = f"cannot listen on {host}:{port}: {{}}. Set serving.host and serving.port; port 0 takes a free one."
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as problem:
        raise UsageError(refusal.format(problem)) from problem
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        raise UsageError(refusal.format(problem)) from problem
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _signals_end_quietly() -> Iterator[None]:
    """uvicorn raises the signal that ended it again; nothing is left to do then, and the exit code stays 0."""
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _run_quietly(server: _Server, listener: socket.socket, started: threading.Event) -> None:
    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    except SystemExit:  # uvicorn's answer to a failed start, which it has logged
        pass
    finally:
        started.set()
