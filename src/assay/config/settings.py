"""assay.yaml as typed models: every key, its default and what it means.

Reading the file, expanding variables and naming lines in errors is `loading.py`; what must hold between keys is
`checks.py`; the JSON Schema is `schema.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from assay.config.durations import Duration

Severity = Literal["error", "warning"]
EngineName = Literal["local", "ray", "spark"]
Signal = Literal[
    "explainable_in_ten_rules", "too_complex_for_people", "over_thousand_labels",
    "must_adapt", "must_be_auditable", "outpaces_rules",
]  # fmt: skip

Collected = Literal[
    "user_input", "system_log", "internal_database", "sensor", "survey", "public_record", "purchased", "simulation",
]  # fmt: skip

REFERENCE_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"
DIGEST_PATTERN = r"^[0-9a-f]{64}$"
SOURCE_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _reference(text: str) -> str:
    if not re.fullmatch(REFERENCE_PATTERN, text):
        raise ValueError("write `module:function`, such as `rows:label_rows` for label_rows in rows.py")
    return text


def _digest(text: str) -> str:
    if not re.fullmatch(DIGEST_PATTERN, text):
        raise ValueError("give the SHA-256 digest of the key, 64 hexadecimal digits: printf %s KEY | sha256sum")
    return text


def _moment(text: str) -> str:
    try:
        moment_of(text)
    except ValueError:
        raise ValueError("write a date such as 2011-07-01, or a time such as 2011-07-01T12:00:00Z") from None
    return text


def moment_of(text: str) -> datetime:
    """Read an ISO 8601 date or time; without a zone it is UTC.

    Raises:
        ValueError: It is neither.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


def _scalar(value: Any) -> Any:
    """One plain value; numbers lose the memory of how they were written."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise ValueError("give one value: text, a number, true or false")


def _text_or_mapping(value: Any) -> str:
    return "text" if isinstance(value, str) else "mapping"


Reference = Annotated[str, AfterValidator(_reference), WithJsonSchema({"type": "string", "pattern": REFERENCE_PATTERN})]
Digest = Annotated[str, AfterValidator(_digest), WithJsonSchema({"type": "string", "pattern": DIGEST_PATTERN})]
Moment = Annotated[str, AfterValidator(_moment)]
Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of assay.yaml: unknown keys are errors, values are frozen and numbers finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True, hide_input_in_errors=True
    )


class KillCriterion(Section):
    """A project's own reason to give up, as an expression over evidence figures."""

    name: str = Field(description="What the criterion is called in evidence.")
    when: str = Field(description="Expression such as `evaluation.brier.value > 0.25`; true ends the run.")


class BusinessValue(Section):
    """What predictions are worth, so that models are compared in money."""

    true_positive: float = Field(0.0, description="Value of acting on a case that was positive, per prediction.")
    false_positive: float = Field(0.0, description="Value of acting on a case that was not; a cost is negative.")
    true_negative: float = Field(0.0, description="Value of leaving alone a case that was not positive.")
    false_negative: float = Field(0.0, description="Value of leaving alone a case that was; a cost is negative.")
    unit: str = Field("EUR", description="Unit of the values, for reports.")
    function: Reference | None = Field(
        None, description="`module:function` taking (scores, labels) and giving a value a row, instead of the four."
    )


Criterion = Annotated[
    Annotated[str, Tag("text")] | Annotated[KillCriterion, Tag("mapping")], Discriminator(_text_or_mapping)
]


class Brief(Section):
    """The problem brief (FR-1); what is left empty is reported field by field before anything trains."""

    business_objective: str = Field("", description="What the business wants to be better, in a sentence.")
    success_metric: str = Field("", description="How success is measured; quantified: it names a number.")
    baseline: str = Field("", description="What is done today; `rules:name` names a Python rule in the project.")
    ml_task_type: Literal[
        "classification", "regression", "ranking", "generation", "clustering",
        "anomaly_detection", "recommendation", "forecasting", "",
    ] = Field("", description="Kind of problem.")  # fmt: skip
    prediction_target: str = Field("", description="What exactly is predicted, and for when.")
    prediction_consumer: Literal["api", "dashboard", "email", "automated_action", ""] = Field(
        "", description="Who or what reads the predictions."
    )
    latency_requirement: Literal["realtime", "near_realtime", "batch", ""] = Field(
        "", description="realtime: under 100 ms; near_realtime: under 1 s; batch: no limit a request."
    )
    data_available: str = Field("", description="Which data there is, since when, how much.")
    data_gaps: str = Field("", description="Which data is missing or poor; `none known` is an answer.")
    ethical_considerations: str = Field("", description="Who could be harmed and how; `none known` is an answer.")
    kill_criteria: tuple[Criterion, ...] = Field(
        (), description="Further reasons to give up, beside the three built in: expressions over evidence."
    )
    business_value: BusinessValue | None = Field(None, description="What right and wrong predictions are worth.")
    signals: dict[Signal, bool] = Field(
        default_factory=dict,
        description="Answers to the rules-or-ML questions (FR-3): explainable_in_ten_rules, too_complex_for_people, "
        "over_thousand_labels, must_adapt, must_be_auditable, outpaces_rules.",
    )


class Expectation(Section):
    """One declared rule over a source (DQ-3)."""

    column: str | None = Field(None, description="Column that the rule is about.")
    type: Literal["integer", "number", "text", "boolean", "datetime", "date"] | None = Field(
        None, description="Kind of value that the column holds."
    )
    nullable: bool | None = Field(None, description="false: no value may be missing.")
    unique: bool | None = Field(None, description="true: no value may occur twice.")
    minimum: float | None = Field(None, description="Least value allowed.")
    maximum: float | None = Field(None, description="Greatest value allowed.")
    allowed: tuple[Scalar, ...] | None = Field(None, description="The only values allowed.")
    pattern: str | None = Field(None, description="Regular expression that text must match.")
    rule: str | None = Field(None, description="A Polars SQL expression over the row's columns that must hold.")
    severity: Severity = Field("error", description="error: the run stops; warning: it is recorded.")


class Freshness(Section):
    """How old the newest row of a source may be (DQ-3)."""

    within: Duration | None = Field(
        None, description="Oldest that the newest known row may be; default twice `refresh`, where that is declared."
    )
    severity: Severity = Field("warning", description="error: the run stops; warning: it is recorded.")


class Truth(Section):
    """Another source that says what some columns of this one must hold (DQ-1)."""

    source: str = Field(description="Name of the source that is right where the two differ.")
    key: tuple[str, ...] = Field(min_length=1, description="Columns of this source that name a row in both.")
    columns: dict[str, str] = Field(
        min_length=1, description="Column of this source to its name over there; a column of `key` may be among them."
    )
    tolerance: NotNegative = Field(0.0, description="Largest difference of two numbers that still agree.")
    severity: Severity = Field("error", description="error: the run stops; warning: it is recorded.")


class Stream(Section):
    """Events that are further rows of a source, as they arrive on the bus."""

    id: str = Field("event_id", description="Field of an event that names it; the same name twice counts once.")
    max_event_kb: Positive = Field(64.0, description="Largest event; larger ones go to the dead letters.")
    max_ahead: Duration = Field(
        timedelta(minutes=5), description="How far in the future an event's time may lie; clocks differ."
    )


class Source(Section):
    """Where rows come from, and when each row became known."""

    path: str | None = Field(
        None,
        description="File or glob, relative to assay.yaml, or s3://: .csv .tsv .parquet .jsonl .ndjson .xlsx",
    )
    format: Literal["csv", "parquet", "jsonl", "excel", "sql"] | None = Field(
        None, description="Default: by the file's ending."
    )
    sheet: str | None = Field(None, description="Sheet of an Excel file; default its first.")
    url: str | None = Field(None, description="Database URL for `format: sql`.", repr=False)
    query: str | None = Field(None, description="Query for `format: sql`.")
    key: tuple[str, ...] = Field((), description="Columns that name a row.")
    time: str | None = Field(None, description="Column with the time of the event.")
    time_format: str | None = Field(None, description="strptime format where the time column is text.")
    delay: Duration = Field(timedelta(0), description="How long after the event its row is known.")
    known_before: tuple[str, ...] = Field((), description="Columns already known before the event (a schedule).")
    null_values: tuple[str, ...] = Field((), description="Texts that mean a missing value, beside the empty one.")
    refresh: Duration | None = Field(None, description="How often new rows are expected; judged by timeliness.")
    freshness: Freshness = Field(Freshness(), description="How old the newest row may be.")
    truth: Truth | None = Field(None, description="Another source to reconcile with; judged by accuracy.")
    columns: dict[str, str] = Field(default_factory=dict, description="Meaning of columns, for reports.")
    origin: str = Field("", description="Provenance: first-, second- or third-party, and from whom.")
    collected: Collected | None = Field(None, description="What produced the rows.")
    protected: tuple[str, ...] = Field(
        (), description="Columns that nobody may be judged by; the data report looks for columns that give them away."
    )
    expectations: tuple[Expectation, ...] = Field((), description="Rules that the rows must meet.")
    stream: Stream = Field(Stream(), description="How its events are read where a view streams.")


class EntityRole(Section):
    """The part an entity plays in a row to be predicted."""

    entity: str = Field(description="Entity as the feature views name it.")
    column: str = Field(description="Column of the rows that holds the entity's key.")


Role = Annotated[Annotated[str, Tag("text")] | Annotated[EntityRole, Tag("mapping")], Discriminator(_text_or_mapping)]


class Target(Section):
    """What is predicted, for which rows, and what is known when."""

    source: str = Field(description="Source that the rows to predict come from.")
    label: str = Field(description="Column with the truth.")
    key: str = Field(description="Column that names a row to predict.")
    time: str | None = Field(None, description="Column with the prediction time; omit where data has no time.")
    rows: Reference | None = Field(
        None, description="`module:function` from the source's frame to the rows to predict."
    )
    entities: dict[str, Role] = Field(
        default_factory=dict, description="Role to entity column; a role named as its entity adds no prefix."
    )
    inputs: tuple[str, ...] = Field((), description="Columns given with the request, known at prediction time.")
    context: tuple[str, ...] = Field(
        (), description="Columns that a rule or a slice reads beside the row, never a model's input."
    )
    label_delay: Duration = Field(timedelta(0), description="How long after the prediction its label is known.")
    positive: Scalar = Field(None, description="The value of the label that counts as 1.")
    group: str | None = Field(None, description="Column whose values stay on one side of a split.")

    @property
    def entity_columns(self) -> list[str]:
        """Columns with entity keys, one a role, in the order of the roles."""
        return [role if isinstance(role, str) else role.column for role in self.entities.values()]


class Split(Section):
    """How rows are cut into train, validation and the sealed holdout."""

    by: Literal["time", "random", "group"] | None = Field(None, description="Default: time where the target has one.")
    train_until: Moment | None = Field(None, description="First moment that is no longer training data (time split).")
    validation_until: Moment | None = Field(None, description="First moment of the holdout (time split).")
    validation: Share = Field(0.15, description="Share of rows for validation, where no moments are given.")
    holdout: Share = Field(0.15, description="Share of rows sealed for the last examination.")
    seed: int = Field(0, ge=0, description="Seed of a random or group split.")
    stratify: bool = Field(
        False, description="true: a random split in which every part has each class of the label in equal shares."
    )


TransformName = Literal[
    "log", "standardise", "robust", "bin", "one_hot", "target_encoding", "embedding", "tfidf", "sentences", "native",
    "auto",
]  # fmt: skip


class TransformRule(Section):
    """What is fitted on some of the model's inputs before it learns (FE-1, FE-2, FE-4)."""

    columns: tuple[str, ...] = Field(
        ("*",), description="Inputs by name or by pattern, such as customer_*; each takes the first rule that fits."
    )
    kind: Literal["number", "flag", "category"] | None = Field(
        None, description="Take only inputs of this kind; text counts as category."
    )
    apply: Annotated[tuple[TransformName, ...], Field(min_length=1)] = Field(
        description="One after the other: log, standardise, robust, bin for numbers; one_hot, target_encoding, "
        "embedding or native for categories; tfidf or sentences for text; auto chooses by what the column holds."
    )
    keep: bool = Field(False, description="true: the input as it is stays beside what is made of it.")
    bins: Annotated[int, Field(ge=2, le=100)] = Field(5, description="Bins of `bin`, of about as many rows each.")
    categories: Annotated[int, Field(ge=1, le=255)] = Field(
        20, description="Most categories that one_hot gives a column of their own; the others share one."
    )
    smoothing: NotNegative = Field(
        10.0, description="Rows that the mean of all weighs as in target_encoding, and zero in embedding."
    )
    folds: Annotated[int, Field(ge=2, le=50)] = Field(
        5, description="Folds of the training rows; none is encoded by labels of its own fold."
    )
    dimensions: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        None, description="Numbers that embedding (default 4), tfidf and sentences (default all) give a row."
    )
    vocabulary: Annotated[int, Field(ge=1, le=100_000)] = Field(200, description="Commonest words that tfidf knows.")
    model: str | None = Field(
        None, description="Folder with model.onnx and tokenizer.json for sentences, relative to assay.yaml."
    )


class AcceptedColumn(Section):
    """A column that somebody vouches for, though it looks too good to be true."""

    column: str = Field(description="Feature, as the check names it.")
    reason: Annotated[str, Field(min_length=10)] = Field(
        description="Why it is known before the prediction, and who says so; kept with the finding."
    )


class Leakage(Section):
    """What the leakage checks that judge by a score are told."""

    accept: tuple[AcceptedColumn, ...] = Field(
        (), description="Columns whose findings are warnings, with the reason; no other check is softened."
    )

    @property
    def accepted(self) -> dict[str, str]:
        """Reason by column."""
        return {one.column: one.reason for one in self.accept}


class Interactions(Section):
    """Columns of numbers taken together (FE-5), as candidates that `selection` chooses from."""

    columns: tuple[str, ...] = Field(
        ("*",), description="Columns of numbers, after the transforms, by name or pattern."
    )
    kinds: Annotated[tuple[Literal["ratio", "difference", "product", "polynomial"], ...], Field(min_length=1)] = Field(
        ("ratio", "difference", "product", "polynomial"), description="What is made of them; polynomial: powers."
    )
    depth: Annotated[int, Field(ge=2, le=3)] = Field(2, description="Most factors of a product or power.")


class Selection(Section):
    """The columns that say most of the label, by mutual information on the training rows (FE-7)."""

    maximum: Annotated[int, Field(ge=1, le=1_000)] = Field(50, description="Most columns that are kept.")


class Training(Section):
    """Which estimators are tried, and how long."""

    transforms: tuple[TransformRule, ...] = Field(
        (), description="What is fitted on the inputs first; default nothing: numbers as they are, categories as codes."
    )
    interactions: Interactions | None = Field(None, description="Columns taken together; default none.")
    selection: Selection | None = Field(
        None, description="Keep the columns that say most; default all, and with interactions the best 50."
    )

    estimators: tuple[str, ...] = Field(("logistic", "lightgbm"), description="Estimators to try.")
    trials: Annotated[int, Field(ge=0, le=10_000)] = Field(20, description="Trials of the search; 0: defaults only.")
    seed: int = Field(0, ge=0, description="Seed of search and fits.")
    months: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Train on the last N months only; default all."
    )
    timeout: Duration | None = Field(None, description="Stop the search after this long; default never.")
    hypothesis: str = Field("", description="What the experiment is to show; kept with its record.")


class Behaviour(Section):
    """One behavioural test (BT-1 to BT-3): what a change of its input may do to a prediction."""

    name: Annotated[str, Field(min_length=1, max_length=120)] = Field(
        description="What must hold, in words; names the test in reports and in JUnit XML."
    )
    kind: Literal["invariance", "directional", "minimum_functionality", "perturbation"] = Field(
        description="invariance: the prediction must not move; directional: it must move as `expect` says; "
        "minimum_functionality: it must lie where `at_least`, `at_most` or `decision` say; perturbation: it stays "
        "finite and moves by at most `tolerance`."
    )
    columns: tuple[str, ...] = Field(
        (), description="Columns to change, by name, or model inputs by pattern such as customer_*."
    )
    set: dict[str, Scalar] = Field(
        default_factory=dict, description="Change: these columns to these values, together, in every row."
    )
    values: tuple[Scalar, ...] = Field((), description="Change: each of `columns` to each of these values, in turn.")
    others: bool = Field(False, description="Change: true gives each row the values of another row.")
    swap: dict[str, str] = Field(default_factory=dict, description="Change: exchange two columns, for each pair.")
    add: float | None = Field(None, description="Change: add this; to a column of times, days.")
    multiply: float | None = Field(None, description="Change: multiply by this.")
    noise: Positive | None = Field(
        None, description="Change: add normal noise of this many standard deviations of the column."
    )
    missing: bool = Field(False, description="Change: true takes the value away.")
    unseen: bool = Field(False, description="Change: true puts a category there that nobody has seen.")
    function: Reference | None = Field(
        None, description="Change: `module:function` taking rows and giving them changed, as for a change of unit."
    )
    where: str | None = Field(None, description="Only rows for which this SQL expression over their columns holds.")
    expect: Literal["higher", "lower", "not_lower", "not_higher"] | None = Field(
        None, description="Direction of a directional test; `higher` and `lower` demand that it moves."
    )
    tolerance: NotNegative = Field(
        0.0, description="Most that a prediction may move, or move the wrong way; in the unit of the prediction."
    )
    at_least: float | None = Field(None, description="Least prediction of a minimum functionality test.")
    at_most: float | None = Field(None, description="Largest prediction of a minimum functionality test.")
    decision: Literal["positive", "negative"] | None = Field(
        None, description="What a minimum functionality test is decided as, at the model's own threshold."
    )
    max_failure_rate: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of the tested rows that may fail."
    )
    rows: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1_000, description="Most rows of the evaluation that are tried, drawn with the seed of training."
    )
    severity: Severity = Field("error", description="error: the staging gate refuses; warning: it is recorded.")


BehaviourChoice = Annotated[
    Annotated[Reference, Tag("text")] | Annotated[Behaviour, Tag("mapping")], Discriminator(_text_or_mapping)
]


class Evaluation(Section):
    """Which figures decide."""

    primary: str | None = Field(None, description="Metric that decides. Default by task: log_loss or mae.")
    secondary: tuple[str, ...] = Field((), description="Further metrics to report.")
    slices: tuple[str, ...] = Field((), description="Columns whose values are judged apart.")
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = Field(1_000, description="Resamples for intervals.")
    calibrate: Literal["none", "isotonic", "platt", "auto"] = Field(
        "auto", description="Calibration of probabilities; auto keeps what helps on validation."
    )
    max_calibration_error: Positive = Field(0.05, description="Limit of the expected calibration error at the gate.")
    behaviour: tuple[BehaviourChoice, ...] = Field(
        (), description="Behavioural tests, declared here, or `module:name` of one written in Python."
    )


class Gates(Section):
    """Limits of the quality gate and of the two release gates."""

    quality_minimum: Annotated[float, Field(ge=0, le=30)] = Field(
        18.0, description="Least data quality score, of 30, that may train."
    )
    approval: Literal["person", "minor", "automatic"] = Field(
        "minor", description="Who lets a version into production: always a person; automation for minor; automation."
    )
    max_size_mb: Positive = Field(500.0, description="Largest model.")
    max_latency_p99_ms: Positive = Field(100.0, description="Slowest 99th percentile of a single prediction.")
    golden: str | None = Field(None, description="Parquet or CSV with inputs and an `expected` column.")
    golden_tolerance: NotNegative = Field(1e-3, description="Largest difference from `expected`.")
    max_worst_slice_gap: NotNegative | None = Field(
        None, description="Largest gap of the primary metric between a slice and the whole; default not judged."
    )
    staging: tuple[str, ...] = Field((), description="Further conditions, as expressions over evidence.")
    production: tuple[str, ...] = Field((), description="Further conditions, as expressions over evidence.")


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
    Annotated[EngineName, Tag("text")] | Annotated[Engine, Tag("mapping")], Discriminator(_text_or_mapping)
]


class Settings(Section):
    """The whole of assay.yaml; only name, brief, sources and target are required."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)] = Field(
        description="Name of the project and of its model: lower case words joined by hyphens."
    )
    version: str = Field("1", description="Version of this project's declaration.")
    owner: str = Field("", description="Who answers for it.")
    brief: Brief = Field(description="Why there is to be a model at all.")
    sources: dict[Annotated[str, Field(pattern=SOURCE_NAME_PATTERN)], Source] = Field(
        min_length=1, description="Where rows come from, by name."
    )
    target: Target = Field(description="What is predicted.")
    features: str = Field("definitions.py", description="Python file with the feature views, relative to assay.yaml.")
    rules: str = Field("rules.py", description="Python file with rule baselines.")
    split: Split = Field(Split(), description="How rows are cut.")
    leakage: Leakage = Field(Leakage(), description="What leakage checks are told.")
    training: Training = Field(Training(), description="What is tried.")
    evaluation: Evaluation = Field(Evaluation(), description="What decides.")
    gates: Gates = Field(Gates(), description="What a version must show.")
    serving: Serving = Field(Serving(), description="How predictions are served.")
    monitoring: Monitoring = Field(Monitoring(), description="What is watched.")
    retraining: Retraining = Field(Retraining(), description="When training repeats itself.")
    card: Card = Field(Card(), description="What its model card says beyond the evidence.")
    technical_file: dict[AnnexPoint, str] = Field(
        default_factory=dict,
        description="What a person says on points of the technical file of the EU AI Act, by number: 2e, 3-risks, 9; "
        "`assay card --format annex-iv` lists what is still to be written.",
    )
    stores: Stores = Field(Stores(), description="Where state lives.")
    engine: EngineChoice = Field("local", description="Where heavy work runs: local, ray, spark, or the keys below.")

    @property
    def engine_options(self) -> Engine:
        """The engine with its defaults, however briefly it was declared."""
        return Engine(name=self.engine) if isinstance(self.engine, str) else self.engine
