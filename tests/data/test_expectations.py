"""Expectations: every broken rule is told with its column, count and a few short examples, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.settings import Expectation, Source
from assay.data import event_time, expectations, sources
from assay.errors import ConfigError

SALES = pl.DataFrame(
    {
        "id": [1, 2, 2, None],
        "amount": ["10", "-3", "twelve", None],
        "state": ["new", "NEW", "paid", None],
        "paid": [5.0, 20.0, None, 1.0],
        "limit": [10.0, 10.0, 10.0, None],
    }
)


def check(rows: pl.DataFrame, *declared: Expectation, key: tuple[str, ...] = ()):
    return expectations.check("sales", rows.lazy(), Source(path="x.csv", key=key, expectations=declared))


def broken(rows: pl.DataFrame, **declared: object) -> dict[str, int]:
    found = check(rows, Expectation(**declared))
    return {one["rule"]: one["count"] for one in found.figures["failures"]}


@pytest.mark.parametrize(
    ("declared", "failures"),
    [
        ({"column": "id", "nullable": False}, {"is not missing": 1}),
        ({"column": "id", "unique": True}, {"occurs once": 2}),
        ({"column": "amount", "minimum": 0}, {"is of type number": 1, "is at least 0": 1}),
        ({"column": "amount", "type": "number"}, {"is of type number": 1}),
        ({"column": "amount", "maximum": 5}, {"is of type number": 1, "is at most 5": 1}),
        ({"column": "paid", "minimum": 2, "maximum": 10}, {"is at least 2": 1, "is at most 10": 1}),
        ({"column": "state", "allowed": ("new", "paid")}, {"is one of new, paid": 1}),
        ({"column": "id", "allowed": (1, 3)}, {"is one of 1.0, 3.0": 2}),
        ({"column": "state", "pattern": "[a-z]+"}, {"matches [a-z]+": 1}),
        ({"column": "state", "pattern": "n|paid"}, {"matches n|paid": 2}),
        ({"column": "state", "type": "integer"}, {"is of type integer": 3}),
        ({"column": "id", "type": "text"}, {"is of type text": 3}),
        ({"column": "paid", "type": "integer"}, {}),
        ({"column": "state", "type": "boolean"}, {"is of type boolean": 3}),
        ({"column": "state", "type": "datetime"}, {"is of type datetime": 3}),
        ({"rule": "paid <= limit"}, {"paid <= limit": 1}),
        ({"rule": "paid <= limit OR state = 'NEW'"}, {}),
    ],
)
def test_a_broken_rule_is_counted_and_a_missing_value_breaks_only_nullable(declared, failures):
    assert broken(SALES, **declared) == failures


def test_numbers_kept_as_text_break_a_numeric_type_even_if_all_can_be_read():
    assert broken(pl.DataFrame({"n": ["1", "2"]}), column="n", type="number") == {"is of type number": 2}


def test_a_failure_names_source_column_rule_severity_and_short_examples():
    rows = pl.DataFrame({"id": range(50), "note": ["x" * 500] * 50})
    found = check(rows, Expectation(column="note", pattern="y+", severity="warning"), key=("id",))
    (failure,) = found.figures["failures"]
    assert (found.verdict, found.subject) == ("warn", "source:sales")
    assert (failure["source"], failure["column"], failure["severity"]) == ("sales", "note", "warning")
    assert (failure["count"], failure["share"], len(failure["examples"])) == (50, 1.0, 5)
    assert failure["examples"][0] == {"row": 1, "id": 0, "note": "x" * 79 + "…"}


def test_an_error_fails_and_rules_that_hold_pass():
    assert check(SALES, Expectation(column="paid", minimum=2)).verdict == "fail"
    assert check(SALES, Expectation(column="paid", minimum=0)).verdict == "pass"
    assert check(SALES).verdict == "info"


def test_a_declared_key_must_be_whole_and_name_one_row():
    found = check(SALES, key=("id",)).figures["failures"]
    assert [(one["rule"], one["count"]) for one in found] == [("is not missing", 1), ("'id' names one row", 2)]


def test_unreadable_times_are_counted_with_examples():
    source = Source(path="x.csv", time="at")
    rows = pl.DataFrame({"at": ["2026-01-01", "tomorrow", None]})
    found = expectations.check("sales", event_time.add("sales", rows.lazy(), rows.schema, source), source)
    (failure,) = found.figures["failures"]
    assert (failure["rule"], failure["count"]) == ("is a time that can be read", 2)
    assert [one["at"] for one in failure["examples"]] == ["tomorrow", None]


def test_a_source_that_stopped_growing_is_a_warning():
    source = Source(path="x.csv", time="at", refresh=timedelta(days=1))
    rows = pl.DataFrame({"at": ["2026-01-01"]})
    frame = event_time.add("sales", rows.lazy(), rows.schema, source)
    assert expectations.check("sales", frame, source, now=datetime(2026, 1, 2, tzinfo=UTC)).verdict == "pass"
    assert expectations.check("sales", frame, source, now=datetime(2026, 1, 4, tzinfo=UTC)).verdict == "warn"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"rule": "paid >"}, r"expectations\[0\]\.rule.*is no Polars SQL"),
        ({"rule": "piad > 0"}, "no column 'piad'; did you mean 'paid'"),
        ({"rule": "paid + 1"}, "true or false"),
        ({"rule": "state + 1 > paid"}, r"expectations\[0\]\.rule"),
        ({"column": "state", "type": "text", "minimum": 1}, "minimum and maximum are for numbers"),
        ({"column": "paid", "type": "number", "pattern": "x"}, "pattern is for text"),
        ({"column": "paid", "type": "number", "allowed": ("high",)}, "not every value is of type number"),
    ],
)
def test_a_rule_that_makes_no_sense_is_a_configuration_error(declared, said):
    with pytest.raises(ConfigError, match=said):
        check(SALES, Expectation(**declared))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.none(), st.floats(-10, 10)), min_size=1, max_size=30), st.floats(-5, 5), st.floats(-5, 5))
def test_a_range_agrees_with_a_loop(values, low, high):
    rows = pl.DataFrame({"v": values}, schema={"v": pl.Float64})
    found = broken(rows, column="v", minimum=low, maximum=high)
    too_low = sum(value is not None and value < low for value in values)
    too_high = sum(value is not None and value > high for value in values)
    assert sorted(found.values()) == sorted(count for count in (too_low, too_high) if count)


def test_real_games_keep_sensible_rules_and_break_wrong_ones(assay_data):
    rules = (
        Expectation(column="pts", type="integer", minimum=0, maximum=186),
        Expectation(column="game_location", allowed=("H", "A", "N"), nullable=False),
        Expectation(column="team_id", pattern="[A-Z]{3}"),
        Expectation(rule="(game_result = 'W') = (pts > opp_pts)"),
        Expectation(column="game_location", allowed=("H", "A")),
    )
    source = Source(path="nba_elo/nbaallelo.parquet", key=("game_id", "_iscopy"), expectations=rules)
    found = expectations.check("games", sources.read("games", source, assay_data), source)
    assert [(one["rule"], one["count"]) for one in found.figures["failures"]] == [("is one of H, A", 38)]


def test_rows_are_counted_and_numbered_alike_however_many_pandera_sees_at_once(monkeypatch):
    rows = pl.DataFrame({"n": [1, -1, 2, -2, -3, 4, -5, -6, -7]})
    whole = check(rows, Expectation(column="n", minimum=0)).figures["failures"]
    monkeypatch.setattr(expectations, "ROWS_AT_ONCE", 2)
    assert check(rows, Expectation(column="n", minimum=0)).figures["failures"] == whole
    assert [one["row"] for one in whole[0]["examples"]] == [2, 4, 5, 7, 8]


@pytest.mark.parametrize(
    ("declared", "age_days", "verdict"),
    [
        ({}, 99, "info"),
        ({"refresh": timedelta(days=1)}, 1, "pass"),
        ({"refresh": timedelta(days=1)}, 3, "warn"),
        ({"freshness": {"within": timedelta(days=5)}}, 4, "pass"),
        ({"freshness": {"within": timedelta(days=5), "severity": "error"}}, 6, "fail"),
        ({"refresh": timedelta(days=1), "freshness": {"severity": "error"}}, 3, "fail"),
    ],
)
def test_freshness_is_judged_as_it_is_declared(declared, age_days, verdict):
    now = datetime(2026, 11, 21, tzinfo=UTC)
    rows = pl.LazyFrame({"known_at": [now - timedelta(days=age_days)]})
    found = expectations.check("sales", rows, Source.model_validate({"path": "x.csv", **declared}), now=now)
    assert found.verdict == verdict
    assert bool(expectations.refusals(found)) == (verdict == "fail")


def test_what_stops_a_run_is_declared_and_of_severity_error():
    rows = pl.DataFrame({"id": [1, 1], "n": [-1, 5]})
    declared = (
        Expectation(column="n", minimum=0),
        Expectation(column="n", maximum=2, severity="warning"),
    )
    found = check(rows, *declared, key=("id",))
    assert expectations.refusals(found) == ["'n' is at least 0: 1 rows (50.0%) do not, first row 1: id 1, n -1"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.none() | st.integers(0, 6), st.integers(0, 2)), max_size=30), st.integers(1, 5))
def test_repeated_keys_are_those_counted_by_hand_however_many_are_held_at_once(pairs, at_once):
    rows = pl.DataFrame({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}, schema={"a": pl.Int64, "b": pl.Int64})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expectations, "KEYS_AT_ONCE", at_once)
        failures = check(rows, key=("a", "b")).figures["failures"]
    whole = [pair for pair in pairs if pair[0] is not None]
    repeated = [number for number, pair in enumerate(pairs, 1) if whole.count(pair) > 1]
    found = [
        (one["count"], [row["row"] for row in one["examples"]]) for one in failures if "name one row" in one["rule"]
    ]
    assert found == ([(len(repeated), repeated[:5])] if repeated else [])
