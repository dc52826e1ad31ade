"""The sketch keeps quantiles within its stated error, and adds up exactly."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assay.monitoring.sketch import LARGEST, RELATIVE_ERROR, SMALLEST, Sketch

numbers = npst.arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e12, 1e12, allow_nan=False))


@given(values=numbers.filter(len), quantile=st.floats(0, 1))
def test_a_quantile_is_off_by_two_per_cent_at_most(values, quantile):
    values = np.where(np.abs(values) < SMALLEST, 0, values)
    exact = np.sort(values)[int(np.floor(quantile * (len(values) - 1)))]
    assert Sketch.of(values).quantile(quantile) == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-9)


@given(parts=st.lists(numbers, min_size=3, max_size=3))
def test_merging_parts_in_any_order_gives_the_sketch_of_the_whole(parts):
    one, two, three = map(Sketch.of, parts)
    whole = Sketch.of(np.concatenate(parts))
    assert one.merge(two).merge(three) == whole
    assert three.merge(two.merge(one)) == whole
    assert whole.n == sum(map(len, parts))


@given(values=numbers)
def test_it_survives_json(values):
    sketch = Sketch.of(values)
    assert Sketch.from_json(json.loads(json.dumps(sketch.to_json()))) == sketch


def test_extreme_values_are_counted_within_bounds():
    sketch = Sketch.of(np.array([1e300, 1e-300, -1e300, 5e-324]))
    assert sketch.n_zero == 2
    assert sketch.quantile(1) == pytest.approx(LARGEST, rel=0.05)
    rng = np.random.default_rng(0)
    wide = Sketch.of(rng.choice([-1, 1], 200_000) * np.exp(rng.uniform(-300, 300, 200_000)))
    assert len(wide.positive) + len(wide.negative) <= 6_403


def test_an_empty_sketch_has_no_quantile():
    assert np.isnan(Sketch.of(np.array([])).quantile(0.5))
