"""The anchor: a small file beside the ledger that remembers its head, and the queue of its writers.

Whoever writes to SQLite holds a lock on this file, so that turns are short and fair (a server has a queue of its own),
and notes the new head in it after the commit. A database that ends before its anchor has lost records. What this
protects from, and what it does not, is in `docs/decisions/0001-ledger-anchors.md`.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import AssayError
from assay.ledger.backend import WAIT_SECONDS
from assay.ledger.chain import Head

if sys.platform != "win32":
    import fcntl

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.0002, 0.005
_LENGTH = 20 + 1 + 64 + 1  # number, space, digest, newline: one sector, so that a write is whole or absent


class Anchor:
    """The file at `path`; one object serves every thread of a process, and survives a fork."""

    def __init__(self, path: Path, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self.path = path
        self._wait_seconds = wait_seconds
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._turn = threading.Lock()
        self._file: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for this process's and this thread's turn to write.

        Raises:
            AssayError: The turn did not come in time.
        """
        if self._process != os.getpid():
            self._open()  # a forked child shares its parent's lock on the old descriptor, so it takes its own
        deadline = time.monotonic() + self._wait_seconds
        if not self._turn.acquire(timeout=self._wait_seconds):
            raise self._late()
        try:
            self._lock(deadline)
            try:
                yield
            finally:
                self._unlock()
        finally:
            self._turn.release()

    def read(self) -> Head | None:
        """The last head that was noted; None where the file is missing, new or unreadable."""
        try:
            text = self.path.read_bytes().decode("ascii")
            number, digest = text.split()
            return Head(int(number), digest) if len(text) == _LENGTH else None
        except (FileNotFoundError, ValueError):
            return None

    def note(self, head: Head) -> None:
        """Remember `head`, if it is later than what is remembered; while the turn is held, after the commit."""
        known = self.read()
        if known is not None and known.sequence >= head.sequence:
            return  # a writer that committed later was quicker
        os.lseek(self._descriptor(), 0, os.SEEK_SET)
        os.write(self._descriptor(), f"{head.sequence:020d} {head.digest}\n".encode("ascii"))

    def close(self) -> None:
        """Close the file. A later use opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _descriptor(self) -> int:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        return self._file

    def _lock(self, deadline: float) -> None:
        """Poll for the lock at random moments: measured as fair as the kernel's queue, and it can be given up."""
        if sys.platform == "win32":  # there SQLite's own lock orders the writers
            return
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_current():
                    return
                self.close()
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise self._late() from None
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _is_current(self) -> bool:
        """Whether the open file is still the one at the path; a person may have removed it."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor()))
        except FileNotFoundError:
            return False

    def _unlock(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor(), fcntl.LOCK_UN)

    def _late(self) -> AssayError:
        return AssayError(
            f"another writer has held the ledger's lock {self.path} for {self._wait_seconds:g} s. A turn takes "
            f"milliseconds, so it hangs: find it with `fuser {self.path}` and end it."
        )
