"""The guard: what is declared of a source's rows, held against one row of plain values at a time (DQ-3).

Made once, asked at each request, so it looks at no frame and allocates nothing while a row is sound. It knows the
declaration and the row; what becomes of a row that breaks a rule is decided by who asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from assay.config.settings import Expectation, Severity, Source
from assay.data.plain_rules import NotPlain, plain_rule
from assay.data.rules import FALSE, TRUE, Kind, as_kind, implied_kind, shown_values

Row = Mapping[str, Any]
Breaks = Callable[[Any], bool]


class BrokenRule(NamedTuple):
    """A rule that a row breaks; `column` is the first one for a rule across columns."""

    column: str
    rule: str
    severity: Severity
    is_across: bool = False

    @property
    def title(self) -> str:
        """The claim as a sentence."""
        return self.rule if self.is_across else f"{self.column!r} {self.rule}"


class Guard:
    """The declared rules of one source that can be told of a single row.

    Attributes:
        n_rules: How many there are.
        left_out: Declared rules that cannot be, each with the reason: they need other rows, columns that a row does not
            bring, or SQL that has no plain form.
    """

    def __init__(self, source: Source, columns: Collection[str], *, times: Collection[str] = ()) -> None:
        """Compile every rule about `columns`.

        Args:
            source: The declaration.
            columns: What a row may hold; rules about others are left out.
            times: Columns that hold a time in another form than the source's; their kind is not judged.
        """
        self.left_out: list[str] = []
        by_column: dict[str, list[tuple[Breaks, BrokenRule]]] = {}
        across: list[tuple[frozenset[str], Breaks, BrokenRule]] = []
        missing = frozenset(source.null_values)
        for number, expected in enumerate(source.expectations):
            field = f"expectations[{number}]"
            if expected.column in columns and expected.column is not None:
                if expected.unique:
                    self.left_out.append(f"{field}: that {expected.column!r} occurs once needs other rows")
                rules = _column_rules(field, expected, missing, is_time=expected.column in times)
                by_column.setdefault(expected.column, []).extend(rules)
            elif expected.column:
                self.left_out.append(f"{field}: rows do not bring {expected.column!r}")
            if expected.rule:
                compiled = self._across(field, expected.rule, expected.severity, columns, times)
                if compiled is not None:
                    across.append(compiled)
        self._by_column = tuple((name, tuple(rules)) for name, rules in by_column.items() if rules)
        self._across_rules = tuple(across)
        self.n_rules = sum(len(rules) for _, rules in self._by_column) + len(across)

    def broken(self, row: Row) -> list[BrokenRule]:
        """The rules that a row breaks; those about columns that it does not hold are passed over."""
        found: list[BrokenRule] = []
        for column, rules in self._by_column:
            if column in row:
                value = row[column]
                for breaks, rule in rules:
                    if breaks(value):
                        found.append(rule)
        for columns, breaks, rule in self._across_rules:
            if columns <= row.keys() and breaks(row):
                found.append(rule)
        return found

    def _across(
        self, field: str, text: str, severity: Severity, columns: Collection[str], times: Collection[str]
    ) -> tuple[frozenset[str], Breaks, BrokenRule] | None:
        try:
            claim = pl.sql_expr(text)
            named = list(dict.fromkeys(claim.meta.root_names()))
            lacking = [name for name in named if name not in columns or name in times]
            if lacking or not named:
                self.left_out.append(f"{field}: rows do not bring {lacking or 'a column'} as the source holds it")
                return None
            holds = plain_rule(claim)
        except (NotPlain, PolarsError) as reason:
            self.left_out.append(f"{field}: {text!r} is looked at in whole sources only ({reason})")
            return None
        return frozenset(named), _breaks(holds), BrokenRule(named[0], text, severity, is_across=True)


def _breaks(holds: Callable[[Row], Any]) -> Breaks:
    def breaks(row: Row) -> bool:
        try:
            return holds(row) is False
        except TypeError:  # values of kinds that do not compare; that they are of the right kind is a rule of its own
            return False

    return breaks


def _column_rules(
    field: str, expected: Expectation, missing: frozenset[str], *, is_time: bool
) -> Iterator[tuple[Breaks, BrokenRule]]:
    """One test for each thing that is expected of a column; a missing value breaks none but `is not missing`."""
    column = str(expected.column)

    def rule(name: str, breaks: Breaks) -> tuple[Breaks, BrokenRule]:
        return breaks, BrokenRule(column, name, expected.severity)

    if expected.nullable is False:
        yield rule("is not missing", lambda value: value is None or (type(value) is str and value in missing))
    kind = expected.type or implied_kind(expected)
    if kind is None or is_time:
        return
    read = _readers(strict=expected.type is not None)[kind]

    def known(test: Callable[[Any], bool]) -> Breaks:
        def breaks(value: Any) -> bool:
            if value is None or (type(value) is str and value in missing):
                return False
            found = read(value)
            return found is not None and test(found)

        return breaks

    yield rule(
        f"is of type {kind}",
        lambda value: value is not None and not (type(value) is str and value in missing) and read(value) is None,
    )
    for name, test in _value_tests(field, expected, kind):
        yield rule(name, known(test))


def _value_tests(field: str, expected: Expectation, kind: Kind) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    """What must not be so of a value that could be read, with the name that `rules` gives the claim."""
    least, most = expected.minimum, expected.maximum
    if least is not None:
        yield f"is at least {least:g}", lambda value: not value >= least
    if most is not None:
        yield f"is at most {most:g}", lambda value: not value <= most
    if expected.allowed is not None:
        values = as_kind(field, expected.allowed, kind)
        allowed = frozenset(values)
        yield f"is one of {shown_values(values)}", lambda value: value not in allowed
    if expected.pattern is not None:
        matches = re.compile(f"(?:{expected.pattern})").fullmatch
        yield f"matches {expected.pattern}", lambda value: matches(value) is None


def _readers(*, strict: bool) -> Mapping[Kind, Callable[[Any], Any]]:
    """How a value of JSON is read as each kind; None where it cannot be."""
    number = _number if strict else _number_or_text
    return {
        "text": _text,
        "number": number,
        "integer": lambda value: _whole(number(value)),
        "boolean": _flag if strict else _flag_or_text,
        "datetime": _moment,
        "date": _moment,
    }


def _text(value: Any) -> str | None:
    return value if type(value) is str else None if type(value) is bool else str(value)


def _number(value: Any) -> float | None:
    return value if type(value) is float or type(value) is int else None


def _number_or_text(value: Any) -> float | None:
    if type(value) is not str:
        return _number(value)
    try:
        return float(value)
    except ValueError:
        return None


def _whole(value: float | None) -> float | None:
    return value if value is not None and (type(value) is int or float(value).is_integer()) else None


def _flag(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _flag_or_text(value: Any) -> bool | None:
    if type(value) is bool:
        return value
    said = str(value).strip().lower()
    return True if said in TRUE else False if said in FALSE else None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
