"""Planted violations of every kind are counted to the row, a clean model passes, and nothing depends on row order."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.settings import Behaviour
from assay.errors import ConfigError, DataError
from assay.evaluation.behaviour import BehaviourTest, Examined, behaviour_test, examine
from assay.evaluation.interval_methods import wilson

FLATS = pl.DataFrame(
    {
        "id": [4, 2, 1, 3, 5],
        "area": [40, 20, 10, 30, 50],
        "town": ["Ulm", "Bonn", "Ulm", "Bonn", None],
        "agent": ["A", "B", "A", "B", "A"],
    }
)


def fair(rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A price of 2 for each unit of area."""
    return rows["area"].cast(pl.Float64).fill_null(30.0).to_numpy() * 2


def biased(rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The same, and 7 more where the agent is B and the area is above 25."""
    extra = (rows["agent"] == "B") & (rows["area"].cast(pl.Float64) > 25)
    return fair(rows) + 7 * extra.fill_null(value=False).cast(pl.Float64).to_numpy()


def model(predict=fair, **given: Any) -> Examined:
    return Examined(predict, ("area", "town", "agent"), **given)


def declared(kind: str, **keys: Any) -> BehaviourTest:
    return BehaviourTest(Behaviour.model_validate({"name": "it holds", "kind": kind, **keys}))


def entry(test: BehaviourTest, model: Examined, rows: pl.DataFrame = FLATS, *, seed: int = 3) -> dict[str, Any]:
    found = examine([test], rows, model, key="id", seed=seed, subject="model:flats@1.0.0", part="holdout")
    assert found.kind == "model.behaviour"
    one: dict[str, Any] = found.to_json()["figures"]["tests"][0]
    assert found.verdict == one["verdict"]
    return one


def test_an_invariance_counts_the_rows_that_any_of_the_values_moves():
    # above 25 are 30, 40, 50: each is 7 dearer with agent B than with A
    found = entry(declared("invariance", columns=["agent"], values=["A", "B"]), model(biased))
    assert (found["n"], found["failures"], found["verdict"]) == (5, 3, "fail")
    interval = wilson(0.6, 5, level=0.95)
    assert found["rate"]["value"] == pytest.approx(0.6)
    assert (found["rate"]["low"], found["rate"]["high"]) == pytest.approx((interval.low, interval.high))
    assert {one["row"] for one in found["worst"]} == {3, 4, 5}
    of_four = next(one for one in found["worst"] if one["row"] == 4)
    assert (of_four["before"], of_four["after"]) == ({"agent": "A"}, {"agent": "B"})
    assert (of_four["prediction_before"], of_four["prediction_after"]) == (80, 87)


def test_a_clean_model_holds_all_of_them():
    tests = [
        declared("invariance", name="agent", columns=["agent"], values=["A", "B"]),
        declared("invariance", name="other agent", columns=["agent"], others=True),
        declared("directional", name="larger", columns=["area"], add=1, expect="higher"),
        declared("directional", name="smaller", columns=["area"], multiply=0.5, expect="lower"),
        declared("minimum_functionality", name="tiny", set={"area": 1}, at_least=2, at_most=2),
        declared("perturbation", name="noise", columns=["area"], noise=0.001, tolerance=1),
        declared("perturbation", name="unseen", columns=["town"], unseen=True),
    ]
    found = examine(tests, FLATS, model(), key="id", seed=0, subject="model:flats@1.0.0")
    assert found.verdict == "pass", found.summary
    assert found.summary == "7 of 7 behavioural tests hold on 5 rows"


def test_a_direction_counts_the_rows_that_go_the_other_way():
    def falls_beyond_forty(rows):
        area = rows["area"].to_numpy()
        return np.where(area <= 40, area, 80.0 - area)

    # 10, 20 and 30 rise by 10; 40 becomes 50 and falls from 40 to 30; 50 becomes 60 and falls from 30 to 20
    test = declared("directional", columns=["area"], add=10, expect="not_lower")
    found = entry(test, model(falls_beyond_forty))
    assert (found["n"], found["failures"]) == (5, 2)
    assert found["largest"] == -10
    allowed = declared("directional", columns=["area"], add=10, expect="not_lower", tolerance=10)
    assert entry(allowed, model(falls_beyond_forty))["failures"] == 0


def test_that_nothing_moves_breaks_a_demand_to_rise_and_not_one_not_to_fall():
    flat = model(lambda rows: np.ones(rows.height))
    assert entry(declared("directional", columns=["area"], add=1, expect="higher"), flat)["failures"] == 5
    assert entry(declared("directional", columns=["area"], add=1, expect="not_lower"), flat)["failures"] == 0


def test_minimum_functionality_counts_the_cases_beyond_the_limits():
    # 20, 40, 60, 80, 100: below 50 are two, above 90 is one
    assert entry(declared("minimum_functionality", at_least=50), model())["failures"] == 2
    assert entry(declared("minimum_functionality", at_least=50, at_most=90), model())["failures"] == 3
    decided = declared("minimum_functionality", decision="positive")
    assert entry(decided, model(threshold=60))["failures"] == 2
    small = declared("minimum_functionality", where="area < 25", at_most=40)
    assert (entry(small, model())["n"], entry(small, model())["failures"]) == (2, 0)


def test_a_function_may_bring_simple_cases_of_its_own():
    @behaviour_test(kind="minimum_functionality", at_most=5)
    def a_cupboard_is_cheap(rows):
        return rows.head(1).with_columns(area=pl.lit(3))

    found = entry(a_cupboard_is_cheap, model())
    assert (found["name"], found["n"], found["failures"]) == ("a cupboard is cheap", 1, 1)
    assert found["worst"][0]["prediction_after"] == 6


def test_missing_values_are_tried_one_column_at_a_time():
    # a missing area counts as 30: 10, 20, 40, 50 move by 40, 20, 20, 40; town and agent do not matter
    found = entry(declared("perturbation", columns=["*"], missing=True, tolerance=20), model())
    assert (found["n"], found["failures"]) == (5, 2)
    assert found["columns"] == ["area", "town", "agent"]
    assert {one["change"] for one in found["worst"]} == {"area: missing"}


def test_unusual_values_and_a_category_nobody_has_seen_are_found():
    found = entry(declared("perturbation", columns=["area"], multiply=10, tolerance=200), model())
    assert found["failures"] == 4  # 9 times 20, 40, 60, 80, 100: all but 180 are above 200

    def afraid_of_strangers(rows):
        return np.where(rows["town"].is_in(["Ulm", "Bonn"]).fill_null(value=True), 1.0, np.nan)

    found = entry(declared("perturbation", columns=["town"], unseen=True, tolerance=1e9), model(afraid_of_strangers))
    assert (found["n"], found["failures"]) == (5, 5)
    assert found["worst"][0]["prediction_after"] is None


def test_noise_is_in_units_of_the_column_and_the_same_for_one_seed():
    # the areas have a standard deviation of 15.8, a price moves by twice the noise
    test = declared("perturbation", columns=["area"], noise=1, tolerance=1)
    first, again, other = (entry(test, model(), seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first["largest"] != other["largest"]
    assert 5 < abs(first["largest"]) < 2 * 15.8 * 4


def test_what_follows_from_a_column_is_computed_again_unless_it_is_what_changes():
    def derive(rows):
        return rows.with_columns(rooms=pl.col("area") // 10)

    rows = derive(FLATS)
    by_rooms = Examined(
        lambda rows: rows["rooms"].to_numpy().astype(float),
        ("rooms",),
        derive=derive,
        derived=frozenset({"rooms"}),
        reads=frozenset({"area"}),
    )
    raw = entry(declared("directional", columns=["area"], add=10, expect="higher"), by_rooms, rows)
    assert (raw["failures"], raw["route"]) == (0, "derived again")
    direct = entry(declared("directional", columns=["rooms"], add=1, expect="higher"), by_rooms, rows)
    assert (direct["failures"], direct["route"]) == (0, "inputs")
    both = declared("minimum_functionality", set={"area": 10, "rooms": 9}, at_least=9)
    assert entry(both, by_rooms, rows)["failures"] == 0
    assert entry(declared("invariance", columns=["agent"], values=["A"]), by_rooms, rows)["route"] == "not read"


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt8, pl.Int64, pl.Float32, pl.Decimal(10, 2)])
def test_a_step_leaves_the_range_of_a_small_type_without_turning_round(dtype):
    rows = FLATS.with_columns(pl.col("area").cast(dtype))
    assert entry(declared("directional", columns=["area"], add=100, expect="higher"), model(), rows)["failures"] == 0
    assert entry(declared("directional", columns=["area"], add=-100, expect="lower"), model(), rows)["failures"] == 0
    assert entry(declared("directional", columns=["area"], multiply=100, expect="higher"), model(), rows)["n"] == 5


def test_times_move_by_days():
    day = pl.col("id")
    rows = FLATS.with_columns(built=pl.datetime(2020, 1, day, time_zone="UTC"), sold=pl.date(2021, 1, day))

    def age_days(rows):
        age = pl.col("sold").cast(pl.Datetime("us", "UTC")) - pl.col("built")
        return rows.select(age.dt.total_hours() / 24.0).to_series().to_numpy()

    days = Examined(age_days, ("built", "sold"))
    assert entry(declared("directional", columns=["built"], add=-1.5, expect="higher"), days, rows)["largest"] == 1.5
    assert entry(declared("directional", columns=["sold"], add=2, expect="higher"), days, rows)["largest"] == 2
    fixed = declared("minimum_functionality", set={"built": "2020-12-31", "sold": "2021-01-01"}, at_least=1, at_most=1)
    assert entry(fixed, days, rows)["failures"] == 0


def test_a_column_of_nothing_is_no_error_and_no_proof():
    rows = FLATS.with_columns(area=pl.lit(None))
    for keys in ({"add": 1}, {"noise": 1}, {"multiply": 2}, {"missing": True}):
        found = entry(declared("perturbation", columns=["area"], tolerance=1, **keys), model(), rows)
        assert (found["verdict"], found["n_unchanged"]) == ("warn", 5), keys


def test_columns_can_be_exchanged():
    rows = FLATS.with_columns(cellar=pl.col("area") + 5)
    sums = Examined(lambda rows: (rows["area"] + rows["cellar"]).to_numpy().astype(float), ("area", "cellar"))
    assert entry(declared("invariance", swap={"area": "cellar"}), sums, rows)["failures"] == 0
    assert entry(declared("invariance", swap={"area": "cellar"}), model(), rows)["failures"] == 5


def test_a_change_that_alters_no_row_proves_nothing():
    found = entry(declared("invariance", columns=["agent"], values=["A"], where="agent = 'A'"), model())
    assert (found["verdict"], found["n"], found["n_unchanged"]) == ("warn", 0, 3)
    found = entry(declared("invariance", columns=["agent"], values=["A"], where="area > 999"), model())
    assert (found["verdict"], found["found"]) == ("warn", "no row to try")


def test_failures_up_to_the_limit_are_allowed_and_a_warning_does_not_close_a_gate():
    keys: dict[str, Any] = {"columns": ["agent"], "values": ["A", "B"]}
    assert entry(declared("invariance", max_failure_rate=0.6, **keys), model(biased))["verdict"] == "pass"
    assert entry(declared("invariance", max_failure_rate=0.59, **keys), model(biased))["verdict"] == "fail"
    assert entry(declared("invariance", severity="warning", **keys), model(biased))["verdict"] == "warn"


def test_a_model_that_refuses_the_changed_rows_fails_with_its_reason():
    def picky(rows):
        if rows["town"].null_count() > 1:
            raise DataError("town is missing")
        return fair(rows)

    found = entry(declared("perturbation", columns=["town"], missing=True, tolerance=1), model(picky))
    assert (found["verdict"], found["found"]) == ("fail", "no answer: town is missing")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"columns": ["aera"], "add": 1}, "no column is called 'aera'; did you mean 'area'?"),
        ({"columns": ["town"], "add": 1}, r"`add` is for columns of numbers or times, not for town \(String\)"),
        ({"columns": ["area"], "unseen": True}, "`unseen` is for columns of text"),
        ({"set": {"area": "large"}}, "does not fit its column"),
        ({"columns": ["area"], "add": 1, "where": "aera > 3"}, "`where` cannot be answered"),
    ],
)
def test_a_declaration_that_fits_no_rows_is_refused(keys, told):
    with pytest.raises(ConfigError, match=told):
        entry(declared("perturbation", tolerance=1, **keys), model())


def test_a_function_must_keep_rows_and_columns():
    for change in (lambda rows: rows.head(2), lambda rows: rows.drop("town"), lambda rows: None):
        test = BehaviourTest(Behaviour(name="it holds", kind="invariance"), change)
        with pytest.raises(ConfigError, match="it holds"):
            entry(test, model())


@given(order=st.permutations(range(5)), seed=st.integers(0, 2**31))
def test_the_order_of_rows_decides_nothing(order, seed):
    tests = [
        declared("perturbation", name="noise", columns=["area"], noise=0.5, tolerance=10),
        declared("invariance", name="others", columns=["agent"], others=True),
        declared("invariance", name="few", columns=["agent"], values=["A", "B"], rows=3),
    ]
    given: dict[str, Any] = {"key": "id", "seed": seed, "subject": "model:flats@1.0.0"}
    shuffled = FLATS.select(pl.all().gather(list(order)))
    assert examine(tests, FLATS, model(biased), **given) == examine(tests, shuffled, model(biased), **given)


@given(
    tolerances=st.tuples(st.floats(0, 50), st.floats(0, 50)).map(sorted),
    kind=st.sampled_from(["invariance", "perturbation", "directional"]),
)
def test_a_larger_tolerance_never_fails_more_rows(tolerances, kind):
    keys: dict[str, Any] = {"columns": ["area"], "noise": 0.5}
    if kind == "directional":
        keys["expect"] = "not_higher"
    strict, lax = (entry(declared(kind, tolerance=one, **keys), model(biased)) for one in tolerances)
    assert strict["failures"] >= lax["failures"]


@given(n=st.integers(2, 40), seed=st.integers(0, 2**31))
def test_every_row_takes_the_values_of_another_one(n, seed):
    rows = pl.DataFrame({"id": range(n), "area": range(n), "town": ["Ulm"] * n, "agent": ["A"] * n})
    found = entry(declared("invariance", columns=["area"], others=True), model(), rows, seed=seed)
    assert (found["n"], found["failures"], found["n_unchanged"]) == (n, n, 0)


def test_another_test_beside_it_changes_no_draw():
    test = declared("perturbation", columns=["area"], noise=1, tolerance=1)
    first = declared("perturbation", name="first", columns=["area"], noise=1, tolerance=1)
    both = examine([first, test], FLATS, model(), key="id", seed=3, subject="model:flats@1.0.0")
    assert both.to_json()["figures"]["tests"][1] == entry(test, model())
