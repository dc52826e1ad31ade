"""A learning curve is given up only when even twice its expected improvement is not enough."""

import numpy as np
import pytest

from assay.training.outlook import cannot_reach


def curve(final, *, start=1.0, decay=0.99, n=200):
    return list(final + (start - final) * decay ** np.arange(n))


def test_a_curve_whose_limit_is_far_above_is_given_up():
    assert cannot_reach(0.5, curve(0.7, n=300), window=20)


def test_a_curve_whose_limit_is_below_is_kept_at_every_step():
    losses = curve(0.45, n=600)
    assert not any(cannot_reach(0.5, losses[:n], window=20) for n in range(1, 600))


def test_a_flat_curve_is_judged_by_where_it_stands():
    assert cannot_reach(0.5, [0.6] * 50, window=10)
    assert not cannot_reach(0.5, [0.4] * 50, window=10)


def test_improvement_that_speeds_up_is_kept():
    assert not cannot_reach(0.1, [1.0, 0.9, 0.7], window=1)


@pytest.mark.parametrize("n", [0, 1, 29])
def test_nothing_is_given_up_before_three_windows(n):
    assert not cannot_reach(0.0, [1.0] * n, window=10)
