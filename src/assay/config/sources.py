"""The sources as assay.yaml declares them: where rows come from, when they were known, and what must hold of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from assay.config.durations import Duration
from assay.config.section import NotNegative, Positive, Scalar, Section, Severity

Collected = Literal[
    "user_input", "system_log", "internal_database", "sensor", "survey", "public_record", "purchased", "simulation",
]  # fmt: skip


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
