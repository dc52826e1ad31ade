"""Snapshots: an immutable version of a dataset, named by the digest of its bytes, that a run can be repeated from.

Takes any frame; where it comes from is `sources`, what is expected of it `expectations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from assay.data import addressed
from assay.data.event_time import EVENT_TIME
from assay.ledger.evidence import Evidence

SUFFIX = ".parquet"
WHAT = "snapshot"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a dataset.

    Attributes:
        name: Of the source.
        digest: SHA-256 of the Parquet file's bytes; names the file.
        rows: How many there are.
        schema: Polars type of each column, in order.
        first: Earliest event time; None without rows or without time.
        last: Latest event time; None without rows or without time.
        path: The Parquet file.
    """

    name: str
    digest: str
    rows: int
    schema: Mapping[str, str]
    first: datetime | None
    last: datetime | None
    path: Path

    @property
    def evidence(self) -> Evidence:
        span = f", {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else ""
        return Evidence(
            kind="data.snapshot",
            subject=f"source:{self.name}",
            verdict="info",
            summary=f"{self.name}: {self.rows:,} rows, {len(self.schema)} columns{span}, digest {self.digest[:12]}",
            figures={
                "digest": self.digest,
                "rows": self.rows,
                "schema": dict(self.schema),
                "first": self.first,
                "last": self.last,
            },
        )


def take(name: str, frame: pl.LazyFrame, root: Path) -> Snapshot:
    """Freeze `frame` as a file in `root`; an unchanged source gives the same digest and no new file.

    The same data with its columns in another order is another snapshot.

    Raises:
        DataError: The source cannot be read to its end.
    """
    digest, path = addressed.store(frame, root, suffix=SUFFIX, what=f"source {name!r}")
    stored = pl.scan_parquet(path)
    schema = {column: str(dtype) for column, dtype in stored.collect_schema().items()}
    rows = stored.select(pl.len()).collect(engine="streaming").item()
    first, last = _time_range(stored) if EVENT_TIME in schema else (None, None)
    return Snapshot(name, digest, rows, schema, first, last, path)


def load(snapshot: Snapshot | str, root: Path) -> pl.LazyFrame:
    """The frame of a snapshot, or of its digest, after its bytes were verified.

    Raises:
        NotFound: `root` holds no such snapshot.
        IntegrityError: The file was changed since it was taken.
    """
    digest = snapshot if isinstance(snapshot, str) else snapshot.digest
    return pl.scan_parquet(addressed.verified(digest, root, suffix=SUFFIX, what=WHAT))


def verify(root: Path) -> list[str]:
    """Names of the snapshot files in `root` whose bytes were changed; empty where all is well."""
    return [str(path) for path in addressed.damaged(root, suffix=SUFFIX)]


def _time_range(frame: pl.LazyFrame) -> tuple[datetime | None, datetime | None]:
    time = pl.col(EVENT_TIME)
    first, last = frame.select(first=time.min(), last=time.max()).collect(engine="streaming").row(0)
    return _in_utc(first), _in_utc(last)


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
