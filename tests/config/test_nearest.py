"""The nearest known word is the one that a typing error started from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.nearest import did_you_mean, distance, nearest


@pytest.mark.parametrize(
    ("one", "other", "errors"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("port", "prot", 1),
        ("port", "ports", 1),
        ("port", "pert", 1),
        ("kitten", "sitting", 3),
    ],
)
def test_distance_counts_typing_errors(one: str, other: str, errors: int) -> None:
    assert distance(one, other) == errors


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_distance_is_symmetric_and_at_most_the_longer_length(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


def test_ties_are_all_named_and_strangers_are_not() -> None:
    assert nearest("pot", ["port", "post", "host"]) == ("port", "post")
    assert nearest("elephant", ["port", "host"]) == ()
    assert did_you_mean("PORT", ["port"]) == "did you mean 'port'?"
    assert did_you_mean("x" * 1000, ["x" * 1000]) == ""
