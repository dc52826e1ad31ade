"""Proxies: a column that gives an attribute away is found, noise is not, and COMPAS shows what is known of it."""

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Source
from assay.data.understanding import understand

N = 3_000


def protected(frame, *names, label=None, seed=0):
    source = Source(key=("id",), protected=names)
    found = understand("people", frame, source, label=label, rng=np.random.default_rng(seed))
    return {one.column: one for one in found.protected}, found


def people(rng):
    group = rng.choice(["a", "b", "c"], N, p=[0.5, 0.3, 0.2])
    return pl.DataFrame(
        {
            "id": [f"P{number:05}" for number in range(N)],
            "group": group,
            "street": [f"{one}{rng.integers(0, 4)}" if rng.random() < 0.8 else "x" for one in group],
            "height": rng.normal(170, 8, N) + 6 * (group == "b"),
            "noise": rng.normal(size=N),
            "colour": rng.choice(["red", "green"], N),
        }
    )


def test_planted_proxies_are_found_the_clearest_first_and_noise_is_not():
    found, whole = protected(people(np.random.default_rng(1)), "group")
    proxies = found["group"].proxies
    assert [one.column for one in proxies] == ["street", "height"]
    assert proxies[0].is_strong
    assert proxies[1].group == "b"
    assert proxies[1].auc_of["b"] > proxies[1].auc_of["a"]
    assert found["group"].together.value > 0.85
    sentence = next(one for one in whole.findings if "group" in one.columns)
    assert sentence.level == "act"
    assert "judge it by group" in sentence.do


def test_what_is_unrelated_gives_nothing_away():
    together = []
    for seed in range(20):
        frame = people(np.random.default_rng(seed)).drop("street", "height")
        found = protected(frame, "group", seed=seed)[0]["group"]
        assert found.proxies == ()
        together.append(found.together)
    assert np.mean([one.value for one in together]) == pytest.approx(0.5, abs=0.01)
    assert sum(one.low <= 0.5 <= one.high for one in together) >= 18


def test_other_protected_columns_keys_and_the_label_are_not_called_proxies():
    frame = people(np.random.default_rng(3)).with_columns(
        copy=pl.col("group"), label=(pl.col("group") == "a").cast(int)
    )
    found, _ = protected(frame, "group", "copy", label="label")
    assert {one.column for one in found["group"].proxies} == {"street", "height"}


def test_an_attribute_that_is_a_number_is_told_in_four_groups():
    rng = np.random.default_rng(4)
    age = rng.integers(18, 90, N)
    frame = pl.DataFrame({"id": np.arange(N), "age": age, "tenure": np.maximum(age - 18 - rng.integers(0, 10, N), 0)})
    found, _ = protected(frame, "age")
    assert len(found["age"].shares) == 4
    assert found["age"].proxies[0].column == "tenure"
    assert found["age"].proxies[0].auc.value > 0.9


def test_an_attribute_of_one_group_is_left_out():
    frame = people(np.random.default_rng(5)).with_columns(group=pl.lit("a"))
    assert protected(frame, "group")[0] == {}


def test_compas_scores_and_prior_counts_tell_race(assay_data):
    frame = pl.read_csv(assay_data / "compas" / "compas-scores-two-years.csv", infer_schema_length=None)
    found, whole = protected(frame, "race", "sex", label="two_year_recid")
    told = {one.column: one for one in found["race"].proxies}
    assert {"decile_score", "score_text", "priors_count"} <= set(told)
    assert told["decile_score"].auc_of["African-American"] == pytest.approx(0.67, abs=0.02)
    assert told["priors_count"].auc_of["African-American"] == pytest.approx(0.61, abs=0.02)
    assert found["race"].together.value == pytest.approx(0.68, abs=0.03)
    assert found["race"].shares["African-American"] == pytest.approx(3696 / 7214)
    assert found["sex"].proxies == ()
    leaks = next(one for one in whole.findings if "nearly alone" in one.what)
    assert {"is_recid", "r_charge_degree"} <= set(leaks.columns)
    assert ("decile_score", "decile_score_duplicated_0") in whole.duplicates.columns
