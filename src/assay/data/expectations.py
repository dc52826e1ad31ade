"""Expectations: does a source hold what was declared of it? Every broken rule with its count and a few rows.

Which rules there are is told in `rules`; pandera runs them. What it means for the quality score is `quality`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from assay.config.durations import spoken_duration
from assay.config.settings import Severity, Source
from assay.data.addressed import first_line
from assay.data.event_time import EVENT_TIME, KNOWN_AT
from assay.data.rules import Rule, rules_of
from assay.errors import ConfigError
from assay.ledger.evidence import Evidence, Verdict

EXAMPLE_ROWS = 5
SHOWN_CHARACTERS = 80  # of one value in an example: a record is no place to leak a document into
SHOWN_FAILURES = 3
LATE_AFTER = 2  # refreshes without a new row


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that rows break.

    Attributes:
        source: Name of the source.
        column: What the rule is about; None for a rule across columns.
        rule: The rule in words.
        severity: As declared.
        about: `key`, `time`, `declared` or `freshness`.
        count: Rows that break it.
        share: The same as a share of all rows.
        examples: Up to five of them: row number from 1, key, and the values concerned, cut to 80 characters.
    """

    source: str
    column: str | None
    rule: str
    severity: Severity
    about: str
    count: int
    share: float
    examples: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        title = f"{self.column!r} {self.rule}" if self.column else self.rule
        return f"{title}: {self.count:,} rows ({self.share:.1%}) do not"


def check(name: str, frame: pl.LazyFrame, source: Source, *, now: datetime | None = None) -> Evidence:
    """Hold a frame against everything that was declared of its source.

    Beside the declared expectations two things follow from the declaration itself: keys are whole and name one row,
    and every time can be read. A missing value breaks no rule but `nullable: false`.

    Args:
        name: Of the source.
        frame: As `sources.read` or `snapshots.load` gives it.
        source: The declaration.
        now: Where given and the source has a `refresh`, a newest row older than two refreshes is a warning.

    Returns:
        Evidence `data.expectations`: `fail` where a rule of severity error is broken, `warn` where only warnings are,
        `info` where nothing was declared. Figures: rows, rules, and the failures with the fields of `Failure`.

    Raises:
        ConfigError: A rule is not SQL, or does not fit its column.
    """
    rows = frame.collect()
    rules = rules_of(name, rows, source)
    failures = failures_of(name, rows, rules, source)
    is_dated = now is not None and source.refresh is not None and EVENT_TIME in rows.columns
    if is_dated:
        failures += _staleness(name, rows, source.refresh, now)
    return _evidence(name, rows.height, len(rules) + is_dated, failures)


def failures_of(name: str, rows: pl.DataFrame, rules: Sequence[Rule], source: Source) -> list[Failure]:
    """Run every rule at once and collect those that rows break, in the order of the rules.

    Raises:
        ConfigError: A check cannot be carried out on its column.
    """
    from pandera.errors import SchemaErrors

    if not rules or rows.is_empty():
        return []
    readings = {one.reading.name: one.reading.values for one in rules if one.reading}
    prepared = rows.with_columns(values.alias(column) for column, values in readings.items())
    try:
        _schema(rules).validate(prepared, lazy=True)
    except SchemaErrors as found:
        broken = {int(error.check.name): error for error in found.schema_errors}
        return [_failure(name, rows, rules[number], broken[number], source) for number in sorted(broken)]
    return []


def _schema(rules: Sequence[Rule]) -> Any:
    """The rules as a pandera schema; each check is named by its rule's number."""
    from pandera.polars import Check, Column, DataFrameSchema

    columns: dict[str, list[Any]] = {}
    across = []
    for number, rule in enumerate(rules):
        if isinstance(rule.claim, pl.Expr):
            across.append(Check(_claim(rule.claim), name=str(number), n_failure_cases=EXAMPLE_ROWS))
        elif rule.reading:
            rule.claim.name, rule.claim.n_failure_cases = str(number), EXAMPLE_ROWS
            columns.setdefault(rule.reading.name, []).append(rule.claim)
    return DataFrameSchema({name: Column(checks=checks, nullable=True) for name, checks in columns.items()}, across)


def _claim(holds: pl.Expr) -> Any:
    return lambda data: data.lazyframe.select(holds.fill_null(value=True).alias("holds"))


def _failure(name: str, rows: pl.DataFrame, rule: Rule, error: Any, source: Source) -> Failure:
    if error.check_output is None:
        raise ConfigError(f"{rule.field}: {rule.title} cannot be checked: {first_line(error)}")
    holds = error.check_output.lazy().collect().to_series()
    count = int((~holds).sum())
    return Failure(
        name, rule.column, rule.name, rule.severity, rule.about, count, count / rows.height,
        _examples(rows, ~holds, tuple(dict.fromkeys((*source.key, *rule.shown)))),
    )  # fmt: skip


def _examples(rows: pl.DataFrame, broken: pl.Series, columns: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """The first few broken rows: never more of a value than a person needs to recognise it."""
    picked = rows.with_row_index("row", offset=1).filter(broken).head(EXAMPLE_ROWS)
    return tuple(
        {"row": row["row"], **{column: _shown(row[column]) for column in columns}}
        for row in picked.select("row", *(column for column in columns if column != "row")).iter_rows(named=True)
    )


def _shown(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _staleness(name: str, rows: pl.DataFrame, refresh: timedelta | None, now: datetime | None) -> list[Failure]:
    newest = rows[KNOWN_AT].max()
    if not isinstance(newest, datetime) or now is None or refresh is None or now - newest <= LATE_AFTER * refresh:
        return []
    late = f"more than {LATE_AFTER} refreshes of {spoken_duration(refresh)} ago"
    rule = f"the newest row is of {newest:%Y-%m-%d %H:%M}, {late}; freshness"
    return [Failure(name, None, rule, "warning", "freshness", rows.height, 1.0)]


def _evidence(name: str, n_rows: int, n_rules: int, failures: Sequence[Failure]) -> Evidence:
    verdict: Verdict = "pass" if n_rules else "info"
    if failures:
        verdict = "fail" if any(one.severity == "error" for one in failures) else "warn"
    summary = f"{name}: {n_rules - len(failures)} of {n_rules} rules hold over {n_rows:,} rows"
    if failures:
        worst = sorted(failures, key=lambda one: (one.severity != "error", -one.count))[:SHOWN_FAILURES]
        summary += "; " + "; ".join(str(one) for one in worst)
    if not n_rules:
        summary = (
            f"{name}: no rules are declared for its {n_rows:,} rows; declare some under sources.{name}.expectations"
        )
    figures = {"rows": n_rows, "rules": n_rules, "failures": [asdict(one) for one in failures]}
    return Evidence("data.expectations", f"source:{name}", verdict, summary, figures)
