"""Target-derived features: what is too good to be true is named, what is merely good is not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Source
from assay.data import sources
from assay.data.leakage import check_target_derived
from assay.models.frame import LabelledFrame


def check(rows: pl.DataFrame, *features: str, label: str = "y", task: str = "classification"):
    return check_target_derived(LabelledFrame(rows, "id", label, features), task=task)


def made(n: int = 2_000, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(int)
    return pl.DataFrame({"id": range(n), "y": y}), y, rng


def test_a_flag_made_of_the_label_is_named_even_with_a_little_noise():
    rows, y, rng = made()
    noisy = np.where(rng.random(len(y)) < 0.005, 1 - y, y).astype(bool)
    found = check(rows.with_columns(flag=pl.Series(noisy)), "flag")
    assert (found.kind, found.verdict) == ("leakage.target_derived", "fail")
    assert "'flag' alone tells the label" in found.summary


def test_a_word_made_of_the_label_is_named():
    rows, y, _ = made()
    assert check(rows.with_columns(state=pl.Series(np.where(y == 1, "closed", "open"))), "state").verdict == "fail"


def test_a_date_that_only_one_class_has_is_named_by_being_present():
    rows, y, rng = made()
    left_on = pl.Series(
        [None if not one else float(day) for one, day in zip(y, rng.integers(0, 900, len(y)), strict=True)]
    )
    found = check(rows.with_columns(left_on=left_on), "left_on")
    assert found.verdict == "fail"
    assert "where 'left_on' is 'missing', the label is always 0" in found.summary


def test_a_reason_that_covers_most_of_a_class_without_exception_is_named():
    rows, y, rng = made()
    reason = np.where((y == 1) & (rng.random(len(y)) < 0.7), "moved", "none")
    found = check(rows.with_columns(reason=pl.Series(reason)), "reason")
    assert found.verdict == "fail"
    assert "where 'reason' is 'moved', the label is always 1" in found.summary


def test_a_range_that_holds_most_of_a_class_without_exception_is_a_warning():
    rows, y, rng = made()
    days = np.where((y == 1) & (rng.random(len(y)) < 0.7), rng.normal(50, 5, len(y)), rng.normal(0, 5, len(y)))
    found = check(rows.with_columns(days=pl.Series(days)), "days")
    assert found.verdict == "warn"
    assert "'days' is above" in found.summary


def test_a_difference_of_two_innocent_columns_is_named():
    rows, y, rng = made()
    before = rng.normal(1_500, 100, len(y))
    after = before + np.where(y == 1, 1, -1) * rng.uniform(1, 20, len(y))
    rated = rows.with_columns(before=pl.Series(before), after=pl.Series(after))
    assert check(rated, "before").verdict == check(rated, "after").verdict == "pass"
    found = check(rated, "before", "after")
    assert "'before' minus 'after' alone tells the label" in found.summary


def test_a_very_good_feature_warns_and_a_good_one_passes():
    rows, y, rng = made()
    noise = rng.normal(size=len(y))
    scored = rows.with_columns(superb=pl.Series(y * 2.7 + noise), good=pl.Series(y * 1.5 + noise))
    assert check(scored, "superb").verdict == "warn"  # AUC 0.97
    assert check(scored, "good").verdict == "pass"


@pytest.mark.parametrize("seed", range(10))
def test_noise_ids_and_constants_raise_no_alarm(seed):
    rows, y, rng = made(400, seed)
    noise = rows.with_columns(
        *(pl.Series(f"n{number}", rng.normal(size=len(y))) for number in range(15)),
        code=pl.Series([f"c{number}" for number in range(len(y))]),
        word=pl.Series(rng.choice(["a", "b", "c"], len(y))),
        gap=pl.Series(np.where(rng.random(len(y)) < 0.5, np.nan, 1.0)),
        one=pl.lit(1),
        none=pl.lit(None, pl.Float64),
    )
    features = tuple(name for name in noise.columns if name not in ("id", "y"))
    assert check(noise, *features).verdict == "pass"


def test_too_few_rows_of_a_class_say_nothing():
    rows = pl.DataFrame({"id": range(30), "y": [1] * 5 + [0] * 25, "flag": [1] * 5 + [0] * 25})
    assert check(rows, "flag").verdict == "info"


def test_a_quantity_is_judged_by_the_variance_explained():
    rng = np.random.default_rng(0)
    amount = rng.normal(100, 20, 500)
    rows = pl.DataFrame(
        {
            "id": range(500),
            "amount": amount,
            "with_tax": amount * 1.19 + 3,
            "last_year": amount + rng.normal(0, 2, 500),
            "net": amount - 50 + (base := rng.normal(60, 15, 500)),
            "base": base,
            "close": amount + rng.normal(0, 0.2, 500),
        }
    )
    kind = {"label": "amount", "task": "regression"}
    assert check(rows, "last_year", **kind).verdict == "pass"
    assert check(rows, "close", **kind).verdict == "warn"
    assert "'with_tax' alone explains" in check(rows, "with_tax", **kind).summary
    assert check(rows, "net", "base", **kind).figures["findings"][0]["columns"] == ("net", "base")


def test_real_columns_known_before_pass_and_real_outcomes_do_not(assay_data):
    games = (
        sources.read("games", Source(path="nba_elo/nbaallelo.parquet"), assay_data)
        .filter(pl.col("_iscopy") == 0)
        .collect()
    )
    rows = games.with_columns(y=(pl.col("game_result") == "W").cast(pl.Int8), id=pl.col("game_id"))
    known = (
        "elo_i",
        "opp_elo_i",
        "forecast",
        "seasongame",
        "is_playoffs",
        "team_id",
        "opp_id",
        "game_location",
        "year_id",
    )
    assert check(rows, *known).verdict == "pass"
    for leak in (("elo_n",), ("pts", "opp_pts"), ("game_result",)):
        assert check(rows, *known, *leak).verdict == "fail"


def test_real_customers_pass_and_post_outcome_columns_of_compas_do_not(assay_data):
    telco = sources.read("telco", Source(path="telco_churn/Telco-Customer-Churn.csv"), assay_data).collect()
    rows = telco.with_columns(y=(pl.col("Churn") == "Yes").cast(pl.Int8), id=pl.col("customerID"))
    assert check(rows, *(name for name in telco.columns if name != "Churn")).verdict == "pass"
    compas = pl.read_csv(assay_data / "compas" / "compas-scores-two-years.csv", infer_schema_length=None)
    honest = ("age", "sex", "race", "priors_count", "juv_fel_count", "decile_score", "c_charge_degree")
    assert check(compas, *honest, label="two_year_recid").verdict == "pass"
    found = check(compas, *honest, "is_recid", "r_charge_degree", label="two_year_recid")
    assert found.verdict == "fail"
    assert "where 'is_recid' is '0', the label is always 0" in found.summary


def test_a_field_filled_in_mostly_for_one_class_is_named_though_there_are_exceptions():
    rows, y, rng = made()
    filled = rng.random(len(y)) < np.where(y == 1, 0.3, 0.01)  # odds 0.43 against 0.01: 42 times
    jailed = pl.Series([day if has else None for has, day in zip(filled, rng.integers(0, 99, len(y)), strict=True)])
    found = check(rows.with_columns(jailed=jailed), "jailed")
    assert found.verdict == "fail"
    assert "where 'jailed' has a value, the label is 1 in" in found.summary
    assert found.figures["findings"][0]["figure"] == "odds_ratio"


def test_a_field_that_is_empty_a_little_more_often_for_one_class_passes():
    rows, y, rng = made()
    filled = rng.random(len(y)) < np.where(y == 1, 0.8, 0.6)
    days = pl.Series([day if has else None for has, day in zip(filled, rng.integers(0, 99, len(y)), strict=True)])
    assert check(rows.with_columns(days=days), "days").verdict == "pass"


@pytest.mark.parametrize(("noise", "verdict"), [(0.01, "warn"), (0.04, "warn"), (0.3, "pass")])
def test_a_state_with_exceptions_is_judged_by_how_far_it_turns_the_odds(noise, verdict):
    rows, y, rng = made(4_000)
    state = np.where(rng.random(len(y)) < noise, 1 - y, y)
    other = np.where(rng.random(len(y)) < 0.4, 2, state)  # a third value that says nothing
    found = check(rows.with_columns(state=pl.Series(np.array(["a", "b", "c"])[other])), "state")
    assert found.verdict == verdict


def test_a_column_that_somebody_vouches_for_is_a_warning_with_the_reason():
    rows, y, _ = made()
    frame = LabelledFrame(rows.with_columns(flag=pl.Series(y), other=pl.Series(y)), "id", "y", ("flag",))
    reason = "set by the broker a day before, A. Lind"
    found = check_target_derived(frame, task="classification", accepted={"flag": reason})
    assert (found.verdict, found.figures["accepted"]) == ("warn", {"flag": reason})
    assert f"(accepted: {reason})" in found.summary
    both = LabelledFrame(frame.rows, "id", "y", ("flag", "other"))
    refused = check_target_derived(both, task="classification", accepted={"flag": reason})
    assert refused.verdict == "fail"
    assert refused.summary.startswith("too good to be true: 'other' alone")


def scrambled(rng: np.random.Generator, y: np.ndarray, kind: str) -> dict[str, pl.Series]:
    flags = rng.integers(0, 2, len(y))
    if kind == "flags":
        return {"one": pl.Series(flags), "other": pl.Series(flags ^ y)}
    if kind == "words":
        return {"one": pl.Series(np.where(flags, "no", "yes")), "other": pl.Series(np.where(flags ^ y, "a", "b"))}
    size = rng.normal(0, 5, len(y))
    return {"one": pl.Series(size), "other": pl.Series((2 * y - 1) / size)}  # their product is the label


@pytest.mark.parametrize(("kind", "verdict"), [("flags", "fail"), ("words", "fail"), ("numbers", "warn")])
def test_two_columns_that_hide_the_label_from_each_other_are_named_together(kind, verdict):
    rows, y, rng = made()
    rows = rows.with_columns(size=pl.Series(rng.normal(size=len(y))), **scrambled(rng, y, kind))
    found = check(rows, "size", "one", "other")
    assert found.verdict == verdict
    assert "'one' and 'other' together tell the label" in found.summary
    vouched = {"one": "noted before", "other": "noted before"}
    frame = LabelledFrame(rows, "id", "y", ("one", "other"))
    assert check_target_derived(frame, task="classification", accepted=vouched).verdict == "warn"


def test_a_rule_that_two_good_columns_follow_is_a_warning_and_noise_is_none():
    rows, y, rng = made(4_000)
    one, other = rng.normal(size=(2, len(y)))
    rule = rows.with_columns(y=pl.Series((one + other > 0).astype(int)), one=pl.Series(one), other=pl.Series(other))
    assert check(rule, "one", "other").verdict in ("pass", "warn")
    noise = {f"x{i}": pl.Series(rng.normal(size=len(y))) for i in range(12)}
    words = {f"w{i}": pl.Series([f"v{v}" for v in rng.integers(0, 400, len(y))]) for i in range(4)}
    assert check(rows.with_columns(**noise, **words), *noise, *words).verdict == "pass"
