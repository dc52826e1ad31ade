"""Rules: from the declaration of a source to single claims that each row can be held against.

Running them and telling what broke is `expectations`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from polars.exceptions import PolarsError

from assay.config.nearest import did_you_mean
from assay.config.settings import Expectation, Severity, Source
from assay.data import event_time
from assay.data.addressed import first_line
from assay.errors import ConfigError

if TYPE_CHECKING:
    from pandera.polars import Check

Kind = Literal["integer", "number", "text", "boolean", "datetime", "date"]
SHOWN_VALUES = 8
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, slots=True)
class Reading:
    """A column read as the kind that its rules need, null where it cannot be: what pandera's checks are given.

    Attributes:
        name: Of the prepared column; no source has a column of that name.
        values: How it is made.
    """

    name: str
    values: pl.Expr


@dataclass(frozen=True, slots=True)
class Distinct:
    """The claim that no two rows are equal in some columns, rows that lack one of them aside."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One claim about a source that each row can break; a missing value breaks none but `is not missing`.

    Attributes:
        field: Where it was declared: `sources.games.expectations[0]`.
        column: What it is about; None for a rule across columns.
        name: In words: `is not missing`, `is at least 0`.
        claim: A true-or-false expression over the frame, a pandera check of `reading`, or that rows are distinct.
        shown: Columns that an example of a broken row shows.
        reading: What a pandera check is given; None where the claim is an expression.
        severity: `error` or `warning`.
        about: `key` and `time` for what the declaration itself implies, otherwise `declared`.
    """

    field: str
    column: str | None
    name: str
    claim: pl.Expr | Check | Distinct
    shown: tuple[str, ...]
    reading: Reading | None = None
    severity: Severity = "error"
    about: Literal["key", "time", "declared"] = "declared"

    @property
    def title(self) -> str:
        """The claim as a sentence."""
        return f"{self.column!r} {self.name}" if self.column else self.name


def rules_of(name: str, frame: pl.LazyFrame, source: Source) -> list[Rule]:
    """Every rule that the declaration of source `name` makes about `frame`, in the order it was declared.

    Raises:
        ConfigError: A rule is not SQL, does not fit its column, or names a column that is not there.
    """
    schema = frame.collect_schema()
    found = [*_key_rules(name, source), *_time_rules(name, schema, source)]
    for number, expected in enumerate(source.expectations):
        field = f"sources.{name}.expectations[{number}]"
        if expected.column:
            refuse_unknown(f"{field}.column", [expected.column], schema.names())
            found.extend(_column_rules(field, expected, expected.column, frame, source))
        if expected.rule:
            found.append(_sql_rule(field, expected, expected.rule, schema))
    return found


def _key_rules(name: str, source: Source) -> Iterator[Rule]:
    field = f"sources.{name}.key"
    for column in source.key:
        yield Rule(field, column, "is not missing", pl.col(column).is_not_null(), (column,), about="key")
    if source.key:
        title = f"{' and '.join(map(repr, source.key))} {'together name' if len(source.key) > 1 else 'names'} one row"
        yield Rule(field, None, title, Distinct(source.key), source.key, about="key")


def _time_rules(name: str, schema: pl.Schema, source: Source) -> Iterator[Rule]:
    if source.time and event_time.EVENT_TIME in schema:
        claim = pl.col(event_time.EVENT_TIME).is_not_null()
        title = "is a time that can be read"
        yield Rule(f"sources.{name}.time", source.time, title, claim, (source.time,), about="time")


def _column_rules(
    field: str, expected: Expectation, column: str, frame: pl.LazyFrame, source: Source
) -> Iterator[Rule]:
    """One rule for each thing that is expected of a column."""
    kind = expected.type or implied_kind(expected)
    value = pl.col(column)
    dtype = frame.collect_schema()[column]

    def rule(name: str, claim: pl.Expr | Check | Distinct, reading: Reading | None = None) -> Rule:
        return Rule(field, column, name, claim, (column,), reading, expected.severity)

    if expected.nullable is False:
        yield rule("is not missing", value.is_not_null())
    if expected.unique:
        yield rule("occurs once", Distinct((column,)))
    if kind:
        reading = Reading(f"{field} as {kind}", _read_as(kind, column, dtype, source))
        is_strict = expected.type is not None and kind not in ("datetime", "date")
        yield rule(f"is of type {kind}", _is_read(frame, value, reading.values, kind, is_strict=is_strict))
        for told, check in _value_checks(field, expected, kind):
            yield rule(told, check, reading)


def _value_checks(field: str, expected: Expectation, kind: Kind) -> Iterator[tuple[str, Check]]:
    """What pandera is asked about the values that could be read."""
    from pandera.polars import Check

    if kind not in ("integer", "number") and (expected.minimum is not None or expected.maximum is not None):
        raise ConfigError(f"{field}: minimum and maximum are for numbers, but the type is {kind}. Write a `rule`.")
    if expected.minimum is not None:
        yield f"is at least {expected.minimum:g}", Check.greater_than_or_equal_to(expected.minimum)
    if expected.maximum is not None:
        yield f"is at most {expected.maximum:g}", Check.less_than_or_equal_to(expected.maximum)
    if expected.allowed is not None:
        allowed = as_kind(field, expected.allowed, kind)
        yield f"is one of {shown_values(allowed)}", Check.isin(allowed)
    if expected.pattern is not None:
        if kind != "text":
            raise ConfigError(f"{field}: pattern is for text, but the type is {kind}. Write a `rule`.")
        yield f"matches {expected.pattern}", Check.str_matches(f"^(?:{expected.pattern})$")


def implied_kind(expected: Expectation) -> Kind | None:
    """What a column must be read as for rules that declare no type."""
    if expected.pattern is not None:
        return "text"
    if expected.minimum is not None or expected.maximum is not None:
        return "number"
    if expected.allowed is None:
        return None
    given = [one for one in expected.allowed if one is not None]
    if given and all(isinstance(one, bool) for one in given):
        return "boolean"
    is_number = all(isinstance(one, int | float) and not isinstance(one, bool) for one in given)
    return "number" if given and is_number else "text"


def as_kind(field: str, allowed: Sequence[Any], kind: Kind) -> list[Any]:
    """The allowed values as the reading holds them; a missing value needs no leave."""
    convert: dict[str, Callable[[Any], Any]] = {"text": str, "integer": int, "number": float, "boolean": bool}
    if kind not in convert:
        raise ConfigError(f"{field}: allowed is for text, numbers and booleans, but the type is {kind}.")
    try:
        return [convert[kind](one) for one in allowed if one is not None]
    except (TypeError, ValueError) as failure:
        raise ConfigError(f"{field}.allowed: not every value is of type {kind}: {failure}.") from failure


def _read_as(kind: Kind, column: str, dtype: pl.DataType, source: Source) -> pl.Expr:
    """The column read as `kind`; null where it cannot be."""
    value = pl.col(column)
    is_text = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
    if kind == "text":
        return value.cast(pl.String, strict=False)
    if kind in ("datetime", "date"):
        time_format = source.time_format if column == source.time else None
        is_time = is_text or dtype.is_temporal() or (time_format is not None and dtype.is_integer())
        return event_time.parsed("", column, dtype, time_format) if is_time else pl.lit(None, event_time.CLOCK)
    if kind == "boolean":
        said = value.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
        return pl.when(said.is_in(TRUE)).then(True).when(said.is_in(FALSE)).then(False)
    number = value.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False) if is_text else value
    if not (is_text or dtype.is_numeric()):
        return pl.lit(None, pl.Float64)
    number = number.cast(pl.Float64)
    return pl.when(number == number.round()).then(number) if kind == "integer" else number


def _is_read(frame: pl.LazyFrame, value: pl.Expr, read: pl.Expr, kind: Kind, *, is_strict: bool) -> pl.Expr:
    """Whether a value could be read as its kind; where all could, yet the column holds another type, none is."""
    holds = value.is_null() | read.is_not_null()
    if not is_strict:
        return holds
    dtype = frame.select(value).collect_schema().dtypes()[0]
    fits = {
        "text": dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum),
        "boolean": dtype == pl.Boolean,
        "integer": dtype.is_numeric(),
        "number": dtype.is_numeric(),
    }[kind]
    if fits or dtype == pl.Null or not frame.select(holds.all()).collect(engine="streaming").item():
        return holds
    return value.is_null()


def _sql_rule(field: str, expected: Expectation, text: str, schema: pl.Schema) -> Rule:
    """A rule across columns; where a missing value leaves it open, the row keeps it, as a CHECK in SQL."""
    try:
        claim = pl.sql_expr(text)
        named = list(dict.fromkeys(claim.meta.root_names()))
    except PolarsError as failure:
        raise ConfigError(f"{field}.rule: {text!r} is no Polars SQL expression: {first_line(failure)}") from failure
    refuse_unknown(f"{field}.rule", named, schema.names())
    try:
        kind = pl.LazyFrame(schema=schema).select(claim).collect_schema().dtypes()[0]
    except PolarsError as failure:
        raise ConfigError(f"{field}.rule: {text!r} does not fit its columns: {first_line(failure)}") from failure
    if kind != pl.Boolean:
        raise ConfigError(f"{field}.rule: {text!r} gives {kind}; write a comparison that is true or false.")
    return Rule(field, None, text, claim, tuple(named), severity=expected.severity)


def refuse_unknown(field: str, named: Iterable[str], columns: Sequence[str]) -> None:
    """Refuse a name that is no column of a source.

    Raises:
        ConfigError: Names the nearest column, or those that there are.
    """
    for column in named:
        if column not in columns:
            hint = did_you_mean(column, columns) or f"it has {', '.join(map(repr, columns[:30]))}."
            raise ConfigError(f"{field}: the source has no column {column!r}; {hint}")


def shown_values(values: Sequence[Any]) -> str:
    """Allowed values for a rule in words, the first few of a long list."""
    shown = ", ".join(str(one)[:20] for one in values[:SHOWN_VALUES])
    return shown if len(values) <= SHOWN_VALUES else f"{shown} and {len(values) - SHOWN_VALUES} more"
