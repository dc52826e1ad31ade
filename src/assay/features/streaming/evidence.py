"""Evidence of a stream: what its consumer has done, how fast, and what a person must look at."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assay.features.definitions import FeatureView
from assay.features.streaming.consumer import Tally
from assay.ledger.evidence import Evidence


def evidence_of(topic: str, tally: Tally, *, backlog: int | None, views: Sequence[FeatureView]) -> Evidence:
    """What a stream has done; it warns of dead letters, of events that were lost and of views that failed."""
    latencies = pl.Series(list(tally.latencies), dtype=pl.Float64)
    p50, p99 = (latencies.quantile(at, "linear") if latencies.len() else None for at in (0.5, 0.99))
    troubles = [
        *([f"dead letters: {tally.n_dead:,}"] if tally.n_dead else []),
        *([f"entities whose view failed: {tally.n_failed:,}, the last {tally.failure}"] if tally.n_failed else []),
        *(["events made room on the bus before they were read: build the features"] if tally.n_cut else []),
    ]
    speed = f", to online values in {p50:.3f} s, 99 % within {p99:.3f} s" if p50 is not None else ""
    summary = f"{topic}: events taken: {tally.n_messages:,}{speed}" + "".join(f"; {one}" for one in troubles)
    figures = {
        "n_events": tally.n_messages,
        "n_repeated": tally.n_repeated,
        "n_dead": tally.n_dead,
        "dead": dict(tally.reasons),
        "entities_updated": tally.n_entities,
        "entities_failed": tally.n_failed,
        "backlog": backlog,
        "cut": tally.n_cut,
        "seconds_to_online": {
            "p50": p50, "p99": p99, "max": latencies.max() if latencies.len() else None, "n": latencies.len()
        },
        "views": [view.name for view in views],
    }  # fmt: skip
    return Evidence("features.stream", f"topic:{topic}", "warn" if troubles else "info", summary, figures)
