"""Changes: the rows as they would be, had something about them been different.

Knows neither models nor expectations. Each change gives one or several variants of the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import polars as pl

from assay.config.behaviour_checks import declared_changes
from assay.config.nearest import did_you_mean
from assay.config.settings import Behaviour, moment_of
from assay.errors import ConfigError
from assay.evaluation.behaviour.declared import BehaviourTest

UNSEEN = "a category that nobody has seen"


@dataclass(frozen=True, slots=True)
class Variant:
    """Rows changed in one way.

    Attributes:
        what: The change in words.
        rows: The rows after it.
        columns: Those that the change is about.
    """

    what: str
    rows: pl.DataFrame
    columns: tuple[str, ...]


def columns_of(test: Behaviour, columns: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
    """The columns that a declared change is about; patterns choose among the model's inputs.

    Args:
        test: The declaration.
        columns: Those that rows have.
        inputs: Those that the model reads.

    Raises:
        ConfigError: A name or pattern fits none; the nearest is named.
    """
    named = (*test.columns, *test.set, *test.swap, *test.swap.values())
    found: list[str] = []
    for one in named:
        fitting = [one] if one in columns else [name for name in inputs if fnmatchcase(name, one)]
        if not fitting:
            hint = did_you_mean(one, columns) or f"there are {', '.join(columns)}."
            raise ConfigError(f"behavioural test {test.name!r}: no column is called {one!r}; {hint}")
        found.extend(fitting)
    return tuple(dict.fromkeys(found))


def variants(
    test: BehaviourTest, rows: pl.DataFrame, *, inputs: Sequence[str], rng: np.random.Generator
) -> Iterator[Variant]:
    """The rows after each of the test's changes; those of a perturbation are made to one column at a time.

    Raises:
        ConfigError: A column is not there, its values cannot be changed so, or the test's function gives other than
            as many rows.
    """
    declared = test.declared
    if test.function is not None:
        yield _by_function(test, rows)
        return
    kinds = declared_changes(declared)
    columns = columns_of(declared, rows.columns, inputs)
    if not kinds:
        yield Variant("as it is", rows, ())
    elif kinds[0] == "values":
        for column in columns:
            for value in declared.values:
                yield Variant(f"{column} = {value}", _with(rows, declared, {column: value}), (column,))
    elif kinds[0] == "set":
        told = ", ".join(f"{name} = {value}" for name, value in declared.set.items())
        yield Variant(told, _with(rows, declared, declared.set), columns)
    elif kinds[0] == "swap":
        pairs = {**declared.swap, **{other: one for one, other in declared.swap.items()}}
        swapped = rows.with_columns(pl.col(other).alias(one) for one, other in pairs.items())
        yield Variant(", ".join(f"{a} for {b}" for a, b in declared.swap.items()), swapped, columns)
    else:
        yield from _by_column(declared, kinds[0], rows, _fitting(declared, kinds[0], rows, columns), rng)


def _by_column(
    test: Behaviour, kind: str, rows: pl.DataFrame, columns: Sequence[str], rng: np.random.Generator
) -> Iterator[Variant]:
    told = _told(test, kind)
    if kind == "others":
        order = another_row(rows.height, rng)
        yield Variant(told, rows.with_columns(rows[name][order] for name in columns), tuple(columns))
        return
    change = CHANGES[kind]
    if test.kind == "perturbation" and kind != "noise":
        for name in columns:
            yield Variant(f"{name}: {told}", rows.with_columns(change(test, rows[name], rng)), (name,))
    else:
        yield Variant(told, rows.with_columns([change(test, rows[name], rng) for name in columns]), tuple(columns))


def another_row(n_rows: int, rng: np.random.Generator) -> list[int]:
    """For each row the place of another one: no row is its own, unless it is alone."""
    circle = rng.permutation(n_rows)
    place = np.empty(n_rows, dtype=np.int64)
    place[circle] = np.roll(circle, 1)
    return [int(one) for one in place]


def _fitting(test: Behaviour, kind: str, rows: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Columns whose values can be changed so; one that is named must be, one that a pattern found is passed over."""
    wanted = {"unseen": "text", "add": "numbers or times", "multiply": "numbers", "noise": "numbers"}.get(kind)
    if wanted is None:
        return list(columns)
    fitting = [name for name in columns if _fits(kind, rows.schema[name])]
    wrong = [name for name in columns if name in test.columns and name not in fitting]
    if wrong or not fitting:
        held = ", ".join(f"{name} ({rows.schema[name]})" for name in wrong or columns)
        raise ConfigError(f"behavioural test {test.name!r}: `{kind}` is for columns of {wanted}, not for {held}.")
    return fitting


def _fits(kind: str, dtype: pl.DataType) -> bool:
    if dtype == pl.Null:
        return True  # nothing is known in this window; the test finds no row to change, and says so
    if kind == "unseen":
        return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
    return dtype.is_numeric() or (kind == "add" and dtype in (pl.Date, pl.Datetime))


def _with(rows: pl.DataFrame, test: Behaviour, values: Mapping[str, Any]) -> pl.DataFrame:
    try:
        return rows.with_columns(_literal(value, rows.schema[name]).alias(name) for name, value in values.items())
    except (pl.exceptions.PolarsError, ValueError) as problem:
        raise ConfigError(
            f"behavioural test {test.name!r}: {dict(values)} does not fit its column: {problem}"
        ) from None


def _literal(value: Any, dtype: pl.DataType) -> pl.Expr:
    if isinstance(value, float) and dtype.is_numeric():
        return pl.lit(value)  # 1.5 stays 1.5 in a column of whole numbers
    if isinstance(value, str) and dtype.is_temporal():
        moment = moment_of(value)
        zone = getattr(dtype, "time_zone", None)
        return pl.lit(moment if zone else moment.replace(tzinfo=None)).cast(dtype)
    return pl.lit(value).cast(dtype)


def _by_function(test: BehaviourTest, rows: pl.DataFrame) -> Variant:
    changed = test(rows)
    makes_its_own = test.declared.kind == "minimum_functionality"
    if not isinstance(changed, pl.DataFrame) or (changed.height != rows.height and not makes_its_own):
        given = f"{changed.height} rows" if isinstance(changed, pl.DataFrame) else type(changed).__name__
        raise ConfigError(
            f"the function of behavioural test {test.name!r} was given {rows.height} rows and returns {given}. "
            "It must give a polars DataFrame with one row for each, in order."
        )
    lacking = [name for name in rows.columns if name not in changed.columns]
    if lacking:
        raise ConfigError(
            f"the function of behavioural test {test.name!r} returns no {lacking}; change columns, keep all."
        )
    same_height = changed.height == rows.height
    moved = [name for name in rows.columns if not same_height or not changed[name].equals(rows[name])]
    return Variant("by its function", changed, tuple(moved))


def _moved(test: Behaviour, column: pl.Series, _rng: np.random.Generator) -> pl.Series:
    step = test.add or 0.0
    if column.dtype.is_temporal():
        return column + timedelta(days=step)
    if column.dtype.is_integer() and step == int(step):
        return column.cast(pl.Int64) + int(step)  # in eight bits 100 and 100 would be -56
    return column.cast(pl.Float64) + step


def _multiplied(test: Behaviour, column: pl.Series, _rng: np.random.Generator) -> pl.Series:
    return column.cast(pl.Float64) * (1.0 if test.multiply is None else test.multiply)


def _noisy(test: Behaviour, column: pl.Series, rng: np.random.Generator) -> pl.Series:
    numbers = column.cast(pl.Float64)
    spread = numbers.filter(numbers.is_finite()).std() or 0.0
    return numbers + pl.Series(rng.standard_normal(len(column)) * (test.noise or 0.0) * float(spread))  # type: ignore[arg-type]


def _missing(_test: Behaviour, column: pl.Series, _rng: np.random.Generator) -> pl.Series:
    return pl.Series(column.name, [None] * len(column), dtype=column.dtype)


def _unseen(_test: Behaviour, column: pl.Series, _rng: np.random.Generator) -> pl.Series:
    return pl.Series(column.name, [UNSEEN] * len(column), dtype=pl.String)


def _told(test: Behaviour, kind: str) -> str:
    told = {
        "others": "another row's values",
        "add": f"{test.add:+g}" if test.add is not None else "",
        "multiply": f"times {test.multiply:g}" if test.multiply is not None else "",
        "noise": f"noise of {test.noise:g} standard deviations" if test.noise is not None else "",
        "missing": "missing",
        "unseen": "a category nobody has seen",
    }
    return told[kind]


CHANGES: Mapping[str, Callable[[Behaviour, pl.Series, np.random.Generator], pl.Series]] = {
    "add": _moved, "multiply": _multiplied, "noise": _noisy, "missing": _missing, "unseen": _unseen,
}  # fmt: skip
