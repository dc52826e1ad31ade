"""Group commit: many callers append records to a segment, one thread writes and flushes them together.

While the disk flushes one batch, the next one forms by itself; nobody waits for a timer in strict mode. A record's id
names its segment and its byte offset, so that finding it again is one read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.serving import segments
from assay.serving.segments import Sealed, Segment

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.05
"""In fast mode, how long a record may wait in memory before it is written."""


class LogUnavailable(AssayError):
    """The log cannot take a record now; what it would have proved must not be claimed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a segment is rotated, and how much may wait in memory."""

    segment_bytes: int = 64_000_000
    segment_age: timedelta = timedelta(hours=1)
    waiting_records: int = 100_000


@dataclass(slots=True)
class Counts:
    """What the writer has done since it began; read by metrics."""

    appended: int = 0
    dropped: int = 0
    flushes: int = 0
    sealed: int = 0


@dataclass(slots=True)
class Batch:
    """What the thread writes in one go, and who waits for it."""

    segment: Segment
    lines: list[bytes] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    flushed: list[threading.Event] = field(default_factory=list)
    is_last: bool = False


class GroupCommit:
    """Appends to one series; safe to use from several threads."""

    def __init__(
        self,
        folder: Path,
        *,
        strict: bool,
        clock: Callable[[], datetime],
        on_sealed: Callable[[Sealed], object],
        limits: Limits | None = None,
    ) -> None:
        """Recover what a crash left, then start the writing thread; no segment is made before the first record.

        Args:
            folder: Of the series; its name is the series' name.
            strict: Flush to disk, and let `append` callers wait for it; otherwise write within `FLUSH_SECONDS` and
                drop records, counted, when too many wait.
            on_sealed: Told of each sealed segment before it gets its final name; called again for the same segment
                after a crash in between.
        """
        self.counts = Counts()
        self.folder = folder
        self._strict = strict
        self._clock = clock
        self._on_sealed = on_sealed
        self._limits = limits or Limits()
        self._columns: Mapping[str, Any] = {}
        self._segment: Segment | None = None
        self._born = clock()
        self._batches: deque[Batch] = deque()
        self._waiting_records = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._recover()
        self._thread = threading.Thread(target=self._write_until_closed, name=f"log-{folder.name}", daemon=True)
        self._thread.start()

    @property
    def segment_name(self) -> str | None:
        """The segment that is written now; None before the first record of one."""
        segment = self._segment
        return segment.name if segment else None

    @property
    def waiting(self) -> int:
        """Records in memory that are not yet written."""
        return self._waiting_records

    def append(
        self, records: Sequence[dict[str, Any]], *, columns: Mapping[str, Any], deployment: str = ""
    ) -> asyncio.Future[None] | None:
        """Give each record its id, in place, and queue it.

        Args:
            records: Plain values; each gets `id` as its first field. The list is not kept.
            columns: What the records hold; a change begins a new segment.
            deployment: Evidence id of what answered, so that the sealed segment can name it.

        Returns:
            In strict mode, called from a running loop, a future that is done when the records are on disk and fails
            with LogUnavailable when they are not. Otherwise None; `flush` waits for everything.

        Raises:
            LogUnavailable: The log is closed, cannot open a segment, or in strict mode too much waits already.
        """
        with self._lock:
            if self._waiting_records + len(records) > self._limits.waiting_records:
                self._refuse(records)
                return None
            batch = self._open_batch(columns)
            segment = batch.segment
            if deployment and deployment not in segment.deployments:
                segment.deployments.append(deployment)
            lines, segment.offset = _encode(records, segment)
            batch.lines += lines
            segment.records += len(records)
            self._waiting_records += len(records)
            self.counts.appended += len(records)
            future = self._waiter(batch)
        if self._strict:
            self._wake.set()
        return future

    def flush(self) -> None:
        """Wait until everything appended so far is on disk."""
        done = threading.Event()
        with self._lock:
            if not self._batches:
                return
            self._batches[-1].flushed.append(done)
        self._wake.set()
        done.wait()

    def close(self) -> None:
        """Write what waits, seal the segment and stop; appending afterwards is refused."""
        with self._lock:
            self._closing = True
            self._end_segment()
        self._wake.set()
        self._thread.join()

    def _waiter(self, batch: Batch) -> asyncio.Future[None] | None:
        if not self._strict:
            return None
        try:
            future = asyncio.get_running_loop().create_future()
        except RuntimeError:  # a caller without a loop uses `flush`
            return None
        batch.waiting.append(future)
        return future

    def _refuse(self, records: Sequence[dict[str, Any]]) -> None:
        if self._strict:
            raise LogUnavailable(f"{self._waiting_records:,} records wait for the disk of {self.folder}; try later.")
        self.counts.dropped += len(records)
        for record in records:
            record["id"] = f"unlogged-{secrets.token_hex(8)}"

    def _open_batch(self, columns: Mapping[str, Any]) -> Batch:
        if self._closing:
            raise LogUnavailable(f"the log {self.folder} is closed.")
        if self._segment is not None and (self._is_full(self._segment) or columns != self._columns):
            self._end_segment()
        if self._segment is None:
            self._begin_segment(columns)
        if not self._batches or self._batches[-1].segment is not self._segment:
            assert self._segment is not None
            self._batches.append(Batch(self._segment))
        return self._batches[-1]

    def _is_full(self, segment: Segment) -> bool:
        return segment.offset >= self._limits.segment_bytes or self._clock() - self._born >= self._limits.segment_age

    def _begin_segment(self, columns: Mapping[str, Any]) -> None:
        self._born, self._columns = self._clock(), columns
        try:
            self._segment = segments.create(self.folder, now=self._born, columns=columns)
        except OSError as problem:
            raise LogUnavailable(f"cannot begin a log segment in {self.folder}: {problem}") from problem

    def _end_segment(self) -> None:
        """Mark the present segment's last batch; the thread seals after writing it."""
        if self._segment is None:
            return
        if not self._batches or self._batches[-1].segment is not self._segment:
            self._batches.append(Batch(self._segment))
        self._batches[-1].is_last = True
        self._segment = None

    def _write_until_closed(self) -> None:
        while True:
            self._wake.wait(timeout=1.0 if self._strict else FLUSH_SECONDS)
            self._wake.clear()
            self._end_old_segment()
            while batch := self._take():
                self._commit(batch)
            if self._closing and not self._batches:
                return

    def _end_old_segment(self) -> None:
        with self._lock:
            if self._segment is not None and self._clock() - self._born >= self._limits.segment_age:
                self._end_segment()

    def _take(self) -> Batch | None:
        with self._lock:
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self._waiting_records -= len(batch.lines)
            return batch

    def _commit(self, batch: Batch) -> None:
        """Write one batch; a failure is told to its waiters and ends the segment at its last good byte."""
        failure: LogUnavailable | None = None
        try:
            self._write(batch)
        except OSError as problem:
            logger.error("cannot write %s: %s", batch.segment.path, problem)
            failure = LogUnavailable(f"cannot write {batch.segment.path}: {problem}")
            self._abandon(batch)
        _tell(batch, failure)
        if batch.is_last:
            self._seal(batch.segment)

    def _write(self, batch: Batch) -> None:
        if not batch.lines:
            return
        data = memoryview(b"".join(batch.lines))
        while data:
            data = data[os.write(batch.segment.descriptor, data) :]
        if self._strict:
            os.fdatasync(batch.segment.descriptor)
        self.counts.flushes += 1

    def _abandon(self, batch: Batch) -> None:
        """Take back what was promised of a segment that cannot be written; later batches of it fail with it."""
        segment = batch.segment
        with self._lock:
            lost = [batch] + [one for one in self._batches if one.segment is segment]
            later = lost[1:]
            self._batches = deque(one for one in self._batches if one.segment is not segment)
            if self._segment is segment:
                self._segment = None
            lost_lines = sum(len(one.lines) for one in lost)
            self._waiting_records -= sum(len(one.lines) for one in later)
            segment.records -= lost_lines
            segment.offset -= sum(len(line) for one in lost for line in one.lines)
            self.counts.dropped += lost_lines
        os.ftruncate(segment.descriptor, segment.offset)
        for one in later:
            _tell(one, LogUnavailable(f"{segment.path} could not be written."))
        batch.is_last = True

    def _recover(self) -> None:
        if self.folder.is_dir():
            for segment in segments.orphans(self.folder):
                self._seal(segment)

    def _seal(self, segment: Segment) -> None:
        """Put the digest on record, then the file in its final place; left open, it is sealed at the next start."""
        if segment.records == 0:
            segments.discard(segment)
            return
        try:
            self._on_sealed(segments.seal(segment))
            segments.finish(segment)
            self.counts.sealed += 1
        except Exception:
            logger.exception("%s could not be sealed now; it will be at the next start", segment.path)
            os.close(segment.descriptor)


def _encode(records: Sequence[dict[str, Any]], segment: Segment) -> tuple[list[bytes], int]:
    """Lines with their ids, and the offset after them; changes nothing when a value has no JSON form."""
    lines, offset, prefix = [], segment.offset, segment.name
    for record in records:
        record["id"] = f"{prefix}-{offset:x}"
        line = segments.encode(record)
        lines.append(line)
        offset += len(line)
    return lines, offset


def _tell(batch: Batch, failure: LogUnavailable | None) -> None:
    for event in batch.flushed:
        event.set()
    if batch.waiting:
        loop = batch.waiting[0].get_loop()
        try:
            loop.call_soon_threadsafe(_resolve, batch.waiting, failure)
        except RuntimeError:  # the loop has ended, and nobody waits any more
            logger.debug("nobody waits for %s", batch.segment.path)


def _resolve(waiting: Sequence[asyncio.Future[None]], failure: LogUnavailable | None) -> None:
    for future in waiting:
        if future.done():  # cancelled by its deadline
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
