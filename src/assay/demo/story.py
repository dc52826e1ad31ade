"""The demonstration, told in six acts: a business, a first model, quiet months, a turn, a retraining, the proof.

Each act is the call that a user would make; nothing here knows how it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from assay.demo import traffic
from assay.demo.files import prepare
from assay.demo.simulate import DRIFT_MONTH, Business, month_start
from assay.errors import AssayError
from assay.ledger.evidence import Evidence
from assay.pipelines.loop import RunOutcome
from assay.pipelines.run import Progress
from assay.project import Project

FIRST_RUN = DRIFT_MONTH - 2
QUIET_MONTHS = (DRIFT_MONTH - 2, DRIFT_MONTH - 1)
TURNED_MONTHS = (DRIFT_MONTH + 1, DRIFT_MONTH + 2)
RETRAIN_MONTH = DRIFT_MONTH + 6
REQUESTS_A_MONTH = 1_000
LABEL_DELAY = timedelta(days=31)
SWAP_SECONDS = 5.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Story:
    """What happened, for `--json` and for tests."""

    folder: Path
    first: RunOutcome | None = None
    second: RunOutcome | None = None
    quiet: list[Evidence] = field(default_factory=list)
    turned: list[Evidence] = field(default_factory=list)
    swap_seconds: float = float("nan")
    predictions: int = 0
    labels: int = 0
    intact: bool = False
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "first": self.first,
            "quiet": [one.to_json() for one in self.quiet],
            "turned": [one.to_json() for one in self.turned],
            "second": self.second,
            "swap_seconds": self.swap_seconds,
            "predictions": self.predictions,
            "labels": self.labels,
            "intact": self.intact,
            "seconds": self.seconds,
        }


def tell(folder: Path, *, n_customers: int, seed: int, progress: Progress, say: Say) -> Story:
    """Run the whole demonstration in `folder`.

    Args:
        folder: Made, or continued if an earlier demo made it.
        n_customers: How many customers are simulated.
        seed: Of the simulation.
        progress: Told where long work stands.
        say: Told the story, a line at a time.

    Raises:
        AssayError: An act did not end as the simulated truth says it must.
    """
    started = time.monotonic()
    story = Story(folder)
    say(f"1  A subscription business: {n_customers:,} customers, two years, simulated into {folder}/data")
    business = prepare(folder, n_customers=n_customers, seed=seed)
    with Project.open(folder) as project:
        first_model(project, story, progress, say)
        with traffic.server(folder) as url:
            quiet_months(project, story, url, business, seed, say)
            the_turn(project, story, url, business, seed, say)
            retraining(project, story, url, progress, say)
        the_proof(project, story, say)
    story.seconds = round(time.monotonic() - started, 1)
    say(f"\nDone in {story.seconds:.0f} s. {_where_next(folder)}")
    return story


def first_model(project: Project, story: Story, progress: Progress, say: Say) -> None:
    """From the brief to production, as of a day in the past."""
    moment = month_start(FIRST_RUN)
    say(f"\n2  The loop, as if today were {moment:%d %B %Y}: brief, data, features, training, gates")
    story.first = project.run(as_of=moment, progress=progress)
    _tell_run(story.first, say)
    if story.first.verdict != "promoted":
        raise AssayError(f"the first model was not promoted: {story.first.reason}. Report: {story.first.report}")


def quiet_months(project: Project, story: Story, url: str, business: Business, seed: int, say: Say) -> None:
    """Traffic like that of the training data: nothing should be found."""
    say("\n3  Two quiet months of traffic through the HTTP server")
    since = datetime.now(UTC)
    for month in QUIET_MONTHS:
        _serve_month(project, story, url, business, month, seed, say)
    story.quiet = project.monitor(since=since)
    _tell_monitoring(story.quiet, say)


def the_turn(project: Project, story: Story, url: str, business: Business, seed: int, say: Say) -> None:
    """The market turns: drift must be found, and a retraining asked for."""
    say(f"\n4  The market turns on {business.truth.drift_at:%d %B %Y}: dearer baskets, more complaints, new channel")
    since = datetime.now(UTC)
    for month in TURNED_MONTHS:
        _serve_month(project, story, url, business, month, seed, say)
    story.turned = project.monitor(since=since)
    _tell_monitoring(story.turned, say)


def retraining(project: Project, story: Story, url: str, progress: Progress, say: Say) -> None:
    """A new version through the same gates, and into the running server."""
    moment = month_start(RETRAIN_MONTH)
    say(f"\n5  Retraining for that trigger, as of {moment:%d %B %Y}, through the same gates")
    story.second = project.retrain(as_of=moment, progress=progress)
    _tell_run(story.second, say)
    if story.second.verdict != "promoted":
        return
    promoted = time.monotonic()
    while traffic.serving_version(url) != story.second.model and time.monotonic() - promoted < SWAP_SECONDS:
        time.sleep(0.05)
    story.swap_seconds = round(time.monotonic() - promoted, 2)
    say(f"   the running server answers with {traffic.serving_version(url)} after {story.swap_seconds:.1f} s")


def the_proof(project: Project, story: Story, say: Say) -> None:
    """Everything above, from the ledger alone."""
    say("\n6  The proof")
    proof = project.verify()
    story.intact = proof.ok
    for line in proof.lines():
        say(f"   {line}")
    for row in project.models():
        say(f"   {row['model']} ({row['stage']}): {row['metric']} {row['value']:.4f} on its sealed holdout")


def _serve_month(project: Project, story: Story, url: str, business: Business, month: int, seed: int, say: Say) -> None:
    """Features up to the month's first instant, its traffic, and what came true a month later."""
    moment = month_start(month)
    project.features.build(as_of=moment)
    rows = business.months.filter(pl.col("month") == moment)
    replayed = traffic.replay(url, rows, moment=moment, n=REQUESTS_A_MONTH, seed=seed + month)
    story.predictions += replayed.n_requests
    story.labels += traffic.send_labels(url, replayed, rows, known=moment + LABEL_DELAY)
    say(f"   {moment:%B %Y}: {replayed.line()}")


def _tell_monitoring(found: Sequence[Evidence], say: Say) -> None:
    """Drift, performance and what they call for; that features and inputs are as they should be is in the ledger."""
    for one in found:
        is_well = one.verdict == "pass" and one.kind in ("data.expectations", "monitoring.quality")
        if not is_well and not one.kind.startswith("features."):
            say(f"   {one.summary}")


def _tell_run(outcome: RunOutcome, say: Say) -> None:
    primary = outcome.metrics.get(outcome.primary)
    say(f"   {outcome.verdict}: {outcome.model or 'no version'} in {outcome.seconds:.0f} s")
    if outcome.quality is not None:
        say(f"   data quality {outcome.quality:.1f} of 30")
    if primary is not None:
        beside = ", ".join(f"{name} {value:.4f}" for name, value in outcome.baselines.items())
        say(f"   {outcome.primary} on the sealed holdout {primary}; beside it {beside}")
    if outcome.verdict != "promoted":
        say(f"   {outcome.reason}")


def _where_next(folder: Path) -> str:
    return (
        "Look next at\n"
        f"   {folder}/.assay/reports/            the runs as pages: open them in a browser\n"
        f"   assay card --project {folder}       the model card, filled from evidence\n"
        f"   assay ledger log --project {folder} every decision, with the records it rests on\n"
        f"   assay serve --project {folder}      ask it yourself\n"
        f"   {folder}/definitions.py             one definition of each feature; change one and run again"
    )
