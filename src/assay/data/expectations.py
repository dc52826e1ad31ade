"""Expectations: does a source hold what was declared of it? Every broken rule with its count and a few rows.

Which rules there are is told in `rules`; pandera runs those on values, and `truth` those that hold two sources against
each other. What it means for the quality score is `quality`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from assay.config.durations import spoken_duration
from assay.config.settings import Source
from assay.data.addressed import first_line
from assay.data.event_time import KNOWN_AT
from assay.data.failures import EXAMPLE_ROWS, ROW_NUMBER, Examples, Failure, shown
from assay.data.rules import Distinct, Rule, rules_of
from assay.data.truth import reconcile
from assay.errors import ConfigError, DataError
from assay.ledger.evidence import Evidence, Verdict

SHOWN_FAILURES = 3
LATE_AFTER = 2  # refreshes without a new row
ROWS_AT_ONCE = 500_000  # that pandera looks at together
KEYS_AT_ONCE = 4_000_000  # that are held in memory to find those that occur twice

Broken = tuple[int, Examples]  # how many rows, and the first of them


def check(
    name: str,
    frame: pl.LazyFrame,
    source: Source,
    *,
    now: datetime | None = None,
    truth: pl.LazyFrame | None = None,
    subject: str = "",
) -> Evidence:
    """Hold a frame against everything that was declared of its source; memory does not grow with its rows.

    Beside the declared expectations two things follow from the declaration itself: keys are whole and name one row,
    and every time can be read. A missing value breaks no rule but `nullable: false`.

    Args:
        name: Of the source.
        frame: As `sources.read` or `snapshots.load` gives it.
        source: The declaration.
        now: Where given, the age of the newest row is judged as `freshness` and `refresh` declare it.
        truth: Rows of the source that `source.truth` names; None leaves the two unreconciled.
        subject: Of the evidence; the source by default.

    Returns:
        Evidence `data.expectations`: `fail` where a rule of severity error is broken, `warn` where only warnings are,
        `info` where nothing was declared. Figures: rows, rules, and the failures with the fields of `Failure`.

    Raises:
        ConfigError: A rule is not SQL, or does not fit its column.
        DataError: The rows cannot be read to their end.
    """
    n_rows = row_count(frame)
    rules = rules_of(name, frame, source)
    failures = failures_of(name, frame, rules, source)
    n_rules = len(rules)
    limit = oldest_allowed(source)
    if now is not None and limit is not None and KNOWN_AT in frame.collect_schema():
        failures += _staleness(name, frame, source, limit, now, n_rows)
        n_rules += 1
    if source.truth is not None and truth is not None:
        found = reconcile(name, frame, truth, source.truth)
        failures += found.failures
        n_rules += found.n_rules
    return _evidence(name, n_rows, n_rules, failures, subject or f"source:{name}")


def refusals(checked: Evidence) -> list[str]:
    """The broken rules of a `data.expectations` record for which a run stops: declared, and of severity error.

    What follows from keys and times alone is not among them: such rows cost points of quality, and the checks on
    duplicates refuse them where they do harm.
    """
    return [
        told(one)
        for one in checked.figures["failures"]
        if one["severity"] == "error" and one["about"] not in ("key", "time")
    ]


def told(failure: Mapping[str, Any]) -> str:
    """A failure as figures hold it, in words: column, rule, count, and the row of the first example."""
    title = f"{failure['column']!r} {failure['rule']}" if failure["column"] else failure["rule"]
    return f"{title}: {failure['count']:,} rows ({failure['share']:.1%}) do not{_first(failure['examples'])}"


def _first(examples: Sequence[Mapping[str, Any]]) -> str:
    if not examples:
        return ""
    values = ", ".join(f"{name} {value!r}" for name, value in examples[0].items() if name != "row")
    return f", first row {examples[0]['row']:,}: {values}" if "row" in examples[0] else f", such as {values}"


def failures_of(name: str, frame: pl.LazyFrame, rules: Sequence[Rule], source: Source) -> list[Failure]:
    """Run every rule and collect those that rows break, in the order of the rules.

    Claims over whole rows are counted in one streaming pass; pandera looks at values, so many rows at a time.

    Raises:
        ConfigError: A check cannot be carried out on its column.
        DataError: The rows cannot be read to their end.
    """
    n_rows = row_count(frame) if rules else 0
    if not n_rows:
        return []
    try:
        found = {
            **_broken_claims(frame, rules, source),
            **_broken_values(frame, rules, source),
            **_repeated_rows(frame, rules, source, n_rows),
        }
    except PolarsError as failure:
        raise DataError(f"source {name!r} cannot be read to its end: {first_line(failure)}") from failure
    return [
        Failure(name, rule.column, rule.name, rule.severity, rule.about, count, count / n_rows, examples)
        for number, rule in enumerate(rules)
        if number in found
        for count, examples in [found[number]]
    ]


def oldest_allowed(source: Source) -> timedelta | None:
    """How old the newest row may be: `freshness.within`, or twice `refresh`; None where neither is declared."""
    if source.freshness.within is not None:
        return source.freshness.within
    return LATE_AFTER * source.refresh if source.refresh else None


def row_count(frame: pl.LazyFrame) -> int:
    """How many rows a frame has."""
    return int(frame.select(pl.len()).collect(engine="streaming").item())


def _broken_claims(frame: pl.LazyFrame, rules: Sequence[Rule], source: Source) -> dict[int, Broken]:
    """Count and examples of each broken claim that is an expression, by the number of its rule."""
    claims = {number: rule.claim for number, rule in enumerate(rules) if isinstance(rule.claim, pl.Expr)}
    if not claims:
        return {}
    breaks = {number: ~claim.fill_null(value=True) for number, claim in claims.items()}
    counted = frame.select(one.sum().alias(str(number)) for number, one in breaks.items())
    counts = counted.collect(engine="streaming").row(0)
    return {
        number: (count, _examples(frame, breaks[number], _columns(rules[number], source)))
        for number, count in zip(breaks, counts, strict=True)
        if count
    }


def _broken_values(frame: pl.LazyFrame, rules: Sequence[Rule], source: Source) -> dict[int, Broken]:
    """Count and examples of each broken claim that is a pandera check, by the number of its rule."""
    from pandera.errors import SchemaErrors

    readings = {one.reading.name: one.reading.values for one in rules if one.reading}
    if not readings:
        return {}
    schema, found, before = _schema(rules), dict[int, Broken](), 0
    shown = dict.fromkeys(column for rule in rules if rule.reading for column in _columns(rule, source))
    values = frame.select(*shown, *(one.alias(column) for column, one in readings.items()))
    for rows in values.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True, engine="streaming"):
        try:
            schema.validate(rows, lazy=True)
        except SchemaErrors as broken:
            for error in broken.schema_errors:
                _add(found, rules, error, rows, before, source)
        before += rows.height
    return found


def _repeated_rows(frame: pl.LazyFrame, rules: Sequence[Rule], source: Source, n_rows: int) -> dict[int, Broken]:
    """Count and examples of rows that are not distinct where they must be, by the number of the rule."""
    found = {}
    for number, rule in enumerate(rules):
        if isinstance(rule.claim, Distinct):
            keys = pl.col(rule.claim.columns)
            groups = _repeated_keys(frame.select(keys).drop_nulls(), rule.claim.columns, n_rows)
            if groups.height:
                first = groups.sort("first").head(EXAMPLE_ROWS)  # the first broken rows are among these
                is_one = frame.with_row_index(ROW_NUMBER, offset=1).join(
                    first.lazy().select(keys), on=rule.claim.columns, how="semi", maintain_order="left"
                )
                found[number] = (int(groups["rows"].sum()), _picked(is_one, _columns(rule, source)))
    return found


def _repeated_keys(keys: pl.LazyFrame, columns: Sequence[str], n_rows: int) -> pl.DataFrame:
    """Keys that several rows have: `rows`, how many, and `first`, where the first of them stands.

    Looks at a part of all keys at a time, told apart by their hash, so that memory does not grow with the rows.
    """
    n_parts = n_rows // KEYS_AT_ONCE + 1
    part = pl.struct(columns).hash() % n_parts
    numbered = keys.with_row_index("first")
    return pl.concat(
        numbered.filter(part == number)
        .group_by(columns)
        .agg(rows=pl.len(), first=pl.col("first").min())
        .filter(pl.col("rows") > 1)
        .collect(engine="streaming")
        for number in range(n_parts)
    )


def _schema(rules: Sequence[Rule]) -> Any:
    """The value checks as a pandera schema; each check is named by its rule's number."""
    from pandera.polars import Check, Column, DataFrameSchema

    columns: dict[str, list[Any]] = {}
    for number, rule in enumerate(rules):
        if rule.reading and isinstance(rule.claim, Check):
            rule.claim.name, rule.claim.n_failure_cases = str(number), EXAMPLE_ROWS
            columns.setdefault(rule.reading.name, []).append(rule.claim)
    return DataFrameSchema({name: Column(checks=checks, nullable=True) for name, checks in columns.items()})


def _add(
    found: dict[int, Broken], rules: Sequence[Rule], error: Any, rows: pl.DataFrame, before: int, source: Source
) -> None:
    """Add what pandera found in one batch of rows, which begins after `before` others."""
    rule = rules[int(error.check.name)]
    if error.check_output is None:
        raise ConfigError(f"{rule.field}: {rule.title} cannot be checked: {first_line(error)}")
    breaks = ~error.check_output.lazy().collect().to_series()
    count, examples = found.get(int(error.check.name), (0, ()))
    if len(examples) < EXAMPLE_ROWS:
        more = _examples(rows.lazy(), breaks, _columns(rule, source), before=before)
        examples = (*examples, *more)[:EXAMPLE_ROWS]
    found[int(error.check.name)] = (count + int(breaks.sum()), examples)


def _columns(rule: Rule, source: Source) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*source.key, *rule.shown)))


def _examples(frame: pl.LazyFrame, breaks: pl.Expr | pl.Series, columns: Sequence[str], *, before: int = 0) -> Examples:
    """The first few broken rows: never more of a value than a person needs to recognise it."""
    return _picked(frame.with_row_index(ROW_NUMBER, offset=before + 1).filter(breaks), columns)


def _picked(numbered: pl.LazyFrame, columns: Sequence[str]) -> Examples:
    picked = numbered.select(ROW_NUMBER, *columns).head(EXAMPLE_ROWS).collect(engine="streaming")
    return tuple(
        {"row": row[ROW_NUMBER], **{column: shown(row[column]) for column in columns if column != "row"}}
        for row in picked.iter_rows(named=True)
    )


def _staleness(
    name: str, frame: pl.LazyFrame, source: Source, limit: timedelta, now: datetime, n_rows: int
) -> list[Failure]:
    newest = frame.select(pl.col(KNOWN_AT).max()).collect(engine="streaming").item()
    if isinstance(newest, datetime) and now - newest <= limit:
        return []
    if source.freshness.within is None and source.refresh is not None:
        late = f"more than {LATE_AFTER} refreshes of {spoken_duration(source.refresh)} ago"
    else:
        late = f"more than {spoken_duration(limit)} ago"
    if not isinstance(newest, datetime):
        rule = "no row has a time that can be read; freshness"
    else:
        rule = f"the newest row is of {newest:%Y-%m-%d %H:%M}, {late}; freshness"
    return [Failure(name, None, rule, source.freshness.severity, "freshness", n_rows, 1.0)]


def _evidence(name: str, n_rows: int, n_rules: int, failures: Sequence[Failure], subject: str) -> Evidence:
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
    return Evidence("data.expectations", subject, verdict, summary, figures)
