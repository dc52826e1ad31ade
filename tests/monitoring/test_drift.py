"""Drift: levels at the playbook's limits, causes in words, chance kept apart from change, too few rows refused."""

import json

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Monitoring
from assay.monitoring.drift import LEVELS, compare, compare_profiles, level_of
from assay.monitoring.stability import psi
from assay.monitoring.summaries import merged, profile

MONITORING = Monitoring()
N = 4_000


def rows(rng: np.random.Generator, n: int = N) -> pl.DataFrame:
    plans = rng.choice(["basic", "plus", "pro"], n, p=[0.6, 0.3, 0.1])
    return pl.DataFrame(
        {
            "spend": rng.lognormal(3, 0.8, n),
            "temperature": rng.normal(0, 5, n),
            "plan": plans,
            "visits": rng.poisson(2, n),
            "flag": rng.random(n) < 0.3,
        }
    )


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(1)
    return profile(rows(rng, 20_000), scores=rng.beta(2, 5, 20_000))


@pytest.fixture
def current():
    return rows(np.random.default_rng(2))


def judged(reference, current, **options):
    return compare(reference, current, monitoring=MONITORING, subject="model:churn@1.0.0", **options)


def test_rows_of_the_same_kind_do_not_drift(reference, current):
    found = judged(reference, current, scores=np.random.default_rng(3).beta(2, 5, N))
    assert (found.verdict, found.figures["level"], found.figures["drifted"]) == ("pass", "none", [])
    assert found.kind == "monitoring.drift"
    assert "0 of 5 watched columns drift over 4,000 rows" in found.summary
    assert json.dumps(found.to_json())


def test_the_figures_give_a_page_what_it_needs(reference, current):
    found = judged(reference, current.with_columns(pl.col("spend") * 3))
    name, spend = next(iter(found.figures["columns"].items()))
    assert name == "spend", "the farthest moved comes first"
    assert spend["level"] == "critical"
    assert len(spend["bins"]) == len(spend["reference"]) == len(spend["current"])
    assert (sum(spend["reference"]), sum(spend["current"])) == (20_000, N)
    assert spend["psi"] == pytest.approx(psi(spend["reference"], spend["current"]))
    assert found.figures["limits"] == {"warning": 0.1, "retrain": 0.2, "critical": 0.25, "minimum_rows": 500}


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (0.0, "none"),
        (0.1, "none"),
        (0.11, "warning"),
        (0.2, "warning"),
        (0.21, "retrain"),
        (0.25, "retrain"),
        (0.3, "critical"),
    ],
)
def test_levels_follow_the_playbook(value, level):
    assert level_of(value, MONITORING) == level
    assert level_of(value, MONITORING, chance=0.5) == "none"


@pytest.mark.parametrize(
    ("share", "value", "level", "verdict"),
    [
        (0.335, 0.1131, "warning", "warn"),  # 0.165 * ln(0.665 / 0.335)
        (0.280, 0.2078, "retrain", "fail"),  # 0.220 * ln(0.72 / 0.28)
        (0.250, 0.2747, "critical", "fail"),  # 0.25 * ln(3)
    ],
)
def test_a_shift_computed_by_hand_gives_its_level(share, value, level, verdict):
    halves = pl.DataFrame({"c": ["a", "b"] * 50_000})
    now = pl.DataFrame({"c": ["a"] * round(100_000 * share) + ["b"] * round(100_000 * (1 - share))})
    found = compare(profile(halves), now, monitoring=MONITORING)
    assert found.figures["columns"]["c"]["psi"] == pytest.approx(value, abs=1e-4)
    assert (found.figures["level"], found.verdict) == (level, verdict)


EVERY_FIFTH = pl.int_range(pl.len()) % 5 == 0


@pytest.mark.parametrize(
    ("column", "change", "cause"),
    [
        ("spend", pl.col("spend") * 1_000, "scale change: every quantile is multiplied by about 1000 (thousands)"),
        ("spend", pl.col("spend") / 100, "scale change: every quantile is divided by about 100 (cents or per cent)"),
        ("spend", pl.when(EVERY_FIFTH).then(None).otherwise("spend"), "missing share moved from 0.0% to 20.0%"),
        ("spend", pl.col("spend") * 1.7, "scale change: every quantile is multiplied by about 1."),
        ("spend", pl.lit(None, dtype=pl.Float64), "no value arrives any more"),
        ("spend", pl.lit(7.5), "every value is about 7."),
        ("spend", pl.col("spend") + 20, "shift: median 19."),
        ("temperature", pl.col("temperature") * 1.8 + 32, "shift: median"),
        ("plan", pl.when(EVERY_FIFTH).then(pl.lit("trial")).otherwise("plan"), "category 'trial' in 20.0%"),
        ("plan", pl.lit("basic"), "shift: share of 'plus' moved from"),
        ("flag", pl.lit(True), "shift: share of 'false' moved from"),
    ],
)  # fmt: skip
def test_the_likely_cause_is_named(reference, current, column, change, cause):
    found = judged(reference, current.with_columns(change.alias(column)))
    assert found.figures["drifted"] == [column]
    assert cause in found.figures["columns"][column]["cause"]
    assert cause in found.summary


def test_a_column_that_stopped_arriving_is_critical(reference, current):
    found = judged(reference, current.drop("spend"))
    assert found.figures["columns"]["spend"]["level"] == "critical"
    assert "no value arrives" in found.summary


def test_too_few_rows_are_no_answer(reference, current):
    found = judged(reference, current.head(499).with_columns(pl.col("spend") * 1_000))
    assert (found.verdict, found.figures["level"]) == ("info", None)
    assert "no data is not no drift" in found.figures["reason"]
    assert "499 rows" in found.summary
    assert found.figures["columns"] == {}
    assert judged(profile(current.clear()), current).verdict == "info"


def test_only_the_most_important_columns_decide(reference, current):
    moved = current.with_columns(pl.col("spend") * 1_000)
    few = Monitoring(top_features=1)
    found = compare(reference, moved, monitoring=few, top=["plan", "spend"])
    assert (found.verdict, found.figures["level"]) == ("pass", "none")
    assert found.figures["columns"]["spend"]["level"] == "critical"
    assert not found.figures["columns"]["spend"]["watched"]
    assert "1 that are not watched drift too" in found.summary
    assert compare(reference, moved, monitoring=few, top=["spend", "plan"]).verdict == "fail"


def test_columns_that_move_by_design_are_shown_and_never_decide(reference, current):
    moved = current.with_columns(pl.col("plan").replace("basic", "pro"))
    calm = Monitoring(ignore=("plan",), top_features=1)
    for top in ([], ["plan", "spend"]):
        found = compare(reference, moved, monitoring=calm, top=top)
        assert found.verdict == "pass"
        assert found.figures["columns"]["plan"]["level"] == "critical"
        assert found.figures["columns"]["spend"]["watched"]


def test_scores_that_moved_warn_and_no_more(reference, current):
    found = judged(reference, current, scores=np.random.default_rng(3).beta(5, 2, N))
    assert (found.verdict, found.figures["level"]) == ("warn", "warning")
    assert found.figures["scores"]["kl"] > 0.1
    assert "scores KL" in found.summary


def test_many_rare_categories_do_not_cry_wolf():
    rng = np.random.default_rng(4)
    names = np.array([f"city {number}" for number in range(250)])
    shares = rng.dirichlet(np.ones(250))
    reference = profile(pl.DataFrame({f"c{i}": rng.choice(names, 5_000, p=shares) for i in range(10)}))
    now = pl.DataFrame({f"c{i}": rng.choice(names, 500, p=shares) for i in range(10)})
    assert compare(reference, now, monitoring=MONITORING).figures["level"] == "none"


def test_a_stable_system_is_seldom_called_drifting_even_over_small_windows():
    calls = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        strict = Monitoring(minimum_rows=100)
        calls += compare(profile(rows(rng, 3_000)), rows(rng, 120), monitoring=strict).verdict != "pass"
    assert calls <= 3


def test_drift_is_the_same_on_one_worker_or_many(reference, current):
    moved = current.with_columns(pl.col("visits") + 1)
    parts = [profile(moved[start : start + 700], like=reference) for start in range(0, N, 700)]
    whole = compare_profiles(reference, profile(moved, like=reference), monitoring=MONITORING)
    assert compare_profiles(reference, merged(parts), monitoring=MONITORING) == whole


def test_a_slow_decay_shows_against_training_and_a_break_against_last_week(reference):  # DR-3
    rng = np.random.default_rng(5)
    decayed = rows(rng).with_columns(pl.col("temperature") + 4)
    last_week = profile(decayed, like=reference)
    this_week = profile(rows(rng).with_columns(pl.col("temperature") + 4), like=reference)
    assert compare_profiles(reference, this_week, monitoring=MONITORING).verdict == "fail"
    recent = compare_profiles(last_week, this_week, monitoring=MONITORING, against="last week")
    assert (recent.verdict, recent.figures["against"]) == ("pass", "last week")


def test_levels_are_ordered():
    assert LEVELS == ("none", "warning", "retrain", "critical")
