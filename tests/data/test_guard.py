"""The guard says of one row of plain values what the expectations say of the same row in a frame."""

from __future__ import annotations

import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.settings import Expectation, Source
from assay.data import expectations
from assay.data.guard import Guard
from assay.data.plain_rules import NotPlain, plain_rule

RULES = (
    "n <= m",
    "n <= m OR s = 'new'",
    "n + m * 2 > 1.5",
    "n - 1 > m AND s IS NOT NULL",
    "s LIKE 'n%'",
    "s LIKE '%w'",
    "s LIKE '%e%'",
    "s LIKE 'n_w'",
    "s NOT IN ('new', 'paid')",
    "n IN (1, 2.5)",
    "n BETWEEN 0 AND 2",
    "n NOT BETWEEN 0 AND 2",
    "n <> m",
    "NOT (n > m)",
    "coalesce(n, 0) >= 0",
    "abs(n) < 2",
    "lower(s) = 'new'",
    "length(s) > 2",
    "CASE WHEN n > 1 THEN m < 2 ELSE m > 3 END",
    "flag OR n > 0",
    "flag IS TRUE",
    "s IS NULL",
)
NUMBERS = st.none() | st.sampled_from([-3.0, -1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 7.0])
ROWS = st.fixed_dictionaries(
    {
        "n": NUMBERS,
        "m": NUMBERS,
        "s": st.none() | st.sampled_from(["new", "NEW", "paid", "", "nw", "n\nw", "now\n"]),
        "flag": st.none() | st.booleans(),
    }
)
SCHEMA = {"n": pl.Float64, "m": pl.Float64, "s": pl.String, "flag": pl.Boolean}
DECLARED = (
    {"column": "n", "nullable": False},
    {"column": "n", "type": "integer"},
    {"column": "n", "minimum": 0, "maximum": 2},
    {"column": "n", "allowed": (1, 2.5)},
    {"column": "s", "allowed": ("new", "paid")},
    {"column": "s", "pattern": "[a-z]+"},
    {"column": "s", "type": "text"},
    {"column": "s", "nullable": False},
    {"column": "flag", "type": "boolean", "nullable": False},
    {"column": "flag", "allowed": (True,)},
)


@settings(deadline=None, max_examples=150)
@given(ROWS)
def test_a_sql_rule_is_judged_alike_on_one_row_and_in_a_frame(row):
    frame = pl.DataFrame([row], schema=SCHEMA)
    for rule in RULES:
        claim = pl.sql_expr(rule)
        assert plain_rule(claim)(row) == frame.select(claim).item(), rule


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_a_declared_expectation_is_judged_alike_on_one_row_and_in_a_frame(row):
    source = Source(path="x.csv", expectations=tuple(Expectation(**one) for one in DECLARED))
    frame = pl.LazyFrame([row], schema=SCHEMA)
    failures = expectations.check("rows", frame, source).figures["failures"]
    found = {(one.column, one.rule) for one in Guard(source, set(SCHEMA)).broken(row)}
    assert found == {(one["column"], one["rule"]) for one in failures}


@pytest.mark.parametrize("rule", ["n / m > 1", "n < avg(n)", "n > lag(n) OVER (ORDER BY m)", "at > DATE '2020-01-01'"])
def test_what_has_no_plain_form_is_refused_not_guessed(rule):
    with pytest.raises(NotPlain):
        plain_rule(pl.sql_expr(rule))
    guard = Guard(Source(path="x.csv", expectations=(Expectation(rule=rule),)), ["n", "m", "at"])
    assert guard.n_rules == 0
    assert len(guard.left_out) == 1


def test_columns_that_a_row_does_not_bring_are_passed_over():
    source = Source(
        path="x.csv",
        null_values=("NA",),
        expectations=(
            Expectation(column="n", nullable=False),
            Expectation(column="label", nullable=False),
            Expectation(rule="n < m", severity="warning"),
        ),
    )
    guard = Guard(source, ["n", "m"])
    assert guard.broken({}) == []
    assert [one.title for one in guard.broken({"n": "NA"})] == ["'n' is not missing"]
    assert [(one.column, one.title, one.severity) for one in guard.broken({"n": 2, "m": 1})] == [
        ("n", "n < m", "warning")
    ]
    assert guard.left_out == ["expectations[1]: rows do not bring 'label'"]


def test_ten_rules_cost_less_than_fifty_microseconds_a_row():
    source = Source(path="x.csv", expectations=tuple(Expectation(**one) for one in DECLARED))
    guard, row = Guard(source, set(SCHEMA)), {"n": 1.0, "m": 2.0, "s": "new", "flag": True}
    assert guard.broken(row) == []
    rounds = []
    for _ in range(9):
        started = time.perf_counter()
        for _ in range(500):
            guard.broken(row)
        rounds.append((time.perf_counter() - started) / 500)
    assert min(rounds) < 50e-6
