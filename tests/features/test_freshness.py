"""Freshness: a view is as new as it promises, late, or stale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assay.features.freshness import judge

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def view(league):
    return replace(league.form_view(), refresh="daily", staleness=timedelta(days=2))


@pytest.mark.parametrize(
    ("since_build", "age", "verdict", "said"),
    [
        (timedelta(hours=23), timedelta(hours=30), "pass", "built 23 hours ago, newest row 30 hours old"),
        (timedelta(hours=36), timedelta(hours=40), "pass", "refresh daily, staleness 2 days"),
        (timedelta(hours=37), timedelta(hours=40), "warn", "a build is late"),
        (timedelta(hours=73), timedelta(hours=40), "fail", "builds are missed"),
        (timedelta(hours=1), timedelta(days=2, seconds=1), "fail", "its values are stale"),
        (timedelta(minutes=3), None, "pass", "built 3 minutes ago (refresh"),
        (None, None, "fail", "never built"),
    ],
)
def test_builds_and_rows_are_held_against_the_promise(view, since_build, age, verdict, said):
    built = None if since_build is None else NOW - since_build
    found = judge(view, built=built, newest=None if age is None else NOW - age, now=NOW)
    assert (found.kind, found.subject, found.verdict) == ("features.freshness", "view:team_form", verdict)
    assert said in found.summary
    assert found.figures["stale"] == ("its values are stale" in found.summary)


def test_without_a_staleness_rows_may_be_of_any_age(view):
    found = judge(replace(view, staleness=None), built=NOW, newest=NOW - timedelta(days=900), now=NOW)
    assert found.verdict == "pass"


def test_a_streaming_view_is_judged_by_its_rows_alone(view):
    streaming = replace(view, refresh="streaming", staleness=timedelta(minutes=1))
    assert judge(streaming, built=NOW - timedelta(days=9), newest=NOW, now=NOW).verdict == "pass"
    assert judge(streaming, built=NOW, newest=NOW - timedelta(minutes=2), now=NOW).verdict == "fail"
