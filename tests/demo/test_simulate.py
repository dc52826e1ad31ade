"""The simulated business: the same seed writes the same records, nothing knows the future, and the planted is there."""

import itertools

import numpy as np
import polars as pl
import pytest

from assay.demo import simulate as simulation
from assay.demo.files import prepare
from assay.demo.simulate import DRIFT_MONTH, MONTHS, START, month_start, simulate
from assay.errors import UsageError

FRAMES = ("customers", "purchases", "tickets", "prices", "offers", "months")


@pytest.fixture(scope="module")
def business():
    return simulate(6_000, 7)


def test_the_same_seed_gives_the_same_business_and_another_seed_another():
    one, again, other = simulate(300, 1), simulate(300, 1), simulate(300, 2)
    assert all(getattr(one, name).equals(getattr(again, name)) for name in FRAMES)
    assert not one.purchases.equals(other.purchases)


def test_months_follow_each_other_without_gap():
    moments = [month_start(month) for month in range(MONTHS + 1)]
    assert moments[0] == START
    assert {(later - earlier).days for earlier, later in itertools.pairwise(moments)} <= {28, 29, 30, 31}
    assert all(moment.day == 1 for moment in moments)


def test_every_question_is_asked_once_a_month_of_somebody_who_has_joined(business):
    rows = business.months.join(business.customers.select("customer_id", "joined"), on="customer_id")
    assert rows.height == business.months.height
    assert business.months["row_id"].is_unique().all()
    assert (rows["joined"] < rows["month"]).all()


def test_who_left_is_not_asked_about_again_and_buys_nothing_more(business):
    left = business.months.filter(pl.col("churned") == 1).select("customer_id", gone=pl.col("month"))
    assert left["customer_id"].is_unique().all()
    asked = business.months.join(left, on="customer_id")
    assert (asked["month"] <= asked["gone"]).all()
    bought = business.purchases.join(left, on="customer_id")
    assert (bought["time"] < bought["gone"].dt.offset_by("1mo")).all()


def test_nobody_buys_or_complains_before_joining(business):
    joined = business.customers.select("customer_id", "joined")
    for frame, time in ((business.purchases, "time"), (business.tickets, "opened")):
        assert (frame.join(joined, on="customer_id").select(pl.col(time) > pl.col("joined")).to_series()).all()


def test_complaints_of_the_slower_group_take_longer_by_the_planted_factor(business):
    waits = business.tickets.join(business.customers.select("customer_id", "group"), on="customer_id")
    mean = dict(waits.group_by("group").agg(pl.col("hours_to_settle").mean()).iter_rows())
    assert mean["B"] / mean["A"] == pytest.approx(business.truth.slowdown, rel=0.1)


def test_offers_are_handed_out_at_random_and_keep_customers(business):
    offered = business.offers.with_columns(month=pl.col("time").dt.truncate("1mo")).select("customer_id", "month")
    rows = business.months.join(
        offered.with_columns(offered=pl.lit(True)), on=["customer_id", "month"], how="left"
    ).with_columns(pl.col("offered").fill_null(value=False))
    assert rows["offered"].mean() == pytest.approx(business.truth.offer_share, abs=0.01)
    rate = dict(rows.group_by("offered").agg(pl.col("churned").mean()).iter_rows())
    assert rate[True] < rate[False]


def test_the_market_turns_on_the_planted_day(business):
    turned = business.truth.drift_at
    assert turned == month_start(DRIFT_MONTH)
    baskets = business.purchases.group_by(after=pl.col("time") >= turned).agg(pl.col("amount").mean())
    amount = dict(baskets.iter_rows())
    assert amount[True] > 1.3 * amount[False]
    partners = business.customers.filter(pl.col("channel") == "partner")
    assert (partners["joined"] >= turned).all()
    churn = dict(business.months.group_by(after=pl.col("month") >= turned).agg(pl.col("churned").mean()).iter_rows())
    assert churn[True] > churn[False]


def test_all_figures_are_finite_and_positive_where_they_must_be(business):
    for frame, column in ((business.purchases, "amount"), (business.prices, "monthly_fee")):
        assert np.isfinite(frame[column].to_numpy()).all()
        assert (frame[column] > 0).all()
    assert (business.tickets["settled"] >= business.tickets["opened"]).all()
    assert set(business.months["churned"]) == {0, 1}
    assert set(simulation.PLANS) == set(business.customers["plan"])


def test_preparing_twice_changes_no_file(tmp_path):
    prepare(tmp_path / "demo", n_customers=300, seed=1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "demo").rglob("*") if path.is_file()}
    (tmp_path / "demo" / "rules.py").write_text("mine")
    prepare(tmp_path / "demo", n_customers=300, seed=1)
    after = {path.name: path.read_bytes() for path in (tmp_path / "demo").rglob("*") if path.is_file()}
    assert after == {**before, "rules.py": b"mine"}


def test_two_folders_of_one_seed_hold_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        prepare(tmp_path / name, n_customers=300, seed=1)
    for path in (tmp_path / "one" / "data").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / "data" / path.name).read_bytes()


def test_another_simulation_is_not_written_over_the_first(tmp_path):
    prepare(tmp_path / "demo", n_customers=300, seed=1)
    with pytest.raises(UsageError, match="300"):
        prepare(tmp_path / "demo", n_customers=301, seed=1)
