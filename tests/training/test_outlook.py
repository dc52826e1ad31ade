"""A learning curve is given up only when even twice its expected improvement is not enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.training.outlook import cannot_reach


def curve(final, *, start=1.0, decay=0.99, n=200):
    return list(final + (start - final) * decay ** np.arange(n))


def test_a_curve_whose_limit_is_far_above_is_given_up():
    assert cannot_reach(0.5, curve(0.7, n=400))


@given(final=st.floats(0.1, 0.49), decay=st.floats(0.9, 0.999), n=st.integers(1, 600))
def test_a_curve_whose_limit_is_below_is_kept_at_every_step(final, decay, n):
    assert not cannot_reach(0.5, curve(final, decay=decay, n=n))


def test_a_flat_curve_is_judged_by_where_it_stands():
    assert cannot_reach(0.5, [0.6] * 50)
    assert not cannot_reach(0.5, [0.4] * 50)


def test_improvement_that_speeds_up_is_kept():
    assert not cannot_reach(0.1, [1.0] * 10 + [0.9] * 10 + [0.7] * 10)


@pytest.mark.parametrize("n", [0, 1, 29])
def test_nothing_is_given_up_before_thirty_losses(n):
    assert not cannot_reach(0.0, [1.0] * n)
