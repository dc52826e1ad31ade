"""Groups: remembered customers and twin rows across the split are told, honest repetition is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from assay.data.leakage import check_groups
from assay.models.frame import LabelledFrame

N = 2_000


def frames(rows: pl.DataFrame, *features: str, time: str | None = None, group: str | None = None):
    whole = LabelledFrame(rows, "id", "y", features, time, group)
    return whole.take(rows[: N // 2]), whole.take(rows[N // 2 :])


def customers(n_customers: int = 200, *, seed: int = 0) -> pl.DataFrame:
    """Rows of customers with a height and a weight that never change, and a mood that does."""
    rng = np.random.default_rng(seed)
    who = np.arange(N) % n_customers
    return pl.DataFrame(
        {
            "id": range(N),
            "y": rng.integers(0, 2, N),
            "customer": who,
            "height": rng.normal(170, 10, n_customers)[who],
            "weight": rng.normal(70, 10, n_customers)[who],
            "mood": rng.normal(size=N),
        }
    )


def test_customers_whom_lasting_features_tell_apart_are_a_warning_with_the_remedy():
    found = check_groups(*frames(customers(), "height", "weight", "mood"), entities=["customer"])
    assert (found.kind, found.verdict) == ("leakage.groups", "warn")
    assert found.figures["entities"]["customer"] == {"rows": 1_000, "of": 1_000, "identified": 1.0}
    assert "set target.group: customer" in found.summary


def test_customers_without_lasting_features_or_with_time_or_kept_apart_pass():
    rows = customers()
    assert check_groups(*frames(rows, "mood"), entities=["customer"]).verdict == "pass"
    start = datetime(2025, 1, 1, tzinfo=UTC)
    timed = rows.with_columns(at=pl.Series([start + timedelta(hours=hour) for hour in range(N)]))
    passed = check_groups(*frames(timed, "height", "weight", "mood", time="at"), entities=["customer"])
    assert passed.verdict == "pass"
    assert "1,000 of a 'customer'" in passed.summary
    apart = check_groups(*frames(rows.sort("customer"), "height", "weight", "mood"), entities=["customer"])
    assert apart.verdict == "pass"


def test_twins_under_other_keys_are_counted_and_named():
    rows = customers(N)
    copied = rows[:100].with_columns(id=pl.int_range(pl.len()) + 10_000)
    train, validation = frames(rows, "height", "weight", "mood")
    validation = validation.take(pl.concat([copied, validation.rows[100:]]))
    found = check_groups(train, validation)
    assert found.verdict == "warn"
    assert found.figures["twins"]["rows"] == 100
    assert (
        "100 of 1,000 validation rows have every feature of a training row with another 'id', such as 10000"
        in found.summary
    )


def test_a_few_coarse_features_make_twins_by_coincidence():
    rng = np.random.default_rng(1)
    rows = pl.DataFrame(
        {"id": range(N), "y": rng.integers(0, 2, N), "a": rng.integers(0, 3, N), "b": rng.integers(0, 4, N)}
    )
    found = check_groups(*frames(rows, "a", "b"))
    assert (found.verdict, found.figures["twins"]["rows"]) == ("pass", 1_000)
