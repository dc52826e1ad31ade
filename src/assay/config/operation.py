"""Operation as assay.yaml sets it: serving, monitoring, retraining, the card, the stores and the engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from assay.config.durations import Duration
from assay.config.section import Digest, Positive, Section, text_or_mapping

EngineName = Literal["local", "ray", "spark"]


class Serving(Section):
    """The HTTP service."""

    host: str = Field("127.0.0.1", description="Address to listen on; beyond loopback needs `api_keys`.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="Port; 0 takes a free one.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Processes that answer.")
    log: Literal["strict", "fast"] = Field("strict", description="strict: an answer means its log record is on disk.")
    max_rows: Annotated[int, Field(ge=1)] = Field(1_000, description="Most rows in a request.")
    max_body_mb: Positive = Field(4.0, description="Largest request body.")
    deadline: Duration = Field(timedelta(seconds=2), description="Longest that a request may take.")
    missing: Literal["null", "error"] = Field("null", description="What an entity without online features gets.")
    unavailable: Literal["stale", "missing", "error"] = Field(
        "stale",
        description="What requests get while the online store's server is away. stale: the values this process read "
        "last, and what `missing` says where it read none; missing: what `missing` says; error: status 503.",
    )
    cache_rows: Annotated[int, Field(ge=0, le=100_000_000)] = Field(
        10_000, description="Entity rows of a view kept in memory before an online store on a server, read last."
    )
    cache_ttl: Duration = Field(
        timedelta(0),
        description="How long such a row answers without asking the store, never beyond its view's staleness; 0: the "
        "store is always asked, and the rows are kept for when it is away.",
    )
    expectations: Literal["enforce", "count", "off"] = Field(
        "enforce",
        description="Rows that break an expectation of target.source: enforce refuses those of severity error and "
        "counts the rest; count answers them all; off does not look.",
    )
    api_keys: tuple[Digest, ...] = Field((), description="SHA-256 digests of accepted keys; needed beyond loopback.")


class Monitoring(Section):
    """What is watched, and the limits of the playbook (DR-2)."""

    psi_warning: Positive = Field(0.1, description="Stability index above which drift is a warning.")
    psi_retrain: Positive = Field(0.2, description="Stability index above which a retraining is triggered.")
    psi_critical: Positive = Field(0.25, description="Stability index above which drift is critical.")
    top_features: Annotated[int, Field(ge=1)] = Field(10, description="Most important features that are watched.")
    ignore: tuple[str, ...] = Field(
        (), description="Features that move by design, as the calendar does: measured and shown, never acted on."
    )
    minimum_rows: Annotated[int, Field(ge=1)] = Field(500, description="Fewest rows of a window that is judged.")
    quality_drop: Positive = Field(2.0, description="Points of the quality score, of 30, whose loss is an alarm.")
    performance_drop: Positive = Field(0.05, description="Relative loss of the primary metric that is an alarm.")
    windows: tuple[Duration, ...] = Field(
        (timedelta(hours=1), timedelta(days=1), timedelta(days=7)), description="Windows that are compared."
    )


class Retraining(Section):
    """When a new version is trained without being asked."""

    months: Annotated[int, Field(ge=1)] | None = Field(12, description="Train on the last N months; null: all.")
    cooldown: Duration = Field(timedelta(days=1), description="Least time between two retrainings.")
    tune: bool = Field(False, description="Search again, instead of using production's hyperparameters.")


class Card(Section):
    """What only a person can say of the model; the rest of its card comes from evidence (CA-1)."""

    description: str = Field("", description="What the model does, for somebody who has never seen it.")
    intended_use: str = Field("", description="Whom and what it is for.")
    out_of_scope_use: str = Field("", description="What it must not be used for.")
    known_biases: str = Field("", description="Whom or what the training data shows too little, too much or wrongly.")
    limitations: str = Field("", description="When its answers are not to be relied on.")
    maintenance: str = Field("", description="Who looks after it, how often, and how to reach them.")
    license: str = Field(
        "", description="Licence of the model as the Hugging Face form of the card names it, such as apache-2.0."
    )


class Goal(Section):
    """A figure that production is to reach, and who answers for it (FR-5)."""

    name: str = Field("", description="What the goal is called; default its metric.")
    metric: str = Field(
        description="A metric such as log_loss, latency_p50_ms, latency_p95_ms, latency_p99_ms, or predictions."
    )
    operator: Literal["<=", "<", ">=", ">"] = Field(description="How the figure is to stand to the value.")
    value: float = Field(description="The target.")
    window: Duration = Field(timedelta(days=7), description="Over how long; for a metric one of `monitoring.windows`.")
    owner: str = Field("", description="Who answers for it; default the project's owner.")
    margin: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="Share of the target within which a figure without an interval is at risk."
    )


class Reporting(Section):
    """The report of what happened since the last one (FR-5)."""

    every: Literal["daily", "weekly"] = Field(
        "weekly", description="How long a stretch `assay report` tells of, and when the next one is due."
    )

    @property
    def stretch(self) -> timedelta:
        return timedelta(days=1) if self.every == "daily" else timedelta(days=7)


AnnexPoint = Literal[
    "1a", "1b", "1c", "1d", "1e", "1f", "1g", "1h", "2a", "2b", "2c", "2d", "2e", "2f", "2g", "2h",
    "3-performance", "3-risks", "3-oversight", "3-inputs", "4", "5", "6", "7", "8", "9",
]  # fmt: skip


class Stores(Section):
    """Where state lives; each moves to a server by URL."""

    ledger: str | None = Field(
        None, description="sqlite path or postgresql:// URL; default .assay/ledger.db", repr=False
    )
    artifacts: str | None = Field(
        None, description="Folder or s3://bucket/prefix; default .assay/artifacts", repr=False
    )
    tables: str | None = Field(None, description="Folder or s3://bucket/prefix; default .assay/tables", repr=False)
    online: str | None = Field(
        None, description="sqlite path, redis:// or rediss:// URL; default .assay/online.db", repr=False
    )
    bus: str | None = Field(
        None, description="sqlite path, redis://, nats:// or kafka:// URL; default .assay/bus.db", repr=False
    )


class Engine(Section):
    """Where heavy work runs (FS-6): `engine: ray` for the word alone, or these keys."""

    name: EngineName = Field("local", description="local: this process; ray or spark: a cluster, by partitions.")
    address: str | None = Field(
        None,
        description="Cluster to join: `auto`, `host:6379` or `ray://host:10001` for Ray, a master URL for Spark; "
        "default one on this machine.",
    )
    memory_mb: Positive | None = Field(
        None,
        description="Largest source that is held in memory at once; a larger one is worked on in partitions. Default a "
        "quarter of the machine's memory.",
    )
    partitions: Annotated[int, Field(ge=1, le=4_096)] | None = Field(
        None, description="Partitions of a source; default by its size, on a cluster at least 16."
    )
    exchange: str | None = Field(
        None,
        description="Folder that every worker reaches, for partitions under way; default .assay/exchange",
    )


EngineChoice = Annotated[
    Annotated[EngineName, Tag("text")] | Annotated[Engine, Tag("mapping")], Discriminator(text_or_mapping)
]
