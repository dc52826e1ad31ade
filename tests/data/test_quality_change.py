"""Quality over time: a drop beyond what is allowed and a rule that broke anew are told; everything else is not."""

from __future__ import annotations

import math

import polars as pl
import pytest

from assay.config.settings import Expectation, Source
from assay.data import quality_change
from assay.data.quality_change import Found

BROKEN = {
    "source": "sales",
    "column": "n",
    "rule": "is at least 0",
    "severity": "error",
    "count": 3,
    "share": 0.1,
    "examples": (),
}
WARNING = {**BROKEN, "rule": "is at most 9", "severity": "warning"}


def found(*points, failures=()):
    names = ("completeness", "accuracy", "timeliness")
    return Found(dict(zip(names, points, strict=True)), failures, "the sources in RUN-1")


@pytest.mark.parametrize(
    ("before", "after", "verdict", "drop"),
    [
        (found(5, 5, 5), found(5, 5, 5), "pass", 0),
        (found(5, 5, 5), found(4, 5, 5), "pass", 2),  # a point of 15 is two of 30
        (found(5, 5, 5), found(3.9, 5, 5), "warn", 2.2),
        (found(5, 5, 5), found(2, 5, 5), "fail", 6),
        (found(2, 5, 5), found(5, 5, 5), "pass", -6),
        (found(5, 5, math.nan), found(4, 4, 1), "warn", 6 - 0.0),  # over two dimensions, a point is three of 30
        (found(5, 5, 5), found(5, 5, 5, failures=[WARNING]), "warn", 0),
        (found(5, 5, 5), found(5, 5, 5, failures=[BROKEN]), "fail", 0),
        (found(5, 5, 5, failures=[BROKEN]), found(5, 5, 5, failures=[BROKEN]), "pass", 0),
    ],
)
def test_the_verdict_follows_from_the_drop_and_from_what_broke_anew(before, after, verdict, drop):
    compared = quality_change.compare(
        before, after, allowed=2.0 if drop != 6.0 or verdict == "fail" else 3.5, subject="s:x"
    )
    assert (compared.verdict, compared.figures["drop"]) == (verdict, pytest.approx(drop))


def test_the_summary_names_what_was_lost_and_what_broke():
    compared = quality_change.compare(found(5, 5, 5), found(2, 5, 5, failures=[BROKEN]), allowed=2.0, subject="s:x")
    assert "24.0 of 30, down 6.0 from 30.0 (2 allowed)" in compared.summary
    assert "lost completeness -3.0 of 5" in compared.summary
    assert "newly broken: 'n' is at least 0: 3 rows (10.0%) do not" in compared.summary


def test_nothing_in_common_is_no_verdict():
    assert (
        quality_change.compare(found(math.nan, 5, 5), found(5, None, math.nan), allowed=2, subject="s:x").verdict
        == "info"
    )


def test_a_sample_of_columns_is_judged_by_the_rules_that_it_can_be_asked():
    source = Source(
        path="x.csv",
        key=("id",),
        time="at",
        expectations=(
            Expectation(column="n", minimum=0, unique=True),
            Expectation(column="label", nullable=False),
            Expectation(rule="n <= m"),
            Expectation(rule="n <= label"),
        ),
    )
    sample = pl.LazyFrame({"n": [1.0, 1.0, -1.0, None], "m": [0.0, 2.0, 2.0, 2.0]})
    judged = quality_change.of_columns("sales", sample, source, what="a sample")
    assert [(one["rule"], one["count"]) for one in judged.failures] == [("is at least 0", 1), ("n <= m", 1)]
    assert judged.scores["formats"] == 5
