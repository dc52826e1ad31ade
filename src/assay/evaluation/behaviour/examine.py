"""Behavioural examination: every declared test tried on rows of the evaluation, and what came of it as one record.

Knows no project: how rows become predictions, and what must be computed again when one of their columns changes, is
given. Rows are put in the order of their key first, so that the order they come in decides nothing.

The kinds are those of Ribeiro et al. (2020), Beyond Accuracy: Behavioral Testing of NLP Models with CheckList.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.errors import ConfigError, DataError
from assay.evaluation.behaviour.changes import Variant, variants
from assay.evaluation.behaviour.declared import BehaviourTest
from assay.evaluation.behaviour.expected import Flags, badness, failing, movement
from assay.evaluation.interval_methods import wilson
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import USUAL_LEVEL, Estimate
from assay.metrics.statistic import Floats

KIND = "model.behaviour"
N_EXAMPLES = 3
LONGEST_TEXT = 80
REHEARSED_ROWS = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """A model as behavioural tests see it.

    Attributes:
        predict: Rows with the model's inputs to predictions, shape (n_rows,).
        inputs: Columns that it reads.
        derive: Computes again what follows from other columns of a row.
        derived: The columns that `derive` computes; a change of these is made after it.
        reads: Columns that `derive` reads.
        threshold: From which prediction it decides for the positive class.
    """

    predict: Callable[[pl.DataFrame], Floats]
    inputs: tuple[str, ...]
    derive: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows
    derived: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    threshold: float = 0.5


def examine(
    tests: Sequence[BehaviourTest],
    rows: pl.DataFrame,
    model: Examined,
    *,
    key: str,
    seed: int,
    subject: str,
    part: str = "",
) -> Evidence:
    """Try every test and count the rows that answer otherwise than they must.

    Args:
        tests: At least one.
        rows: Evaluation rows without their label: the model's inputs, and what they are derived from.
        model: What answers.
        key: Column that names a row.
        seed: Of the draws of rows and of noise; each test has its own, made from this and its name.
        subject: Of the evidence.
        part: Which rows these are: `validation`, `holdout`.

    Returns:
        Evidence `model.behaviour`: `fail` where a test of severity error fails, `warn` where a warning does or a test
        found no row to try, otherwise `pass`. Figures: `tests`, one entry each; see `try_one`.

    Raises:
        ConfigError: A column is not there, or cannot be changed so.
    """
    ordered = rows.sort(key)
    entries = [try_one(test, ordered, model, key=key, seed=seed) for test in tests]
    broken = [one for one in entries if one["verdict"] == "fail"]
    doubtful = [one for one in entries if one["verdict"] == "warn"]
    verdict: Verdict = "fail" if broken else "warn" if doubtful else "pass"
    n_held = sum(one["verdict"] == "pass" for one in entries)
    on = f"{rows.height:,} {part} rows" if part else f"{rows.height:,} rows"
    told = "; ".join(f"{one['name']!r}: {one['found']}" for one in (*broken, *doubtful))
    summary = f"{n_held} of {len(entries)} behavioural tests hold on {on}" + (f"; {told}" if told else "")
    figures = {"tests": entries, "part": part, "n": rows.height, "seed": seed, "threshold": model.threshold}
    return Evidence(KIND, subject, verdict, summary, figures)


def rehearse(tests: Sequence[BehaviourTest], rows: pl.DataFrame, inputs: Sequence[str]) -> None:
    """Make every change to the first rows, without a model, so that a declaration that fits no rows is known early.

    Raises:
        ConfigError: A column is not there, or cannot be changed so.
    """
    first = rows.head(REHEARSED_ROWS)
    for test in tests:
        _where(first, test)
        for _ in variants(test, first, inputs=inputs, rng=np.random.default_rng(0)):
            pass


def try_one(test: BehaviourTest, rows: pl.DataFrame, model: Examined, *, key: str, seed: int) -> dict[str, Any]:
    """One test's entry.

    Returns:
        The declaration (`name`, `kind`, `severity`, `expect`, `tolerance`, `limit` of the failure rate), `columns` that
        were changed, `route` (see `route_of`), `n` rows that the change reached, `n_unchanged` that it left as they
        were, `failures`, `rate` with Wilson's interval, `largest` movement (in the wrong direction, where one is
        declared), `worst` examples, `found` in words.
    """
    declared = test.declared
    rng = np.random.default_rng([seed, zlib.crc32(test.name.encode())])
    chosen = _drawn(_where(rows, test), declared.rows, rng)
    entry: dict[str, Any] = {
        "name": declared.name,
        "kind": declared.kind,
        "severity": declared.severity,
        "expect": declared.expect,
        "tolerance": declared.tolerance,
        "at_least": declared.at_least,
        "at_most": declared.at_most,
        "decision": declared.decision,
        "limit": declared.max_failure_rate,
    }
    return entry | (_tried(test, chosen, model, key=key, rng=rng) if chosen.height else _untried("no row to try"))


def route_of(columns: Sequence[str], model: Examined) -> str:
    """How a change of these columns reaches the model.

    Returns:
        `inputs`: it reads them; `derived again`: so do the functions that compute other inputs from them, and they
        ran again; `not read`: neither does; empty where there are no columns.
    """
    if not columns:
        return ""
    if model.reads.intersection(columns):
        return "derived again"
    return "inputs" if {*model.inputs, *model.derived}.intersection(columns) else "not read"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the model says to one variant: `reached` flags the rows that the change altered."""

    what: str
    columns: tuple[str, ...]
    rows: pl.DataFrame
    reached: Flags
    predictions: Floats


def _tried(
    test: BehaviourTest, rows: pl.DataFrame, model: Examined, *, key: str, rng: np.random.Generator
) -> dict[str, Any]:
    try:
        before = _predictions(model, rows)
        answers = [_answer(one, rows, model, test) for one in variants(test, rows, inputs=model.inputs, rng=rng)]
    except DataError as problem:
        return _untried(f"no answer: {problem}", verdict="fail")
    if answers[0].rows.height != rows.height:  # cases of the test's own, with no row before them
        rows, before = answers[0].rows, answers[0].predictions
    columns = tuple(dict.fromkeys(name for one in answers for name in one.columns))
    return _counted(test, rows, before, answers, model, key=key) | {
        "columns": columns,
        "route": route_of(columns, model),
    }


def _answer(variant: Variant, rows: pl.DataFrame, model: Examined, test: BehaviourTest) -> _Answer:
    changed = variant.rows
    if model.reads.intersection(variant.columns):
        own = [changed[name] for name in variant.columns if name in model.derived]
        changed = model.derive(changed).with_columns(own)
    if test.declared.kind == "minimum_functionality":
        reached = np.ones(changed.height, dtype=np.bool_)
    else:
        same = [_same(rows[name], variant.rows[name]) for name in variant.columns]
        reached = ~np.logical_and.reduce([np.ones(rows.height, dtype=np.bool_), *same])
    return _Answer(variant.what, variant.columns, changed, reached, _predictions(model, changed))


def _same(one: pl.Series, other: pl.Series) -> Flags:
    if one.dtype != other.dtype and not (one.dtype.is_numeric() and other.dtype.is_numeric()):
        one, other = one.cast(pl.String), other.cast(pl.String)
    return one.eq_missing(other).to_numpy().astype(np.bool_)


def _predictions(model: Examined, rows: pl.DataFrame) -> Floats:
    return np.asarray(model.predict(rows), dtype=np.float64)


def _counted(
    test: BehaviourTest, rows: pl.DataFrame, before: Floats, answers: Sequence[_Answer], model: Examined, *, key: str
) -> dict[str, Any]:
    """Of the rows that a change reached, how many fail under any of them."""
    declared = test.declared
    reached = np.array([one.reached for one in answers])
    broken = np.array([failing(declared, before, one.predictions, threshold=model.threshold) for one in answers])
    broken &= reached
    moved = np.array([movement(declared, before, one.predictions) for one in answers])
    bad = np.where(reached, badness(declared, moved), -np.inf)
    n, failures = int(reached.any(axis=0).sum()), int(broken.any(axis=0).sum())
    if not n:
        return _untried("the change alters no row") | {"n_unchanged": rows.height}
    share = failures / n
    interval = wilson(share, n, level=USUAL_LEVEL)
    verdict = _verdict(test, share)
    worst = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return {
        "n": n,
        "n_unchanged": rows.height - n,
        "failures": failures,
        "rate": Estimate(share, interval.low, interval.high, n, interval.method),
        "largest": float(moved[worst]),
        "verdict": verdict,
        "found": f"{failures:,} of {n:,} rows fail ({share:.2%}, limit {declared.max_failure_rate:.2%})",
        "worst": list(_examples(np.where(broken, bad, -np.inf), rows, before, answers, key=key)),
    }


def _verdict(test: BehaviourTest, share: float) -> Verdict:
    if share <= test.declared.max_failure_rate:
        return "pass"
    return "fail" if test.declared.severity == "error" else "warn"


def _examples(
    bad: npt.NDArray[np.float64], rows: pl.DataFrame, before: Floats, answers: Sequence[_Answer], *, key: str
) -> Iterator[dict[str, Any]]:
    """The worst failing rows, each with what was changed and what it did."""
    variant_of = bad.argmax(axis=0)
    worst = bad.max(axis=0, initial=-np.inf)
    order = np.argsort(-worst, kind="stable")[:N_EXAMPLES]
    for place in (int(one) for one in order if worst[one] > -np.inf):
        answer = answers[int(variant_of[place])]
        yield {
            "row": _shown(rows[key][place]),
            "change": answer.what,
            "before": {name: _shown(rows[name][place]) for name in answer.columns},
            "after": {name: _shown(answer.rows[name][place]) for name in answer.columns},
            "prediction_before": float(before[place]),
            "prediction_after": float(answer.predictions[place]),
        }


def _shown(value: Any) -> Any:
    """A value for a record: text is cut, for a column of documents is not to be copied into the ledger."""
    return value if isinstance(value, int | float | bool | None) else str(value)[:LONGEST_TEXT]


def _untried(why: str, *, verdict: Verdict = "warn") -> dict[str, Any]:
    """An entry without a count; `nothing tried` is no proof, so it warns."""
    empty: dict[str, Any] = {"n": 0, "n_unchanged": 0, "failures": 0, "rate": None, "largest": None, "worst": []}
    return empty | {"columns": [], "route": "", "verdict": verdict, "found": why}


def _where(rows: pl.DataFrame, test: BehaviourTest) -> pl.DataFrame:
    if test.declared.where is None:
        return rows
    try:
        return rows.filter(pl.sql_expr(test.declared.where))
    except pl.exceptions.PolarsError as problem:
        raise ConfigError(f"behavioural test {test.name!r}: `where` cannot be answered: {problem}") from None


def _drawn(rows: pl.DataFrame, most: int, rng: np.random.Generator) -> pl.DataFrame:
    if rows.height <= most:
        return rows
    return rows.select(pl.all().gather(np.sort(rng.choice(rows.height, size=most, replace=False))))
