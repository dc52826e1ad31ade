"""A guard before an online store on a server: while the server is away, reads fail at once instead of waiting for it.

The first read that fails begins an outage. From then on a thread tries to mend it, and no request pays for that. What
a failed read is answered with is decided by whoever reads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.errors import AssayError, DataError, ServiceUnreachable
from assay.stores.online import OnlineRow, OnlineStore, Wanted

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5  # between two attempts to mend


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without the store.

    Attributes:
        problem: What the first failed read said.
        n_reads: Reads that went without, so far.
        seconds: How long it has lasted; None where it has only begun.
    """

    problem: str
    n_reads: int = 1
    seconds: float | None = None


class GuardedOnline:
    """An online store that is not asked while it is known to be away; a plain passage until `watch` is called."""

    def __init__(self, store: OnlineStore, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self.n_outages = 0
        self.n_failed_reads = 0
        self._store = store
        self._pause_seconds = pause_seconds
        self._problem: str | None = None
        self._mend: Callable[[OnlineStore], None] | None = None
        self._told: Callable[[Outage], None] = lambda _outage: None
        self._lock = threading.Lock()
        self._mending: threading.Thread | None = None
        self._closed = threading.Event()

    def watch(self, *, mend: Callable[[OnlineStore], None], told: Callable[[Outage], None]) -> None:
        """Keep reads from waiting for a server that is away, from now on.

        Args:
            mend: Called again and again during an outage with the store itself; the outage is over when it returns.
                It should put back what the server has lost.
            told: Called when an outage begins and when it is over, by the thread that mends.
        """
        self._mend, self._told = mend, told

    @property
    def is_away(self) -> bool:
        """Whether an outage lasts."""
        return self._problem is not None

    def put(
        self,
        view: str,
        keys: Sequence[str],
        times_us: Sequence[int],
        values: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> int:
        return self._store.put(view, keys, times_us, values, replace=replace)

    def get(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        return self.get_views([(view, keys)])[0]

    def get_views(self, wanted: Sequence[Wanted]) -> list[list[OnlineRow | None]]:
        if self._problem is not None:
            self.n_failed_reads += 1
            raise ServiceUnreachable(self._problem)
        try:
            return self._store.get_views(wanted)
        except DataError:
            raise
        except AssayError as error:
            if self._mend is None:
                raise
            self._begin_outage(str(error))
            raise ServiceUnreachable(str(error)) from error

    def count(self, view: str) -> int:
        return self._store.count(view)

    def forget_losses(self) -> None:
        self._store.forget_losses()

    def close(self) -> None:
        """Stop mending, and wait until what mends has ended: it uses stores that are closed next."""
        self._closed.set()
        with self._lock:
            mending = self._mending
        if mending is not None:
            mending.join()

    def _begin_outage(self, problem: str) -> None:
        with self._lock:
            self.n_failed_reads += 1
            if self._problem is not None or self._closed.is_set():
                return
            self._problem = problem
            self.n_outages += 1
            self._mending = threading.Thread(target=self._end_outage, args=(problem,), name="online-store", daemon=True)
            self._mending.start()

    def _end_outage(self, problem: str) -> None:
        began, before = time.monotonic(), self.n_failed_reads - 1
        self._tell(Outage(problem))
        while not self._closed.is_set():
            if self._is_mended():
                self._problem = None
                self._tell(Outage(problem, self.n_failed_reads - before, time.monotonic() - began))
                return
            self._closed.wait(self._pause_seconds)

    def _is_mended(self) -> bool:
        assert self._mend is not None
        try:
            self._mend(self._store)
        except AssayError:
            return False  # still away, as `told` has said
        except Exception:
            logger.exception("the online store could not be filled again; trying on")
            return False
        return True

    def _tell(self, outage: Outage) -> None:
        try:
            self._told(outage)
        except Exception:
            logger.exception("an outage of the online store could not be recorded: %s", outage)
