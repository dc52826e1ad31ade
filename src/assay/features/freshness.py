"""Freshness of feature views: is what serving reads as new as the view promises (FS-5)?

A view promises two things: how often it is built (`refresh`), and how old its newest row may be (`staleness`). Judges
from times alone; where they come from is the pipelines' to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from assay.features.definitions import FeatureView
from assay.ledger.evidence import Evidence, Verdict

KIND = "features.freshness"
PERIODS: Mapping[str, timedelta | None] = {
    "streaming": None,  # fed by events; only the age of the newest one can be judged
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
}
LATE_FROM, MISSED_FROM = 1.5, 3.0  # periods since the last build: a warning, and a failure


def judge(view: FeatureView, *, built: datetime | None, newest: datetime | None, now: datetime) -> Evidence:
    """Hold a view's last build and its newest row against what it promises.

    Args:
        view: The view.
        built: When it was last built, whether there was anything new or not; None: never.
        newest: When its newest row became known; None where its rows have no time, or there are none.
        now: The moment to judge at.

    Returns:
        Evidence of kind `features.freshness`: `fail` where it was never built, three builds were missed, or the newest
        row is older than `staleness`; `warn` where a build is late by half a period.
    """
    since_build = None if built is None else now - built
    age = None if newest is None else now - newest
    late, missed = _lateness(view, since_build)
    is_stale = age is not None and view.staleness is not None and age > view.staleness
    verdict: Verdict = "fail" if missed or is_stale else "warn" if late else "pass"
    promise = f"refresh {view.refresh}" + (f", staleness {in_words(view.staleness)}" if view.staleness else "")
    said = [
        "never built" if since_build is None else f"built {in_words(since_build)} ago",
        *([] if age is None else [f"newest row {in_words(age)} old"]),
    ]
    faults = [
        *(["a build is late"] if late and not missed else ["builds are missed"] if missed and since_build else []),
        *(["its values are stale"] if is_stale else []),
    ]
    summary = f"{view.name}: {', '.join(said)} ({promise})" + "".join(f"; {one}" for one in faults)
    figures: dict[str, Any] = {
        "refresh": view.refresh,
        "built": built,
        "seconds_since_build": None if since_build is None else since_build.total_seconds(),
        "newest": newest,
        "age_seconds": None if age is None else age.total_seconds(),
        "staleness_seconds": None if view.staleness is None else view.staleness.total_seconds(),
        "stale": is_stale,
        "late": late,
    }
    return Evidence(KIND, f"view:{view.name}", verdict, summary, figures)


def _lateness(view: FeatureView, since_build: timedelta | None) -> tuple[bool, bool]:
    """Whether a build is late, and whether several were missed."""
    if since_build is None:
        return True, True
    period = PERIODS[view.refresh]
    if period is None:
        return False, False
    return since_build > period * LATE_FROM, since_build > period * MISSED_FROM


def in_words(span: timedelta) -> str:
    """A span in its largest fitting unit: `3.2 days`, `36 hours`."""
    seconds = span.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} seconds"
