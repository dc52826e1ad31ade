"""A recipe: batch and single rows agree to the last bit, whatever they hold, and what is stored is what was fitted."""

import json
import math
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError, IntegrityError, UsageError
from assay.models.encoder import Encoder
from assay.models.recipe import Recipe
from assay.models.signature import FeatureSpec, Signature
from assay.models.transforms import Bin, OneHot, SignedLog, Standardise, TargetEncoding

INPUTS = (
    FeatureSpec("fee", "number"), FeatureSpec("age", "number"), FeatureSpec("is_new", "flag"),
    FeatureSpec("plan", "category"), FeatureSpec("city", "category"),
)  # fmt: skip
NUMBERS = st.one_of(
    st.none(), st.floats(), st.integers(), st.booleans(), st.sampled_from([1e308, -1e308, 10**400, math.inf])
)
CITIES = [f"city {one}" for one in range(40)]
WORDS = st.one_of(st.none(), st.sampled_from(["basic", "plus"]), st.text(max_size=4))


def training(n=300):
    rng = np.random.default_rng(5)
    frame = pl.DataFrame(
        {
            "fee": rng.lognormal(3, 1, n), "age": rng.integers(18, 90, n), "is_new": rng.random(n) < 0.3,
            "plan": rng.choice(["basic", "plus"], n, p=(0.7, 0.3)), "city": rng.choice(CITIES, n),
        }
    )  # fmt: skip
    return frame, (rng.random(n) < 0.4).astype(float)


@pytest.fixture(scope="module")
def recipe():
    frame, truth = training()
    fee, age = frame["fee"].to_numpy(), frame["age"].cast(pl.Float64).to_numpy()
    log = SignedLog("fee")
    steps = (
        log,
        Standardise.fit("log(fee)", np.asarray(log.many(fee)[0])),
        Bin.fit("age", age),
        OneHot.fit("plan", frame["plan"]),
        TargetEncoding.fit("city", frame["city"], truth),
    )
    made = [spec for step in steps[1:] for spec in step.writes]
    return Recipe(INPUTS, steps, (made[0], INPUTS[1], INPUTS[2], *made[1:]))


@pytest.fixture(scope="module")
def encoder(recipe):
    frame, _ = training()
    return Encoder.fit(recipe.apply(frame), Signature(recipe.columns, "classification", "y"))


def test_the_columns_come_in_order(recipe):
    frame, _ = training()
    made = recipe.apply(frame)
    assert made.columns == [
        "standardise(log(fee))", "age", "is_new", "bin(age)", "plan=basic", "plan=plus", "plan=(other)",
        "plan=(missing)", "target(city)",
    ]  # fmt: skip
    logs = np.log1p(frame["fee"].to_numpy())
    assert made["standardise(log(fee))"].to_numpy() == pytest.approx((logs - logs.mean()) / logs.std())


@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, WORDS, WORDS), min_size=1, max_size=6))
def test_a_row_alone_is_as_among_others(recipe, encoder, rows):
    alone = [
        encoder.encode_row(recipe.apply_row(dict(zip(("fee", "age", "is_new", "plan", "city"), row, strict=True))))
        for row in rows
    ]
    fit = [[_as_float(value) for value in row[:3]] + list(row[3:]) for row in rows]
    types = {"fee": pl.Float64, "age": pl.Float64, "is_new": pl.Float64, "plan": pl.String, "city": pl.String}
    many = encoder.encode(recipe.apply(pl.DataFrame(fit, schema=types, orient="row")))
    np.testing.assert_array_equal(np.concatenate(alone), many)
    assert not np.isinf(many).any()


def _as_float(value):
    try:
        return None if value is None else float(value)
    except OverflowError:
        return math.inf


def test_the_order_of_rows_does_not_count(recipe):
    frame, _ = training()
    assert recipe.apply(frame.reverse()).equals(recipe.apply(frame).reverse())


def test_what_was_stored_is_what_is_read(recipe):
    document = json.loads(json.dumps(recipe.to_json(), allow_nan=False))
    again = Recipe.from_json(document, INPUTS, recipe.tensor_file())
    assert again == recipe
    frame, _ = training()
    assert again.apply(frame).equals(recipe.apply(frame))


def test_what_was_changed_is_refused(recipe):
    document = json.loads(json.dumps(recipe.to_json()))
    document["steps"][1]["centre"] += 1e-9
    with pytest.raises(IntegrityError, match="not those that were stored"):
        Recipe.from_json(document, INPUTS)


def test_an_unknown_transform_is_refused():
    unknown = Recipe(INPUTS, (_Foreign("fee"),), INPUTS)
    with pytest.raises(UsageError, match=r"kind 'foreign'.*knows log"):
        Recipe.from_json(unknown.to_json(), INPUTS)


class _Foreign(SignedLog):
    kind = "foreign"


def test_only_what_is_needed_is_kept(recipe):
    small = recipe.keep(["standardise(log(fee))", "age"])
    assert [step.kind for step in small.steps] == ["log", "standardise"]
    frame, _ = training()
    assert small.apply(frame).equals(recipe.apply(frame).select("standardise(log(fee))", "age"))
    assert small.apply_row(frame.row(0, named=True)) == recipe.apply_row(frame.row(0, named=True))[:2]


def test_every_column_names_the_inputs_it_is_made_from(recipe):
    assert recipe.sources()["standardise(log(fee))"] == ("fee",)
    assert recipe.sources()["plan=plus"] == ("plan",)
    assert recipe.sources()["age"] == ("age",)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"fee": "ten"}, "'fee' should be a number"), ({"city": 7}, "'city' should be text"), ({"fee": []}, "'fee'")],
)
def test_wrong_values_are_named(recipe, change, message):
    row = training()[0].row(0, named=True) | change
    with pytest.raises(DataError, match=message):
        recipe.apply_row(row)


def test_wrong_and_absent_columns_are_named(recipe):
    frame, _ = training()
    with pytest.raises(DataError, match=r"'fee' should be a number.*String"):
        recipe.apply(frame.with_columns(pl.col("fee").cast(pl.String)))
    with pytest.raises(DataError, match=r"'fee' should be a number.*Date"):
        recipe.apply(frame.with_columns(fee=pl.date(2026, 1, 1)))
    for absent in ("city", "is_new"):
        with pytest.raises(DataError, match=f"lack.*'{absent}'"):
            recipe.apply(frame.drop(absent))


def test_columns_of_nulls_and_of_enums_are_read(recipe):
    frame, _ = training()
    nothing = frame.with_columns(fee=None, city=None, plan=pl.col("plan").cast(pl.Enum(["basic", "plus"])))
    made = recipe.apply(nothing)
    assert made["standardise(log(fee))"].is_nan().all()
    assert made["plan=basic"].sum() == (frame["plan"] == "basic").sum()


def test_a_column_made_twice_is_refused():
    with pytest.raises(DataError, match=r"\['log\(fee\)'\] would each be made twice"):
        Recipe(INPUTS, (SignedLog("fee"), SignedLog("fee")), INPUTS)


def test_a_row_through_ten_transforms_takes_well_under_a_tenth_of_a_millisecond():
    names = [f"x{one}" for one in range(10)]
    inputs = tuple(FeatureSpec(name, "number") for name in names)
    steps = tuple(SignedLog(name) for name in names)
    recipe = Recipe(inputs, steps, tuple(spec for step in steps for spec in step.writes))
    row = dict.fromkeys(names, 3.0)
    times = []
    for _ in range(500):
        started = time.perf_counter()
        recipe.apply_row(row)
        times.append(time.perf_counter() - started)
    assert sorted(times)[250] < 1e-4
