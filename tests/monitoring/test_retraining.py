"""Triggers: what calls for retraining, one trigger for many reasons, none while one waits or cools down."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Monitoring, Retraining
from assay.ledger.evidence import Evidence, plain
from assay.monitoring.drift import compare
from assay.monitoring.retraining import requested, triggers
from assay.monitoring.summaries import profile

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RETRAINING = Retraining(cooldown=timedelta(days=1))


def recorded(evidence: Evidence, number: int, time: datetime) -> Evidence:
    """As the ledger gives it back."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return replace(evidence, id=f"E-{number:06}", time=stamp, figures=plain(evidence.figures))


def drift(scale: float, *, number: int = 1, time: datetime = NOW) -> Evidence:
    rng = np.random.default_rng(number)
    reference = profile(pl.DataFrame({"spend": rng.lognormal(size=5_000)}))
    rows = pl.DataFrame({"spend": scale * rng.lognormal(size=5_000)})
    found = compare(reference, rows, monitoring=Monitoring(), subject="model:churn@1.0.0")
    return recorded(found, number, time)


def performance(verdict: str, *, number: int, time: datetime, span: timedelta = timedelta(0)) -> Evidence:
    figures = {
        "metric": "log_loss", "drop": 0.12, "window": "1h", "first_received": time - span, "last_received": time,
    }  # fmt: skip
    found = Evidence("monitoring.performance", "model:churn@1.0.0", verdict, "", figures)
    return recorded(found, number, time)


def triggered(evidences, *, now=NOW, last=None, **options):
    return triggers(evidences, now=now, retraining=RETRAINING, last=last, **options)


def test_critical_drift_calls_for_retraining_within_a_day():
    found = triggered([drift(3)])
    assert (found.kind, found.subject, found.parents) == ("retraining.trigger", "model:churn@1.0.0", ("E-000001",))
    assert (found.figures["source"], found.figures["urgency"]) == (["drift"], "critical")
    assert found.figures["retrain_before"] == NOW + timedelta(hours=24)
    assert "critical drift of spend (PSI 1." in found.summary
    assert "E-000001" in found.summary
    assert json.dumps(found.to_json())


def test_what_passes_warns_or_could_not_be_judged_calls_for_nothing():
    assert drift(1.4).verdict == "warn"
    assert triggered([drift(1), drift(1.4, number=2), replace(drift(3), verdict="info")]) is None
    assert triggered([Evidence("data.quality", "source:x", "fail", "bad")]) is None
    assert triggered([]) is None


def test_only_the_newest_of_a_kind_counts():
    old, new = drift(3, number=1, time=NOW - timedelta(hours=2)), drift(1, number=2)
    assert triggered([new, old]) is None
    assert triggered([drift(1, number=1, time=NOW - timedelta(hours=2)), drift(3, number=2)]).parents == ("E-000002",)


def test_several_reasons_are_one_trigger():
    slow = performance("fail", number=2, time=NOW, span=timedelta(days=2))
    found = triggered([drift(3), slow])
    assert found.parents == ("E-000001", "E-000002")
    assert found.figures["source"] == ["drift", "performance"]
    assert len(found.figures["reasons"]) == 2


def test_a_waiting_trigger_is_not_repeated():
    last = recorded(triggered([drift(3)]), 2, NOW - timedelta(days=9))
    assert triggered([drift(3, number=3)], last=last, waiting=True) is None
    assert triggered([drift(3, number=3)], last=last) is not None


@pytest.mark.parametrize(("hours", "calls"), [(1, False), (23.99, False), (24, True), (48, True)])
def test_after_a_trigger_there_is_a_pause(hours, calls):
    last = recorded(triggered([drift(3)]), 2, NOW)
    now = NOW + timedelta(hours=hours)
    assert (triggered([drift(3, number=3, time=now)], now=now, last=last) is not None) == calls


def test_evidence_older_than_the_last_trigger_has_been_acted_on():
    last = recorded(triggered([drift(3)]), 2, NOW + timedelta(seconds=1))
    assert triggered([drift(3)], now=NOW + timedelta(days=3), last=last) is None


def test_performance_must_have_been_too_low_for_a_day():
    start = NOW - timedelta(hours=25)
    failing = [performance("fail", number=n, time=start + timedelta(hours=5 * n)) for n in range(6)]
    assert triggered(failing[:3], now=start + timedelta(hours=10)) is None
    found = triggered(failing)
    assert (found.parents, found.figures["urgency"]) == (("E-000005",), "critical")
    assert "log_loss 12.0% worse than at release over 1h" in found.summary
    recovered = performance("pass", number=3, time=start + timedelta(hours=15))
    assert triggered([*failing[:3], recovered, *failing[4:]]) is None
    unjudged = performance("info", number=3, time=start + timedelta(hours=15))
    assert triggered([*failing[:3], unjudged, *failing[4:]]) is not None


def test_one_failing_window_of_a_day_is_enough_and_a_caller_may_ask_for_less():
    assert triggered([performance("fail", number=1, time=NOW, span=timedelta(hours=25))]) is not None
    brief = performance("fail", number=1, time=NOW, span=timedelta(hours=1))
    assert triggered([brief]) is None
    assert triggered([brief], sustained=timedelta(0)) is not None


def test_a_person_need_not_wait_but_begins_a_pause():
    asked = requested("new tariff", subject="model:churn@1.0.0", actor="ana", now=NOW, retraining=RETRAINING)
    assert (asked.kind, asked.figures["source"]) == ("retraining.trigger", ["person"])
    assert "asked for by ana: new tariff" in asked.summary
    later = NOW + timedelta(hours=2)
    assert triggered([drift(3, number=3, time=later)], now=later, last=recorded(asked, 2, NOW)) is None
