"""One feature set of static attributes, values that change with events, and what only the request knows (FE-8)."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from assay.config.settings import Target
from assay.features import formulas, windows
from assay.features.definitions import Definitions, Feature, feature_view, request_view
from assay.features.frame import training_frame
from assay.features.materialize import build, compute
from assay.features.online import OnlineFeatures

START = datetime(2026, 3, 1, tzinfo=UTC)
SHOPS = pl.DataFrame({"shop": ["north", "south"], "region": ["hills", "coast"]})


def moment(hours):
    return START + timedelta(hours=hours)


def orders_until(hours):
    rows = [("north", 1, 10.0), ("south", 2, 99.0), ("north", 5, 30.0), ("north", 30, 200.0)]
    known = [(shop, moment(at), amount) for shop, at, amount in rows if at < hours]
    schema = {"shop": pl.String, "known_at": pl.Datetime("us", "UTC"), "amount": pl.Float64}
    return pl.DataFrame(known, schema=schema, orient="row")


@feature_view(entity="shop", source="shops", features={"shop_region": "Where it stands"}, refresh="monthly")
def place(shops):
    """Static: an attribute without a time."""
    return shops.select("shop", shop_region="region")


@feature_view(
    entity="shop",
    source="orders",
    features={
        "shop_amount_2n_mean": "Mean amount of the last two orders",
        "shop_order_last": Feature("When the last order came", internal=True),
    },
    refresh="streaming",
    staleness=timedelta(hours=12),
)
def orders(orders):
    """Dynamic: each order changes it."""
    return orders.select(
        "shop",
        "known_at",
        shop_amount_2n_mean=windows.last_rows("amount", 2, "mean", entity="shop"),
        shop_order_last=pl.col("known_at"),
    )


@request_view(features={"hours_since_order": "Hours since the last order", "amount_to_usual": "Against the usual"})
def question(rows):
    """Request time: the amount that is asked about, and how long ago the last order was."""
    since = windows.days_between("shop_order_last", "at") * 24
    return rows.with_columns(hours_since_order=since, amount_to_usual=formulas.ratio("amount", "shop_amount_2n_mean"))


DEFINITIONS = Definitions(views=(place, orders), request_views=(question,), module=pl)
TARGET = Target(source="orders", label="is_fraud", key="id", time="at", entities={"shop": "shop"}, inputs=("amount",))


@pytest.fixture
def reader(tables, online):
    def known(hours):
        for view in DEFINITIONS.views:
            build(view, {"shops": SHOPS.lazy(), "orders": orders_until(hours).lazy()}, tables=tables, online=online)
        return OnlineFeatures(target=TARGET, definitions=DEFINITIONS, store=online)

    return known


def test_one_vector_holds_all_three_and_says_since_when(reader):
    (vector,) = reader(10).vectors([{"shop": "north", "amount": 60.0, "at": moment(8)}], now=moment(8))
    assert vector.values == {
        "amount": 60.0, "shop_region": "hills", "shop_amount_2n_mean": 20.0,
        "hours_since_order": pytest.approx(3.0), "amount_to_usual": 3.0,
    }  # fmt: skip
    assert vector.states == {}
    assert vector.times == {"shop.orders": int(moment(5).timestamp()) * 1_000_000}
    assert vector.known_at("shop.orders") == moment(5)
    assert vector.known_at("shop.place") is None


def test_the_static_part_stays_when_the_dynamic_one_moves_ages_or_is_missing(reader):
    asked = [{"shop": shop, "amount": 1.0, "at": moment(33)} for shop in ("north", "south", "nowhere")]
    north, south, nowhere = reader(31).vectors(asked, now=moment(33))
    assert (north.values["shop_region"], north.values["shop_amount_2n_mean"]) == ("hills", 115.0)
    assert north.known_at("shop.orders") == moment(30)
    assert south.states == {"shop.orders": "stale"}
    assert (south.values["shop_region"], south.known_at("shop.orders")) == ("coast", moment(2))
    assert nowhere.states == {"shop.place": "missing", "shop.orders": "missing"}
    assert (nowhere.times, nowhere.values["amount_to_usual"]) == ({}, None)


def test_what_is_served_is_what_was_learnt_from_at_every_moment(reader):
    sources = {"shops": SHOPS.lazy(), "orders": orders_until(100).lazy()}
    for hours in (0.5, 3, 6, 31):
        rows = [{"shop": shop, "amount": 7.0, "at": moment(hours)} for shop in ("north", "south")]
        labels = pl.DataFrame(rows, schema_overrides={"at": pl.Datetime("us", "UTC")}).with_columns(id=0, is_fraud=0)
        frame, names = training_frame(
            labels, target=TARGET, definitions=DEFINITIONS, rows_of=lambda view: compute(
                view, {name: sources[name] for name in view.sources}
            ).lazy(),
        )  # fmt: skip
        served = reader(hours).vectors(rows, now=moment(hours))
        assert [one.values for one in served] == frame.select(names).to_dicts()
        for one in served:
            known = one.known_at("shop.orders")
            assert known is None or known < moment(hours)
