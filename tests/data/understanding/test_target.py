"""Target: what a column tells of the label is found where it is, and not where it is not."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from assay.data.understanding.groups import grouped
from assay.data.understanding.target import associate, label_of

N = 4_000


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def told(column, kind, label, rng, *, n_columns=1, positive=None):
    half = rng.random(label.len()) < 0.5
    return associate(grouped(column, kind), label_of(label, half=half, positive=positive), n_columns=n_columns)


def test_a_number_that_tells_two_classes_has_about_the_area_of_its_own_order(rng):
    values = rng.normal(size=N)
    truth = (values + rng.normal(size=N) > 0).astype(int)
    found = told(pl.Series(values), "number", pl.Series("bought", truth), rng)
    assert found.measure == "ROC AUC"
    assert found.figure.value == pytest.approx(roc_auc_score(truth, values), abs=0.02)
    assert found.strength == pytest.approx(2 * found.figure.value - 1)
    assert not found.is_chance
    assert list(found.means) == sorted(found.means)


def test_a_number_whose_middle_tells_is_found_though_its_order_says_nothing(rng):
    values = rng.normal(size=N)
    truth = (np.abs(values) < 0.6).astype(int)
    assert abs(roc_auc_score(truth, values) - 0.5) < 0.03
    assert told(pl.Series(values), "number", pl.Series("bought", truth), rng).figure.value > 0.9


def test_that_a_value_is_missing_can_tell_everything(rng):
    truth = rng.integers(0, 2, N)
    case = pl.Series([f"case {row}" if one else None for row, one in enumerate(truth)])
    assert told(case, "identifier", pl.Series("recid", truth), rng).figure.value == pytest.approx(1.0, abs=0.001)


def test_columns_of_noise_are_called_chance(rng):
    truth = pl.Series("bought", rng.integers(0, 2, N))
    found = [told(pl.Series(rng.normal(size=N)), "number", truth, rng, n_columns=50) for _ in range(50)]
    assert sum(not one.is_chance for one in found) <= 1
    assert np.mean([one.figure.value for one in found]) == pytest.approx(0.5, abs=0.01)


def test_a_category_that_tells_a_quantity_is_measured_by_its_ranks_so_that_units_and_tails_do_not_matter(rng):
    town = rng.integers(0, 5, N)
    price = town + rng.normal(size=N)
    plain = told(pl.Series(town).cast(pl.String), "category", pl.Series("price", price), rng)
    tailed = told(pl.Series(town).cast(pl.String), "category", pl.Series("price", np.exp(4 * price)), rng)
    assert plain.measure == "correlation ratio"
    assert plain.figure.value == pytest.approx(tailed.figure.value)
    assert plain.figure.value == pytest.approx(np.sqrt(2 / 3), abs=0.05)  # variance 2 between, 1 within


def test_several_classes_are_measured_by_cramers_v(rng):
    colour = rng.integers(0, 3, N)
    found = told(pl.Series(colour).cast(pl.String), "category", pl.Series("kind", colour).cast(pl.String), rng)
    assert (found.measure, found.means) == ("Cramér's V", ())
    assert found.figure.value == pytest.approx(1.0)


def test_the_positive_class_is_the_declared_one_or_the_second(rng):
    label = pl.Series("Churn", ["Yes", "No", "No", "Yes"])
    half = np.array([True, False, True, False])
    assert label_of(label, half=half).classes == ("No", "Yes")
    assert label_of(label, half=half, positive="No").classes == ("Yes", "No")
    assert label_of(label, half=half).values.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("values", [[1, 1, 1], [None, None], [], [[1], [2]]])
def test_what_does_not_vary_or_is_no_value_is_no_label(values):
    column = pl.Series("y", values)
    assert label_of(column, half=np.zeros(column.len(), dtype=bool)) is None


def test_rows_without_a_label_do_not_count(rng):
    truth = pl.Series("y", [0, 1, None] * 1_000)
    found = told(pl.Series(range(3_000)), "number", truth, rng)
    assert sum(found.sizes) == 2_000
    assert found.figure.n == 2_000
