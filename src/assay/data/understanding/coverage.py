"""Coverage: from when to when rows tell of the world, how many a month, and where they fall silent.

Only the event's time counts here; when a row became known is the pipeline's concern.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from assay.data.understanding.moments import in_utc

MOST_BUCKETS = 300
SIZES = (
    ("minute", "1m", 60), ("quarter of an hour", "15m", 900), ("hour", "1h", 3_600), ("day", "1d", 86_400),
    ("week", "1w", 604_800), ("month", "1mo", 2_629_746), ("quarter", "1q", 7_889_238), ("year", "1y", 31_556_952),
    ("decade", "10y", 315_569_520), ("century", "100y", 3_155_695_200),
)  # fmt: skip
FEWEST_MOMENTS = 20
LONG = 3.0  # times the usual longest step (its 99th percentile)
FAR = 10.0  # times the middle step
SHOWN_GAPS = 5
SEASONAL = 4  # as many silences are a rhythm, not an accident


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without rows, between two moments that have some."""

    after: datetime
    before: datetime

    @property
    def length(self) -> timedelta:
        return self.before - self.after

    def to_json(self) -> dict[str, Any]:
        return {"after": self.after, "before": self.before, "seconds": self.length.total_seconds()}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a source covers its time.

    Attributes:
        column: Column with the time.
        first: Earliest moment.
        last: Latest moment.
        without: Rows that have no time.
        strange: Rows with a time before the year 200 or after 9800, which are left out.
        bucket: Name of the calendar unit that rows are counted by.
        starts: First moment of each unit from `first` to `last`, none left out.
        counts: Rows in each.
        n_gaps: Silences by the rule.
        gaps: The longest of them, the longest first.
        usual_step: Middle distance of two moments that follow each other.
    """

    column: str
    first: datetime
    last: datetime
    without: int
    strange: int
    bucket: str
    starts: tuple[datetime, ...]
    counts: tuple[int, ...]
    n_gaps: int
    gaps: tuple[Gap, ...]
    usual_step: timedelta

    @property
    def is_rhythm(self) -> bool:
        """Silences come again and again, as a season's end does."""
        return self.n_gaps >= SEASONAL

    def to_json(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "first": self.first,
            "last": self.last,
            "without": self.without,
            "strange": self.strange,
            "bucket": self.bucket,
            "buckets": [{"from": start, "n": n} for start, n in zip(self.starts, self.counts, strict=True)],
            "gaps": self.n_gaps,
            "longest_gaps": [one.to_json() for one in self.gaps],
            "usual_step_seconds": self.usual_step.total_seconds(),
            "rule": RULE,
        }


RULE = (
    f"a silence is longer than {LONG:g} times the 99th percentile and {FAR:g} times the median of the steps between "
    "moments that follow each other"
)


def coverage(times: pl.Series) -> Coverage | None:
    """Count rows by calendar unit and look for silences.

    Args:
        times: Dates or times, missing ones among them; times without a zone count as UTC.

    Returns:
        None where no row has a time that counts.
    """
    moments, n_strange = in_utc(times.drop_nulls())
    if moments.is_empty():
        return None
    first, last = moments.min(), moments.max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    name, every = _unit((last - first).total_seconds())
    starts, counts = _counted(moments, every)
    steps = moments.unique().sort()
    n_gaps, gaps, usual = _gaps(steps)
    return Coverage(times.name, first, last, times.null_count(), n_strange, name, starts, counts, n_gaps, gaps, usual)


def _unit(seconds: float) -> tuple[str, str]:
    """The smallest calendar unit of which the time holds no more than a picture can show."""
    for name, every, length in SIZES:
        if seconds / length <= MOST_BUCKETS:
            return name, every
    return SIZES[-1][:2]


def _counted(moments: pl.Series, every: str) -> tuple[tuple[datetime, ...], tuple[int, ...]]:
    units = moments.dt.truncate(every).alias("start")
    counted = units.value_counts()
    ends: tuple[Any, Any] = units.min(), units.max()
    span = pl.DataFrame({"start": pl.datetime_range(ends[0], ends[1], interval=every, time_unit="us", eager=True)})
    whole = span.join(counted, on="start", how="left", maintain_order="left").with_columns(pl.col("count").fill_null(0))
    return tuple(whole["start"].to_list()), tuple(whole["count"].to_list())


def _gaps(moments: pl.Series) -> tuple[int, tuple[Gap, ...], timedelta]:
    """Silences among distinct moments in rising order."""
    ticks = moments.to_physical().to_numpy()
    steps = np.diff(ticks)
    usual = timedelta(microseconds=int(np.median(steps))) if steps.size else timedelta(0)
    if steps.size < FEWEST_MOMENTS:
        return 0, (), usual
    limit = max(LONG * float(np.quantile(steps, 0.99)), FAR * float(np.median(steps)))
    long = np.flatnonzero(steps > limit)
    longest = long[np.argsort(-steps[long], kind="stable")][:SHOWN_GAPS]
    gaps = tuple(Gap(moments[int(place)], moments[int(place) + 1]) for place in longest)
    return int(long.size), gaps, usual
