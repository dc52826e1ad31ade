"""Real buses for tests: Redis and NATS servers that keep their events on disk, to be killed and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.servers import answers, free_port

START_SECONDS = 30.0


class BusServer:
    """A server process with a folder of its own."""

    def __init__(self, scheme: str, words: Callable[[int, Path], list[str]], folder: Path) -> None:
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._words = words(self.port, folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        self._process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + START_SECONDS
        while not answers(self.port):
            if time.monotonic() > give_up:
                raise TimeoutError(f"{self._words[0]} does not answer on port {self.port}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server as a crash does; its files stay."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None


def _redis(port: int, folder: Path) -> list[str]:
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
    }
    return ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]


def _nats(port: int, folder: Path) -> list[str]:
    return ["nats-server", "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(port)]


PROGRAMS = {"redis": _redis, "nats": _nats}


@contextmanager
def bus_server(kind: str) -> Iterator[BusServer]:
    """A running server, `redis` or `nats`; skips the test where its program is not installed."""
    if shutil.which(f"{kind}-server") is None:
        pytest.skip(f"no {kind} server here; install the package `{kind}-server` to run this test")
    folder = Path(tempfile.mkdtemp(prefix=f"assay-{kind}-"))
    server = BusServer(kind, PROGRAMS[kind], folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
