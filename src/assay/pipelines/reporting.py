"""Reporting: gathers what happened in a stretch of time and writes it as a page and a JSON file, side by side."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256

import polars as pl

from assay.errors import UsageError
from assay.ledger.evidence import Evidence
from assay.monitoring import period
from assay.monitoring.goals import quantile_estimate
from assay.pipelines.goals import look_at_goals
from assay.pipelines.workspace import Workspace
from assay.serving import log_frames
from assay.stores.durable import write_whole

KIND = "monitoring.report"


def write_report(workspace: Workspace, *, since: datetime | None = None, if_due: bool = False) -> Evidence | None:
    """Write the report of a stretch, and record that it was written.

    Args:
        workspace: The project.
        since: First moment to tell of; by default one `reporting.every` ago.
        if_due: Write nothing where the last report is younger than `reporting.every`.

    Returns:
        Kind `monitoring.report`; None where none was due.

    Raises:
        UsageError: The stretch begins in the future.
    """
    now, stretch = workspace.clock(), workspace.settings.reporting.stretch
    last = workspace.ledger.latest(KIND)
    if if_due and last is not None and now - datetime.fromisoformat(last.time) < stretch:
        return None
    begin = now - stretch if since is None else since
    if begin > now:
        raise UsageError(f"--since {begin:%Y-%m-%d %H:%M} UTC is in the future: there is nothing to tell of.")
    told = tell(workspace, since=begin, until=now)
    folder, name = workspace.state / "reports", f"period-{now:%Y%m%dT%H%M%SZ}"
    document = json.dumps(told.to_json(), indent=2, ensure_ascii=False).encode()
    page, beside = folder / f"{name}.html", folder / f"{name}.json"
    write_whole(beside, [document])
    write_whole(page, [period.html(told).encode()])
    return workspace.ledger.record(
        Evidence(
            kind=KIND,
            subject=f"project:{workspace.settings.name}",
            verdict=told.verdict,
            summary=f"{begin:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC: {told.headline}",
            figures={
                "since": begin,
                "until": now,
                "page": str(page.relative_to(workspace.folder)),
                "document": str(beside.relative_to(workspace.folder)),
                "digest": sha256(document).hexdigest(),
            },
            parents=tuple(one.id for one in told.goals),
        )
    )


def tell(workspace: Workspace, *, since: datetime, until: datetime) -> period.Period:
    """What happened between two moments; goals are judged anew."""
    version = workspace.registry.production(workspace.settings.name)
    records = workspace.ledger.find(since=since, until=until)
    return period.period(
        records,
        look_at_goals(workspace),
        traffic(workspace, since=since, until=until),
        project=workspace.settings.name,
        production=version.reference if version is not None else "",
        since=since,
        until=until,
    )


def traffic(workspace: Workspace, *, since: datetime, until: datetime) -> dict[str, str]:
    """What the log holds of a stretch: predictions, labels that arrived, and latency where there is any."""
    logged = log_frames.predictions(workspace.predictions, since=since, until=until)
    latencies = logged.select("latency_ms").collect()["latency_ms"]
    labels = log_frames.labels(workspace.predictions, since=since, until=until).select(pl.len()).collect().item()
    said = {"predictions": f"{len(latencies):,}", "labels that arrived": f"{labels:,}"}
    values = latencies.drop_nulls().to_numpy()
    if len(values):
        for name, quantile in (("median latency", 0.5), ("latency, 99th percentile", 0.99)):
            said[name] = f"{quantile_estimate(values, quantile).value:.1f} ms"
    return said
