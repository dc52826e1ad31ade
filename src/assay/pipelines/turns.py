"""Taking turns: one process or thread at a time changes a project. The system frees the lock of one that dies.

Reading needs no turn: features, predictions and the ledger are read at any time, builds or not.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from assay.errors import UsageError

PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5


@contextmanager
def taken(path: Path, work: str, *, patience_seconds: float = 0.0, waits: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock `path` while `work` runs.

    Args:
        path: Made where it is missing; says who holds it.
        work: What is to be done, for others who wait.
        patience_seconds: How long to wait for a turn; 0: not at all.
        waits: Told once who is at work, if there is somebody to wait for.

    Raises:
        UsageError: Somebody else holds it, and did all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        _take(lock, path, work, patience_seconds=patience_seconds, waits=waits)
        lock.truncate(0)
        lock.write(f"{work} (process {os.getpid()})")
        lock.flush()
        yield


@contextmanager
def taken_if_free(path: Path, work: str) -> Iterator[bool]:
    """Hold the lock if nobody else does; yields whether it is held."""
    with ExitStack() as held:
        try:
            held.enter_context(taken(path, work, waits=lambda _holder: None))
            is_held = True
        except BlockingTurn:
            is_held = False
        yield is_held


class BlockingTurn(UsageError):
    """Somebody else is at work in the project."""


def _take(lock: IO[str], path: Path, work: str, *, patience_seconds: float, waits: Callable[[str], None]) -> None:
    give_up, pause, is_told = time.monotonic() + patience_seconds, PAUSE_SECONDS, False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
        if time.monotonic() >= give_up:
            waited = f" and still is after {patience_seconds:.0f} s" if patience_seconds else ""
            raise BlockingTurn(
                f"{path.parent.parent}: {holder} is at work here{waited}. Wait for it to end before you start {work}."
            )
        if not is_told:
            waits(holder)
            is_told = True
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
