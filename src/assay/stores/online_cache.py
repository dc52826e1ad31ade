"""A bounded memory of rows before an online store: it saves reads, and it is what is left while a server is away.

Whether a row that is held may still answer is told to it; it knows no views. What is written through it in this process
is read anew at once; what another process writes shows when the row's time in memory is over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.stores.online import OnlineRow, OnlineStore, Wanted

Found = list[list[OnlineRow | None]]
MayAnswer = Callable[[str, OnlineRow], bool]


@dataclass(slots=True)
class CacheCounts:
    """Rows that were asked for: answered from memory, and read from the store; and rows pushed out for want of room."""

    hits: int = 0
    misses: int = 0
    evicted: int = 0

    @property
    def hit_rate(self) -> float:
        """Share of rows answered from memory; nan before the first read."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else float("nan")


class CachedOnline:
    """An online store that keeps the rows read last, by entity; any number of threads may use it."""

    def __init__(
        self,
        store: OnlineStore,
        *,
        most_rows: int,
        ttl_seconds: float = 0.0,
        views: Container[str] | None = None,
        may_answer: MayAnswer = lambda _view, _row: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put a memory before a store.

        Args:
            store: Where rows come from.
            most_rows: Rows held; the one that was not read for longest goes first.
            ttl_seconds: How long after it was read a row may answer; with 0 every read asks the store, and the memory
                is for `remembered` alone.
            views: Those whose rows are held; None: all.
            may_answer: Whether a held row of a view may answer still; a view's staleness is judged there.
            clock: Seconds that only grow.
        """
        self.counts = CacheCounts()
        self.may_answer = may_answer
        self._views = views
        self._store, self._most_rows, self._ttl_seconds, self._clock = store, most_rows, ttl_seconds, clock
        self._rows: OrderedDict[tuple[str, str], tuple[float, OnlineRow]] = OrderedDict()
        self._writes: Counter[str] = Counter()  # by view: a read that began before a write must not be kept after it
        self._trusted_from = float("-inf")
        self._lock = threading.Lock()

    def put(
        self,
        view: str,
        keys: Sequence[str],
        times_us: Sequence[int],
        values: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> int:
        try:
            return self._store.put(view, keys, times_us, values, replace=replace)
        finally:
            self._forget(view, None if replace else keys)

    def get(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        return self.get_views([(view, keys)])[0]

    def get_views(self, wanted: Sequence[Wanted]) -> Found:
        began = self._clock()
        if self._ttl_seconds <= 0:
            return self._read(wanted, began)
        held = self._held(wanted, since=max(began - self._ttl_seconds, self._trusted_from))
        lacking = [
            (view, [key for key, row in zip(keys, rows, strict=True) if row is None])
            for (view, keys), rows in zip(wanted, held, strict=True)
        ]
        n_lacking = sum(len(keys) for _, keys in lacking)
        self.counts.hits += sum(len(keys) for _, keys in wanted) - n_lacking
        if not n_lacking:
            return held
        read = [iter(rows) for rows in self._read(lacking, began)]
        return [[next(rest) if row is None else row for row in rows] for rows, rest in zip(held, read, strict=True)]

    def count(self, view: str) -> int:
        return self._store.count(view)

    def forget_losses(self) -> None:
        self._store.forget_losses()

    def remembered(self, wanted: Sequence[Wanted]) -> Found:
        """What was read last of each row, however long ago; None where it is not held. The store is not asked."""
        rows = self._rows
        return [
            [held[1] if (held := rows.get((view, key))) is not None else None for key in keys] for view, keys in wanted
        ]

    def distrust(self) -> None:
        """Let no row that is held now answer for the store; they stay remembered."""
        self._trusted_from = self._clock()

    @property
    def n_rows(self) -> int:
        """Rows held."""
        return len(self._rows)

    def _held(self, wanted: Sequence[Wanted], *, since: float) -> Found:
        found: Found = []
        with self._lock:
            for view, keys in wanted:
                rows: list[OnlineRow | None] = []
                for key in keys:
                    held = self._rows.get((view, key))
                    usable = held is not None and held[0] >= since and self.may_answer(view, held[1])
                    rows.append(held[1] if held is not None and usable else None)
                    if usable:
                        self._rows.move_to_end((view, key))
                found.append(rows)
        return found

    def _read(self, wanted: Sequence[Wanted], began: float) -> Found:
        writes = [self._writes[view] for view, _ in wanted]
        found = self._store.get_views(wanted)
        with self._lock:
            for (view, keys), rows, n_writes in zip(wanted, found, writes, strict=True):
                if self._views is not None and view not in self._views:
                    continue
                self.counts.misses += len(keys)
                if self._writes[view] == n_writes:
                    self._keep(view, keys, rows, began)
            while len(self._rows) > self._most_rows:
                self._rows.popitem(last=False)
                self.counts.evicted += 1
        return found

    def _keep(self, view: str, keys: Sequence[str], rows: Sequence[OnlineRow | None], began: float) -> None:
        """Hold rows; one that is missing is not held, so that it is found as soon as it is there."""
        for key, row in zip(keys, rows, strict=True):
            if row is None:
                self._rows.pop((view, key), None)
            else:
                self._rows[view, key] = (began, row)
                self._rows.move_to_end((view, key))

    def _forget(self, view: str, keys: Sequence[str] | None) -> None:
        with self._lock:
            self._writes[view] += 1
            gone = [one for one in self._rows if one[0] == view] if keys is None else [(view, key) for key in keys]
            for one in gone:
                self._rows.pop(one, None)
