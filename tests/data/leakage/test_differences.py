"""Differences: rounding and missing values are none, everything else is."""

from __future__ import annotations

import polars as pl
import pytest

from assay.data.leakage.differences import differing, listed

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ([1.0, 1e9, 0.0], [1.0 + 1e-9, 1e9 + 100, 1e-9], [False, False, False]),
        ([1.0, 1e9, 0.0], [1.001, 1e9 + 1e5, 0.1], [True, True, True]),
        ([None, NAN, None, 1.0], [None, None, 1.0, NAN], [False, False, True, True]),
        ([INF, INF, -INF], [INF, 1.0, INF], [False, True, True]),
        ([1, 2], [1.0, 2.5], [False, True]),
        ([True, False], [1, 1], [False, True]),
        (["a", None, "b"], ["a", None, None], [False, False, True]),
        ([None, None], [1.0, None], [True, False]),
    ],
)
def test_two_columns_differ_where_a_person_would_say_so(one, other, differs):
    assert differing(pl.Series(one), pl.Series(other)).tolist() == differs
    assert differing(pl.Series(other), pl.Series(one)).tolist() == differs


def test_names_are_listed_as_a_sentence_needs_them():
    assert listed([]) == ""
    assert listed(["a"]) == "'a'"
    assert listed(["a", "b", "c"]) == "'a', 'b' and 'c'"
    assert listed("abcdefg") == "'a', 'b', 'c', 'd', 'e' and 2 more"
