"""Reconciliation: a lost, doubled or exchanged row is found wherever rows are handed on; their order is not asked."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.reconciliation import MODULUS, Reconciled, Step, Tally, strangers, tally

KEYS = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40)


def rows(keys) -> pl.DataFrame:
    return pl.DataFrame({"id": keys}, schema={"id": pl.Int64})


@settings(deadline=None, max_examples=80)
@given(KEYS, st.randoms(use_true_random=False), st.integers(0, 40))
def test_parts_in_any_order_add_up_to_the_whole(keys, random, at):
    shuffled = random.sample(keys, len(keys))
    parts = (tally("left", rows(shuffled[:at]), ["id"]), tally("right", rows(shuffled[at:]), ["id"]))
    assert Step(tally("all", rows(keys), ["id"]), parts).problem == ""


@settings(deadline=None, max_examples=80)
@given(KEYS, st.integers(0, 39), st.integers(-(2**40), 2**40))
def test_an_exchanged_key_is_found_though_the_count_is_right(keys, at, other):
    changed = list(keys)
    changed[at % len(keys)] = other
    problem = Step(tally("before", rows(keys), ["id"]), (tally("after", rows(changed), ["id"]),)).problem
    assert (problem == "") == (sorted(changed) == sorted(keys))
    assert problem == "" or problem.endswith("as many rows, but not the same keys")


def test_the_checksum_is_the_sum_of_hashes_modulo_two_to_the_64():
    keys = list(range(1_000))
    by_hand = sum(rows(keys).select(pl.struct(pl.col("id").cast(pl.String)).hash()).to_series().to_list()) % MODULUS
    assert tally("rows", rows(keys), ["id"]) == Tally("rows", 1_000, by_hand)


def test_a_key_may_change_its_type_on_the_way():
    numbers, texts = tally("a", rows([1, 2, 3]), ["id"]), tally("b", pl.DataFrame({"id": ["3", "2", "1"]}), ["id"])
    assert numbers.checksum == texts.checksum


@pytest.mark.parametrize(("left_out", "verdict"), [(0, "fail"), (1, "pass"), (2, "fail")])
def test_rows_left_out_on_purpose_are_counted_and_no_others(left_out, verdict):
    step = Step(tally("label rows", rows([1, 2, 3]), ["id"]), (tally("train", rows([1, 3]), ["id"]),), left_out)
    found = Reconciled([step]).evidence("reconciliation:parts")
    assert found.verdict == verdict
    assert ("rows reconciled: label rows → train" in found.summary) == (verdict == "pass")


def test_a_lost_row_is_told_with_both_counts():
    step = Step(tally("source sales", rows(range(1_200))), (tally("snapshot sales", rows(range(1_199))),))
    assert step.problem == "source sales 1,200 rows became snapshot sales 1,199 rows: -1 rows"


def test_rows_whose_keys_the_stage_before_lacks_are_counted():
    assert strangers(rows([1, 2, 9]), rows([1, 2, 3]), "id") == 1
    found = Reconciled([], {"label rows": 1}).evidence("reconciliation:parts")
    assert "label rows: 1 rows have a key that the stage before does not have" in found.summary
