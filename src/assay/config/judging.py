"""Judging as assay.yaml sets it: which figures decide, how the model must behave, and the limits of the gates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from assay.config.section import NotNegative, Positive, Reference, Scalar, Section, Severity, text_or_mapping


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
    Annotated[Reference, Tag("text")] | Annotated[Behaviour, Tag("mapping")], Discriminator(text_or_mapping)
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
