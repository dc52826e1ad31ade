"""Samples by counting: each sample has as many units as the data, and groups stay whole."""

import numpy as np
import pytest

from assay.evaluation import resampling
from assay.evaluation.resampling import bootstrap_counts, codes_of, over_units, resampled
from assay.metrics.index import METRICS


def test_every_sample_draws_as_many_units_as_there_are():
    rng = np.random.default_rng(0)
    blocks = list(bootstrap_counts(30, n_rows=30, n_resamples=500, rng=rng))
    counts = np.vstack(blocks)
    assert counts.shape == (500, 30)
    assert (counts.sum(axis=1) == 30).all()
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(29 / 30, rel=0.05)  # multinomial


def test_blocks_change_memory_and_not_the_samples(monkeypatch):
    truth, scores = np.array([0, 1, 1, 0, 1.0]), np.array([0.1, 0.7, 0.4, 0.3, 0.9])
    statistic = METRICS["log_loss"].prepare(truth, scores)
    whole = resampled([statistic], n_units=5, n_rows=5, n_resamples=40, rng=np.random.default_rng(1))
    monkeypatch.setattr(resampling, "BLOCK_CELLS", 35)  # seven samples a block
    parts = resampled([statistic], n_units=5, n_rows=5, n_resamples=40, rng=np.random.default_rng(1))
    assert parts == pytest.approx(whole)


@pytest.mark.parametrize("name", ["log_loss", "roc_auc", "f1"])
def test_units_weigh_all_their_rows_alike(name):
    rng = np.random.default_rng(2)
    scores = rng.random(60)
    truth = (rng.random(60) < scores).astype(float)
    units = rng.integers(0, 12, 60)
    statistic = METRICS[name].prepare(truth, scores)
    weights = rng.integers(0, 3, (5, 12)).astype(float)
    assert over_units(statistic, units).at(weights) == pytest.approx(statistic.at(weights[:, units]))
    assert over_units(statistic, units).influence().shape == (12,)


def test_codes_number_groups_of_any_kind():
    assert codes_of(["b", "a", "b"]).tolist() == [1, 0, 1]
