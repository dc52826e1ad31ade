"""Real servers for tests, each started on a free loopback port and stopped again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

USER, PASSWORD = "assay", "open-sesame"  # of a server that lives for one test module


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class PostgresServer:
    """A PostgreSQL server with its own data folder; it can be crashed and started again."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.port = free_port()
        self._binaries, self._folder = binaries, folder
        # PostgreSQL refuses to run as root
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the data folder; the user's password is asked for on every connection."""
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._user)
        words = self._folder / "password"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        self._run("initdb", "-D", self._data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={words}", "-E", "UTF8")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "port": self.port,
            "max_connections": 200,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
        }
        self._process = subprocess.Popen(
            [self._binaries / "postgres", "-D", self._data, *(f"--{name}={value}" for name, value in options.items())],
            user=self._user if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT asks it to close down, SIGQUIT makes it drop everything, as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def url(self, schema: str = "public", *, password: str = PASSWORD) -> str:
        """Where to reach it, with all names looked up in one schema."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def new_schema(self) -> str:
        """An empty place of its own for a test."""
        name = f"t_{uuid.uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return self.url(name)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            user=self._user if os.geteuid() == 0 else None,
            cwd=self._folder,
            check=True,
            capture_output=True,
        )


@contextmanager
def postgresql() -> Iterator[PostgresServer]:
    """A running PostgreSQL server; skips the test where none is installed."""
    binaries = _newest_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server here; install the package `postgresql` to run this test")
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    server = PostgresServer(binaries, folder)
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class RedisServer:
    """A Redis server that keeps nothing on disk; it can be killed and started again on its port."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = free_port()
        self._binary, self._folder = binary, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers; a password is asked for."""
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder))
        self._process = subprocess.Popen(
            [self._binary, "--port", str(self.port), "--requirepass", PASSWORD, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not answers(self.port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"redis-server on port {self.port} does not answer")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server, and all that it held."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections are taken, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def url(self, *, password: str = PASSWORD, database: int = 0) -> str:
        """Where to reach it."""
        return f"redis://:{password}@127.0.0.1:{self.port}/{database}"


def answers(port: int) -> bool:
    """Whether a server on this machine says anything to a PING, be it that a password is wanted."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return bool(connection.recv(64))
    except OSError:
        return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A running Redis server; skips the test where none is installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no Redis server here; install the package `redis-server` to run this test")
    folder = Path(tempfile.mkdtemp(prefix="assay-redis-"))
    server = RedisServer(binary, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _newest_binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None
