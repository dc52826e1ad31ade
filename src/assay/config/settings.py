"""assay.yaml as typed models: every key, its default and what it means.

Reading the file, expanding variables and naming lines in errors is `loading.py`; the JSON Schema is `schema.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["error", "warning"]


class Section(BaseModel):
    """A part of assay.yaml: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KillCriterion(Section):
    """A project's own reason to give up, as an expression over evidence figures."""

    name: str
    when: str = Field(description="Expression such as `evaluation.brier.value > 0.25`; true ends the run.")


class BusinessValue(Section):
    """What predictions are worth, so that models are compared in money."""

    true_positive: float = 0.0
    false_positive: float = 0.0
    true_negative: float = 0.0
    false_negative: float = 0.0
    unit: str = "EUR"
    function: str | None = Field(
        None, description="`module:function` taking (scores, labels) and giving a value a row."
    )


class Brief(Section):
    """The problem brief (FR-1)."""

    business_objective: str = ""
    success_metric: str = Field("", description="Quantified: it names a number.")
    baseline: str = Field("", description="What is done today; `rules:name` names a Python rule in the project.")
    ml_task_type: Literal[
        "classification", "regression", "ranking", "generation", "clustering",
        "anomaly_detection", "recommendation", "forecasting", "",
    ] = ""  # fmt: skip
    prediction_target: str = ""
    prediction_consumer: Literal["api", "dashboard", "email", "automated_action", ""] = ""
    latency_requirement: Literal["realtime", "near_realtime", "batch", ""] = ""
    data_available: str = ""
    data_gaps: str = ""
    ethical_considerations: str = ""
    kill_criteria: tuple[KillCriterion | str, ...] = ()
    business_value: BusinessValue | None = None
    signals: dict[str, bool] = Field(default_factory=dict, description="Answers to the rules-or-ML questions (FR-3).")


class Expectation(Section):
    """One declared rule over a source (DQ-3)."""

    column: str | None = None
    type: Literal["integer", "number", "text", "boolean", "datetime", "date"] | None = None
    nullable: bool | None = None
    unique: bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[Any, ...] | None = None
    pattern: str | None = None
    rule: str | None = Field(None, description="A Polars SQL expression over the row's columns that must hold.")
    severity: Severity = "error"


class Source(Section):
    """Where rows come from, and when each row became known."""

    path: str | None = Field(None, description="File or glob, relative to assay.yaml: .csv .parquet .jsonl .ndjson")
    format: Literal["csv", "parquet", "jsonl", "sql"] | None = None
    url: str | None = Field(None, description="Database URL for `format: sql`.")
    query: str | None = None
    key: tuple[str, ...] = Field((), description="Columns that name a row.")
    time: str | None = Field(None, description="Column with the time of the event.")
    time_format: str | None = Field(None, description="strptime format where the time column is text.")
    delay: timedelta = Field(timedelta(0), description="How long after the event its row is known.")
    known_before: tuple[str, ...] = Field((), description="Columns already known before the event (a schedule).")
    null_values: tuple[str, ...] = ()
    refresh: timedelta | None = Field(None, description="How often new rows are expected; judged by timeliness.")
    columns: dict[str, str] = Field(default_factory=dict, description="Meaning of columns, for reports.")
    origin: str = Field("", description="Provenance: first-, second- or third-party, and from whom.")
    expectations: tuple[Expectation, ...] = ()


class EntityRole(Section):
    """The part an entity plays in a row to be predicted."""

    entity: str
    column: str


class Target(Section):
    """What is predicted, for which rows, and what is known when."""

    source: str
    label: str
    key: str
    time: str | None = Field(None, description="Column with the prediction time; omit where data has no time.")
    rows: str | None = Field(None, description="`module:function` from the source's frame to the rows to predict.")
    entities: dict[str, str | EntityRole] = Field(
        default_factory=dict, description="Role to entity column; a role named as its entity adds no prefix."
    )
    inputs: tuple[str, ...] = Field((), description="Columns given with the request, known at prediction time.")
    label_delay: timedelta = Field(timedelta(0), description="How long after the prediction its label is known.")
    positive: Any = Field(None, description="The value of the label that counts as 1.")
    group: str | None = None


class Split(Section):
    """How rows are cut into train, validation and the sealed holdout."""

    by: Literal["time", "random", "group"] | None = Field(None, description="Default: time where the target has one.")
    train_until: str | None = None
    validation_until: str | None = None
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.15
    seed: int = 0


class Training(Section):
    """Which estimators are tried, and how long."""

    estimators: tuple[str, ...] = ("logistic", "lightgbm")
    trials: Annotated[int, Field(ge=0, le=10_000)] = 20
    seed: int = 0
    months: int | None = Field(None, description="Train on the last N months only; default all.")
    timeout: timedelta | None = None
    hypothesis: str = ""


class Evaluation(Section):
    """Which figures decide."""

    primary: str | None = Field(None, description="Default by task: log_loss or mae.")
    secondary: tuple[str, ...] = ()
    slices: tuple[str, ...] = Field((), description="Columns whose values are judged apart.")
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    calibrate: Literal["none", "isotonic", "platt", "auto"] = "auto"
    max_calibration_error: float = 0.05


class Gates(Section):
    """Limits of the quality gate and of the two release gates."""

    quality_minimum: float = 18.0
    approval: Literal["person", "minor", "automatic"] = Field(
        "minor", description="Who lets a version into production: always a person; automation for minor; automation."
    )
    max_size_mb: float = 500.0
    max_latency_p99_ms: float = 100.0
    golden: str | None = Field(None, description="Parquet or CSV with inputs and an `expected` column.")
    golden_tolerance: float = 1e-3
    max_worst_slice_gap: float | None = None
    staging: tuple[str, ...] = Field((), description="Further conditions, as expressions over evidence.")
    production: tuple[str, ...] = ()


class Serving(Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    log: Literal["strict", "fast"] = Field("strict", description="strict: an answer means its log record is on disk.")
    max_rows: int = 1_000
    max_body_mb: float = 4.0
    deadline: timedelta = timedelta(seconds=2)
    missing: Literal["null", "error"] = Field("null", description="What an entity without online features gets.")
    api_keys: tuple[str, ...] = Field((), description="SHA-256 digests of accepted keys; needed beyond loopback.")


class Monitoring(Section):
    """What is watched, and the limits of the playbook (DR-2)."""

    psi_warning: float = 0.1
    psi_retrain: float = 0.2
    psi_critical: float = 0.25
    top_features: int = 10
    minimum_rows: int = 500
    performance_drop: float = 0.05
    windows: tuple[timedelta, ...] = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))


class Retraining(Section):
    """When a new version is trained without being asked."""

    months: int | None = Field(12, description="Train on the last N months; null: all.")
    cooldown: timedelta = timedelta(days=1)
    tune: bool = Field(False, description="Search again, instead of using production's hyperparameters.")


class Stores(Section):
    """Where state lives; each moves to a server by URL."""

    ledger: str | None = Field(None, description="sqlite path or postgresql:// URL; default .assay/ledger.db")
    artifacts: str | None = Field(None, description="Folder or s3://bucket/prefix; default .assay/artifacts")
    tables: str | None = Field(None, description="Folder or s3://bucket/prefix; default .assay/tables")
    online: str | None = Field(None, description="sqlite path; default .assay/online.db")


class Settings(Section):
    """The whole of assay.yaml; only name, brief, sources and target are required."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    version: str = "1"
    owner: str = ""
    brief: Brief
    sources: dict[str, Source]
    target: Target
    features: str = Field("definitions.py", description="Python file with the feature views, relative to assay.yaml.")
    rules: str = Field("rules.py", description="Python file with rule baselines.")
    split: Split = Split()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    gates: Gates = Gates()
    serving: Serving = Serving()
    monitoring: Monitoring = Monitoring()
    retraining: Retraining = Retraining()
    stores: Stores = Stores()
