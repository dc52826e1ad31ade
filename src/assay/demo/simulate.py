"""A simulated subscription business: customers who buy, complain, meet price rises, take offers and leave.

Two years, month by month, from one seed; the same seed writes the same files. Three things are planted, and stated
in `Truth`, so that what the loop finds can be held against what was done: complaints of one group are settled more
slowly (a mild bias), the market turns on one day (drift), and retention offers, handed out at random, keep customers
(a known effect for A/B tests).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

START = datetime(2024, 7, 1, tzinfo=UTC)
MONTHS = 24
DRIFT_MONTH = 18
PLANS = ("basic", "plus", "family")
FEES = (9.0, 15.0, 24.0)
REGIONS = ("north", "south", "east", "west")
CHANNELS = ("web", "shop", "referral", "partner")
TOPICS = ("billing", "delivery", "quality", "account")
PRICE_RISES = ((6, "basic", 1.10), (11, "plus", 1.12), (14, "family", 1.08), (DRIFT_MONTH, "plus", 1.15))
OFFER_SHARE = 0.06
OFFER_EFFECT_LOGIT = -0.9
BIAS_SLOWDOWN = 1.35

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """What was planted.

    Attributes:
        drift_at: The day the market turned.
        offer_effect_logit: What a retention offer adds to the log-odds of leaving in the month it is made.
        offer_share: Chance that an active customer is made an offer in a month, independent of everything else.
        slower_group: The group whose complaints are settled more slowly.
        slowdown: By which factor.
    """

    drift_at: datetime
    offer_effect_logit: float = OFFER_EFFECT_LOGIT
    offer_share: float = OFFER_SHARE
    slower_group: str = "B"
    slowdown: float = BIAS_SLOWDOWN


@dataclass(frozen=True, slots=True)
class Business:
    """The simulated records, one frame a source file."""

    customers: pl.DataFrame
    purchases: pl.DataFrame
    tickets: pl.DataFrame
    prices: pl.DataFrame
    offers: pl.DataFrame
    months: pl.DataFrame
    truth: Truth


@dataclass(slots=True)
class _State:
    """What changes from month to month, one entry a customer."""

    satisfaction: Array
    active: Array
    rise_felt: Array


@dataclass(frozen=True, slots=True)
class _People:
    """What a customer brings along."""

    joined_month: Array
    joined_second: Array
    plan: Array
    region: Array
    channel: Array
    group: Array
    age: Array
    sensitivity: Array
    appetite: Array


def simulate(n_customers: int, seed: int) -> Business:
    """Simulate the business.

    Args:
        n_customers: How many people ever join.
        seed: The same seed gives the same business.
    """
    rng = np.random.default_rng(seed)
    people = _people(n_customers, rng)
    state = _State(rng.normal(0.3, 1.0, n_customers), np.zeros(n_customers, bool), np.zeros(n_customers))
    purchases, tickets, offers, months = [], [], [], []
    for month in range(MONTHS):
        state.active |= people.joined_month == month
        _feel_prices(month, people, state)
        bought = _purchases(month, people, state, rng)
        complained = _tickets(month, people, state, rng)
        offered = state.active & (rng.random(n_customers) < OFFER_SHARE)
        leaving = _leave(month, people, state, offered, rng)
        purchases.append(bought)
        tickets.append(complained)
        offers.append(_offers(month, offered, rng))
        months.append(_month_rows(month, people, state.active, leaving))
        state.active &= ~leaving
        drift = -0.05 if month >= DRIFT_MONTH else 0.0
        state.satisfaction = 0.95 * state.satisfaction + rng.normal(0.02 + drift, 0.36, n_customers)
    return Business(
        customers=_customer_rows(people),
        purchases=pl.concat(purchases).sort("time", "customer_id"),
        tickets=pl.concat(tickets).sort("settled", "customer_id"),
        prices=_price_rows(),
        offers=pl.concat(offers).sort("time", "customer_id"),
        months=pl.concat(months),
        truth=Truth(drift_at=month_start(DRIFT_MONTH)),
    )


def month_start(month: int) -> datetime:
    """The first instant of a simulated month; 0 is July 2024."""
    years, index = divmod(START.month - 1 + month, 12)
    return datetime(START.year + years, index + 1, 1, tzinfo=UTC)


def _people(n: int, rng: np.random.Generator) -> _People:
    """Who joins, when and how; a third are there from the first month, and partners bring people after the turn."""
    joined = np.where(rng.random(n) < 0.35, 0, rng.integers(0, MONTHS - 1, n))
    late = joined >= DRIFT_MONTH
    channel = rng.choice(3, n, p=(0.55, 0.25, 0.20))
    channel = np.where(late & (rng.random(n) < 0.7), 3, channel)
    return _People(
        joined_month=joined,
        joined_second=rng.integers(0, 5 * 86_400, n),
        plan=rng.choice(3, n, p=(0.5, 0.32, 0.18)),
        region=rng.choice(4, n, p=(0.35, 0.25, 0.22, 0.18)),
        channel=channel,
        group=np.where(rng.random(n) < 0.3, "B", "A"),
        age=np.clip(rng.normal(43, 14, n), 18, 90).round(),
        sensitivity=rng.gamma(2.0, 0.5, n),
        appetite=rng.gamma(9.0, 0.2, n),
    )


def _feel_prices(month: int, people: _People, state: _State) -> None:
    """A rise is felt by those on the plan, and forgotten over months."""
    state.rise_felt *= 0.6
    for when, plan, factor in PRICE_RISES:
        if when == month:
            state.rise_felt += np.where(people.plan == PLANS.index(plan), (factor - 1) * 10, 0.0)


def _purchases(month: int, people: _People, state: _State, rng: np.random.Generator) -> pl.DataFrame:
    """Extras bought on top of the subscription; after the turn baskets are dearer."""
    rate = people.appetite * np.exp(1.0 * state.satisfaction - 0.6)
    counts = np.where(state.active, rng.poisson(np.minimum(rate, 12.0)), 0)
    who = np.repeat(np.arange(len(counts)), counts)
    inflation = 1.55 if month >= DRIFT_MONTH else 1.0 + 0.002 * month
    amount = rng.lognormal(2.6, 0.5, len(who)) * inflation
    return pl.DataFrame(
        {"customer_id": _names(who), "time": _moments(month, who, people, rng), "amount": amount.round(2)}
    )


def _tickets(month: int, people: _People, state: _State, rng: np.random.Generator) -> pl.DataFrame:
    """Complaints: more from the unsatisfied, settled more slowly for one group, and souring the mood."""
    rate = 0.15 * np.exp(-0.9 * state.satisfaction) * (1.8 if month >= DRIFT_MONTH else 1.0)
    counts = np.where(state.active, rng.poisson(np.minimum(rate, 6.0)), 0)
    who = np.repeat(np.arange(len(counts)), counts)
    hours = rng.gamma(2.0, 12.0, len(who)) * np.where(people.group[who] == "B", BIAS_SLOWDOWN, 1.0)
    np.subtract.at(state.satisfaction, who, 0.008 * hours)
    opened = _moments(month, who, people, rng)
    return pl.DataFrame(
        {
            "customer_id": _names(who),
            "opened": opened,
            "settled": opened + pl.Series((hours * 3.6e9).astype(np.int64)).cast(pl.Duration("us")),
            "topic": np.array(TOPICS)[rng.choice(4, len(who), p=(0.4, 0.25, 0.25, 0.1))],
            "severity": rng.choice(4, len(who), p=(0.4, 0.35, 0.2, 0.05)) + 1,
            "hours_to_settle": hours.round(1),
        }
    )


def _leave(month: int, people: _People, state: _State, offered: Array, rng: np.random.Generator) -> Array:
    """Who leaves this month; after the turn a competitor courts those who buy most, and newcomers are less loyal."""
    turned = month >= DRIFT_MONTH
    tenure = month - people.joined_month
    logit = (
        -4.1
        - (1.6 if turned else 2.0) * state.satisfaction
        + (1.5 if turned else 0.0) * (people.appetite - 1.8)
        + (1.8 if turned else 0.7) * people.sensitivity * state.rise_felt
        + 0.8 * (tenure < 3)
        + (2.2 if turned else 0.0) * (people.channel == 3)
        + (1.0 if turned else 0.0) * (people.plan == 0)
        + OFFER_EFFECT_LOGIT * offered
    )
    leaving: Array = state.active & (rng.random(len(logit)) < 1 / (1 + np.exp(-logit)))
    return leaving


def _offers(month: int, offered: Array, rng: np.random.Generator) -> pl.DataFrame:
    """Retention offers, made in the first hours of the month."""
    who = np.flatnonzero(offered)
    start = np.datetime64(month_start(month).replace(tzinfo=None), "us")
    return pl.DataFrame(
        {
            "customer_id": _names(who),
            "time": _utc(start + rng.integers(1, 6 * 3_600, len(who)).astype("timedelta64[s]")),
            "discount_percent": rng.choice((10, 20, 30), len(who)),
        }
    )


def _month_rows(month: int, people: _People, active: Array, leaving: Array) -> pl.DataFrame:
    """One row an active customer: will they leave in the month that begins? Newcomers appear from their second."""
    who = np.flatnonzero(active & (people.joined_month < month))
    return pl.DataFrame(
        {
            "row_id": [f"{month_start(month):%Y-%m}-C{one:06d}" for one in who],
            "customer_id": _names(who),
            "plan": np.array(PLANS)[people.plan[who]],
            "group": people.group[who],
            "month": pl.Series([month_start(month)] * len(who), dtype=pl.Datetime("us", "UTC")),
            "churned": leaving[who].astype(np.int8),
        },
        schema_overrides={"row_id": pl.String},
    )


def _customer_rows(people: _People) -> pl.DataFrame:
    n = len(people.plan)
    joined = [
        month_start(int(month)) + timedelta(seconds=int(second)) - timedelta(days=30 if month == 0 else 0)
        for month, second in zip(people.joined_month, people.joined_second, strict=True)
    ]
    return pl.DataFrame(
        {
            "customer_id": _names(np.arange(n)),
            "joined": pl.Series(joined, dtype=pl.Datetime("us", "UTC")),
            "plan": np.array(PLANS)[people.plan],
            "region": np.array(REGIONS)[people.region],
            "channel": np.array(CHANNELS)[people.channel],
            "group": people.group,
            "age": people.age.astype(int),
        }
    ).sort("joined", "customer_id")


def _price_rows() -> pl.DataFrame:
    """The fee of each plan from the day it applies."""
    fees = dict(zip(PLANS, FEES, strict=True))
    rows = [(plan, START - timedelta(days=60), fee) for plan, fee in fees.items()]
    for month, plan, factor in PRICE_RISES:
        fees[plan] = round(fees[plan] * factor, 2)
        rows.append((plan, month_start(month) - timedelta(days=3), fees[plan]))
    schema: dict[str, pl.DataType] = {
        "plan": pl.String(),
        "effective": pl.Datetime("us", "UTC"),
        "monthly_fee": pl.Float64(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row").sort("effective", "plan")


def _names(who: Array) -> pl.Series:
    return (
        pl.Series(who).cast(pl.String).str.zfill(6).str.replace("^", "C")
        if len(who)
        else pl.Series([], dtype=pl.String)
    )


def _moments(month: int, who: Array, people: _People, rng: np.random.Generator) -> pl.Series:
    """Random instants in the month, after joining for those who join in it."""
    start = month_start(month).replace(tzinfo=None)
    length = int((month_start(month + 1).replace(tzinfo=None) - start).total_seconds())
    earliest = np.where(people.joined_month[who] == month, people.joined_second[who] + 1, 1)
    seconds = earliest + (rng.random(len(who)) * (length - earliest - 1)).astype(np.int64)
    return _utc(np.datetime64(start, "us") + seconds.astype("timedelta64[s]"))


def _utc(moments: Array) -> pl.Series:
    return pl.Series(moments.astype("datetime64[us]")).dt.replace_time_zone("UTC")
