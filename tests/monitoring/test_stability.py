"""The stability index against sums done by hand, a second implementation, and its own properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from assay.errors import DataError
from assay.monitoring.stability import kl, psi, psi_by_bin, psi_of_chance

counts = st.lists(st.integers(0, 1_000), min_size=2, max_size=15).filter(any)


def test_psi_matches_a_sum_done_by_hand():
    # shares (0.9, 0.1) and (0.5, 0.5): 0.4 * ln(1.8) - 0.4 * ln(0.2) = 0.2351 + 0.6438
    assert psi([90, 10], [50, 50], pseudocount=0) == pytest.approx(0.8789, abs=1e-4)


def test_the_pseudocount_keeps_an_empty_bin_finite_as_done_by_hand():
    # 99.5/101 = 0.98515 and 1.5/101 = 0.01485 with half a row each, (99 + 0.5, 1 + 0.5); against (100.5, 0.5)/101
    p, q = (99.5 / 101, 1.5 / 101), (100.5 / 101, 0.5 / 101)
    by_hand = (q[0] - p[0]) * math.log(q[0] / p[0]) + (q[1] - p[1]) * math.log(q[1] / p[1])
    assert psi([99, 1], [100, 0]) == pytest.approx(by_hand, rel=1e-12)
    assert psi([99, 1], [100, 0], pseudocount=0) == math.inf


@given(
    pair=st.integers(2, 12).flatmap(lambda n: st.tuples(*[st.lists(st.integers(1, 999), min_size=n, max_size=n)] * 2))
)
def test_psi_agrees_with_scipys_relative_entropy_both_ways(pair):
    p, q = (np.array(one) / sum(one) for one in pair)
    assert psi(*pair, pseudocount=0) == pytest.approx(rel_entr(p, q).sum() + rel_entr(q, p).sum(), abs=1e-12)
    assert kl(*pair, pseudocount=0) == pytest.approx(rel_entr(q, p).sum(), abs=1e-12)


@given(one=counts, other=counts, order=st.randoms(use_true_random=False))
def test_psi_is_symmetric_never_negative_and_blind_to_the_order_of_bins(one, other, order):
    n = min(len(one), len(other))
    one, other = [1, *one[:n]], [1, *other[:n]]
    places = list(range(n + 1))
    order.shuffle(places)
    value = psi(one, other)
    assert value >= 0
    assert value == pytest.approx(psi(other, one))
    assert value == pytest.approx(psi([one[i] for i in places], [other[i] for i in places]))
    assert value == pytest.approx(psi_by_bin(one, other).sum())


@given(one=counts)
def test_a_histogram_has_not_moved_from_itself_and_empty_bins_add_nothing(one):
    assert psi(one, one) == 0
    moved = [count + 3 for count in one]
    assert psi([*one, 0, 0], [*moved, 0, 0]) == pytest.approx(psi(one, moved))


def test_without_rows_there_is_no_index():
    with pytest.raises(DataError, match="no data is not no drift"):
        psi([0, 0], [1, 2])
    with pytest.raises(DataError, match="same bins"):
        psi([1, 2], [1, 2, 3])


def test_samples_of_one_distribution_exceed_what_chance_allows_about_as_often_as_stated():
    rng = np.random.default_rng(7)
    shares = np.full(11, 1 / 11)
    values = [psi(rng.multinomial(5_000, shares), rng.multinomial(800, shares)) for _ in range(2_000)]
    limit = psi_of_chance(5_000, 800, 11, level=0.05)
    assert np.mean(np.array(values) > limit) == pytest.approx(0.05, abs=0.015)
