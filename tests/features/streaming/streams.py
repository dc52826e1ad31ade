"""A small stream for tests: purchases, a view with windows over them, and events on a bus in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from assay.features.definitions import FeatureView, feature_view
from assay.features.materialize import compute
from assay.features.streaming.consumer import Consumer, Streamed
from assay.features.streaming.events import EventForm
from assay.features.streaming.past import Past
from assay.features.streaming.state import StreamState
from assay.stores.bus import Bus, open_bus
from assay.stores.online import OnlineRow, OnlineStore, open_online

CLOCK = pl.Datetime("us", "UTC")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
TYPES: dict[str, pl.DataType] = {
    "event_id": pl.String(),
    "customer_id": pl.String(),
    "time": CLOCK,
    "amount": pl.Float64(),
    "shop": pl.Categorical(),
}
TOPIC = "purchases"


@feature_view(
    entity="customer",
    source="purchases",
    stream=TOPIC,
    history=timedelta(days=10),
    partition_by="customer_id",
    features={
        "customer_spend_10d_sum": "Money spent in the 10 days up to the last purchase",
        "customer_purchases_5d_count": "Purchases in the 5 days up to the last one",
        "customer_amount_last": "Largest amount of the last moment",
    },
)
def spend(purchases: pl.LazyFrame) -> pl.LazyFrame:
    def rolling(what: pl.Expr, days: int) -> pl.Expr:
        return what.rolling(index_column="known_at", period=f"{days}d").over("customer_id")

    return purchases.sort("known_at").select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_spend_10d_sum=rolling(pl.col("amount").sum(), 10).round(6),
        customer_purchases_5d_count=rolling(pl.col("amount").count(), 5),
        customer_amount_last=pl.col("amount").max().over("customer_id", "known_at"),
    )


@feature_view(
    entity="customer",
    source="purchases",
    stream=TOPIC,
    history=3,
    partition_by="customer_id",
    features={"customer_amount_3g_mean": "Mean amount of the last three purchases"},
)
def recent(purchases: pl.LazyFrame) -> pl.LazyFrame:
    mean = pl.col("amount").rolling_mean(3, min_samples=1).over("customer_id")
    return purchases.sort("known_at", "event_id").select(
        "known_at", customer=pl.col("customer_id"), customer_amount_3g_mean=mean.round(6)
    )


def iso_times(_column: str, texts: Sequence[str]) -> list[int | None]:
    """Microseconds of ISO 8601 texts."""

    def one(text: str) -> int | None:
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        except ValueError:
            return None

    return [one(text) for text in texts]


FORM = EventForm(
    types=TYPES,
    time="time",
    id="event_id",
    keys=("customer_id",),
    delay_us=0,
    max_bytes=2_000,
    max_ahead_us=60_000_000,
    times=iso_times,
)


def event(number: int, customer: str, hours: float, amount: float) -> dict[str, Any]:
    """One purchase, `hours` after the start."""
    time = START + timedelta(hours=hours)
    return {"event_id": f"e{number:04}", "customer_id": customer, "time": time.isoformat(), "amount": amount}


def publish(bus: Bus, events: Sequence[Mapping[str, Any] | bytes]) -> None:
    bus.publish(TOPIC, [one if isinstance(one, bytes) else orjson.dumps(one) for one in events])


def source_frame(events: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Events as the rows of the source that a build reads."""
    rows = [{**one, "time": datetime.fromisoformat(one["time"]), "shop": None} for one in events]
    frame = pl.DataFrame(rows, schema={**TYPES, "time": CLOCK})
    return frame.with_columns(event_time=pl.col("time"), known_at=pl.col("time"))


def built(view: FeatureView, frame: pl.DataFrame) -> dict[str, OnlineRow]:
    """What a build over the whole source puts online: the newest row of each entity."""
    rows = compute(view, {"purchases": frame.lazy()}).unique("customer", keep="last", maintain_order=True)
    times = rows["known_at"].to_physical().to_list()
    values = rows.drop("customer", "known_at").to_dicts()
    return {key: OnlineRow(at, row) for key, at, row in zip(rows["customer"], times, values, strict=True)}


def held(view: FeatureView, online: OnlineStore, customers: Sequence[str]) -> dict[str, OnlineRow]:
    """What the online store has."""
    found = zip(customers, online.get(view.name, list(customers)), strict=True)
    return {key: row for key, row in found if row is not None}


class Stage:
    """A folder with a bus, a state and an online store, and consumers that come and go on it."""

    def __init__(self, folder: Path, *, past: pl.DataFrame | None = None, bus: Bus | None = None) -> None:
        self.folder = folder
        self.bus = bus or open_bus(folder / "bus.db")
        self.online = open_online(folder / "online.db")
        self.past = past
        self.views: tuple[FeatureView, ...] = (spend, recent)
        self.key: tuple[str, ...] = ("event_id",)
        self.most_cells = 1_000
        self.form, self.now = FORM, NOW

    def consumer(self, *, mark: str = "") -> Consumer:
        state = StreamState(self.folder / "streams.db")
        return Consumer(
            TOPIC,
            self.streamed(mark),
            form=self.form,
            state=state,
            bus=self.bus,
            online=self.online,
            clock=lambda: self.now,
        )

    def streamed(self, mark: str = "") -> list[Streamed]:
        frame = None if self.past is None else self.past.lazy()

        def past(view: FeatureView) -> Past:
            assert view.history is not None
            return Past(frame, by="customer_id", history=view.history, most_cells=self.most_cells)

        return [Streamed(view, "customer_id", past(view), mark, key=self.key) for view in self.views]

    def drain(self, *, mark: str = "") -> Consumer:
        """A consumer that has read all there is, closed."""
        consumer = self.consumer(mark=mark)
        while consumer.step(wait_seconds=0):
            pass
        self.end(consumer)
        return consumer

    def end(self, consumer: Consumer) -> None:
        consumer.close()
        consumer._state.close()
