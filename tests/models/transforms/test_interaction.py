"""Interactions: by hand, and one row as among others whatever the numbers are."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models.transforms import Interaction

ANY = st.floats(allow_nan=True, allow_infinity=False)
KINDS = [
    Interaction("ratio", ("a", "b")), Interaction("difference", ("a", "b")), Interaction("product", ("a", "b")),
    Interaction("product", ("a", "a", "b")),
]  # fmt: skip


def test_by_hand():
    assert Interaction("ratio", ("a", "b")).one(6.0, 4.0) == (1.5,)
    assert Interaction("difference", ("a", "b")).one(6.0, 4.0) == (2.0,)
    assert Interaction("product", ("a", "a", "b")).one(3.0, 3.0, 2.0) == (18.0,)
    assert math.isnan(Interaction("ratio", ("a", "b")).one(6.0, 0.0)[0])
    assert [one.name for one in KINDS] == ["a / b", "a - b", "a * b", "a^2 * b"]


@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=10))
def test_a_row_alone_is_as_among_others(rows):
    for step in KINDS:
        columns = [np.array([dict(zip("ab", row, strict=True))[name] for row in rows]) for name in step.reads]
        with np.errstate(all="ignore"):
            many = step.many(*columns)[0]
        alone = [step.one(*(dict(zip("ab", row, strict=True))[name] for name in step.reads))[0] for row in rows]
        np.testing.assert_array_equal(np.array(alone), many)


@pytest.mark.parametrize("step", KINDS)
def test_what_was_stored_is_what_is_read(step):
    assert Interaction.from_json(step.to_json(), {}) == step
