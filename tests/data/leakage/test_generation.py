"""Generation: what the making of a data set left in it is named, and what time and entities explain is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.data.leakage import check_generation
from assay.models.frame import LabelledFrame

N = 3_000
START = datetime(2024, 1, 1, tzinfo=UTC)


def made(seed: int = 0, n: int = N, share: float = 0.3) -> tuple[pl.DataFrame, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(int)
    return pl.DataFrame({"id": rng.permutation(n) + 10_000, "y": y, "x": y + rng.normal(size=n)}), y, rng


def check(rows: pl.DataFrame, *features: str, time: str | None = None, task: str = "classification", **asked: object):
    frame = LabelledFrame(rows, "id", "y", ("x", *features), time)
    return check_generation(frame, task=task, rng=np.random.default_rng(1), **asked)


def told(found) -> list[str]:
    return [one["trace"] for one in found.figures["findings"]]


def test_innocent_rows_pass_and_say_what_was_asked():
    found = check(made()[0])
    assert (found.kind, found.verdict) == ("leakage.generation", "pass")
    assert found.figures["asked"] == ["the row order", "the number in 'id'", "the last digit of 'id'"]


def test_rows_collected_class_by_class_are_a_warning_that_names_their_order():
    found = check(made()[0].sort("y"))
    assert (found.verdict, told(found)) == ("warn", ["the row order"])
    assert "the row order (AUC 1.000)" in found.summary


def test_an_id_given_out_by_class_is_named_and_refused_where_the_model_reads_it():
    rows, y, rng = made()
    given = rows.with_columns(id=pl.Series([f"C-{20_000 * one + number:06d}" for number, one in enumerate(y)]))
    given = given[rng.permutation(N)]
    unread = check(given)
    assert unread.verdict == "warn"
    assert "the number in 'id' (AUC 1.000)" in unread.summary
    read = check(given, "id")
    assert read.verdict == "fail"
    assert "the number in 'id' (AUC 1.000, and the model reads it)" in read.summary
    assert check(given, "id", accepted={"id": "drawn by lot, says the registry"}).verdict == "warn"


def test_the_last_digit_of_a_key_that_was_dealt_out_by_class_is_named():
    rows, y, rng = made()
    found = check(
        rows.with_columns(id=pl.Series(10 * rng.permutation(N) + np.where(y == 1, 7, rng.integers(0, 10, N))))
    )
    assert told(found)[0] == "the last digit of 'id'"


def test_one_file_for_each_class_is_named():
    rows, y, rng = made()
    files = np.where(rng.random(N) < 0.9, y, 1 - y)
    found = check(rows.with_columns(source_file=pl.Series([f"export_{one}.csv" for one in files])))
    assert told(found) == ["column 'source_file'"]


def test_gaps_that_tell_the_label_are_named_and_gaps_at_random_are_not():
    rows, y, rng = made()
    gaps = rng.random(N) < np.where(y == 1, 0.5, 0.1)
    found = check(rows.with_columns(lab=pl.when(pl.Series(~gaps)).then(pl.col("x"))), "lab")
    assert (found.verdict, told(found)) == ("warn", ["whether 'lab' is missing"])
    at_random = rows.with_columns(lab=pl.when(pl.Series(rng.random(N) < 0.5)).then(pl.col("x")))
    assert check(at_random, "lab").verdict == "pass"


def test_a_fraction_of_a_second_that_only_one_class_has_is_named():
    rows, y, rng = made()
    at = [START + timedelta(minutes=int(m), microseconds=int(f) * int(one)) for m, f, one in zip(
        rng.integers(0, 500_000, N), rng.integers(1, 999_999, N), y, strict=True)]  # fmt: skip
    found = check(rows.with_columns(created=pl.Series(at)), "created")
    assert found.verdict == "fail"
    assert "the fraction of a second of 'created'" in found.summary


def test_a_rate_that_drifts_with_time_makes_neither_order_nor_counter_telling():
    rng = np.random.default_rng(5)
    n = 6_000
    y = (rng.random(n) < np.linspace(0.05, 0.6, n)).astype(int)
    at = [START + timedelta(hours=number) for number in range(n)]
    rows = pl.DataFrame({"id": range(n), "y": y, "x": rng.normal(size=n), "at": at})
    assert check(rows, time="at").verdict == "pass"
    assert {"the row order", "the number in 'id'"} == set(told(check(rows)))  # a trace, where time is not declared


def test_customers_who_differ_make_neither_their_number_nor_the_order_by_customer_telling():
    rng = np.random.default_rng(6)
    customer = np.repeat(np.arange(60), 50)
    y = (rng.random(N) < rng.beta(1, 2, 60)[customer]).astype(int)
    rows = pl.DataFrame({"id": range(N), "y": y, "x": rng.normal(size=N), "customer": customer})
    assert check(rows, entities=["customer"]).verdict == "pass"


def test_numbers_given_to_customers_by_their_outcome_are_named():
    rng = np.random.default_rng(7)
    rate = np.sort(rng.beta(1, 2, 300))
    customer = rng.permutation(np.repeat(np.arange(300), 10))
    y = (rng.random(N) < rate[customer]).astype(int)
    rows = pl.DataFrame({"id": rng.permutation(N), "y": y, "x": rng.normal(size=N), "customer": customer})
    assert "the number in 'customer'" in told(check(rows, entities=["customer"]))


def test_a_quantity_that_follows_the_row_order_is_named():
    rng = np.random.default_rng(8)
    rows = pl.DataFrame({"id": rng.permutation(N), "y": np.sort(rng.normal(size=N)), "x": rng.normal(size=N)})
    found = check(rows, task="regression")
    assert "the row order (correlation 0.99" in found.summary


@pytest.mark.parametrize("n_positive", [0, 19])
def test_too_few_of_a_class_are_not_asked(n_positive):
    rows = made()[0].with_columns(y=pl.int_range(pl.len()) < n_positive).with_columns(pl.col("y").cast(pl.Int64))
    assert check(rows).verdict == "info"


def test_a_ticket_of_words_and_digits_is_taken_for_a_name_and_a_number_that_is_a_feature_is_not():
    rows, y, rng = made()
    tickets = pl.Series(
        [f"T{7 if one else 2}{number:05d}" for one, number in zip(y, rng.integers(0, 99_999, N), strict=True)]
    )
    found = check(rows.with_columns(ticket=tickets), "ticket")
    assert found.verdict == "fail"
    assert "the number in 'ticket' (AUC 1.000, and the model reads it)" in found.summary
    cents = pl.Series(rng.permutation(N) + 100_000 * y)  # a very good feature is for another check to judge
    assert check(rows.with_columns(cents=cents), "cents").verdict == "pass"
