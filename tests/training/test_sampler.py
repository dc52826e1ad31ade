"""Proposals start with the defaults, stay in range, and depend on the seed and the past alone."""

import pytest

from assay.training.estimators import estimators_named
from assay.training.sampler import propose
from assay.training.trials import Trial

ESTIMATORS = estimators_named(["logistic", "lightgbm"], task="classification")


def history(n: int, *, seed: int = 0, lower_is: str = "lightgbm") -> list[Trial]:
    finished: list[Trial] = []
    while len(finished) < n:
        estimator, params = propose(ESTIMATORS, finished, seed=seed, higher_is_better=False)
        value = 0.5 + 0.001 * len(finished) + (0.0 if estimator.name == lower_is else 0.2)
        finished.append(Trial(len(finished), estimator.name, params, value, 0.0, False, {}))
    return finished


def test_each_estimators_defaults_come_first():
    first, second = history(2)
    assert (first.estimator, first.params) == ("logistic", {"C": 1.0})
    assert (second.estimator, second.params) == ("lightgbm", ESTIMATORS[1].defaults)


def test_every_proposal_is_in_range():
    spaces = {one.name: one.space for one in ESTIMATORS}
    for trial in history(25):
        for name, value in trial.params.items():
            dimension = spaces[trial.estimator][name]
            assert dimension.low <= value <= dimension.high
            assert isinstance(value, int) == dimension.is_integer


def test_equal_seeds_propose_alike_and_others_do_not():
    assert history(15) == history(15)
    assert history(15) != history(15, seed=1)


@pytest.mark.parametrize("better", ["logistic", "lightgbm"])
def test_proposals_lean_towards_the_estimator_that_does_better(better):
    later = [trial.estimator for trial in history(30, lower_is=better)[10:]]
    assert later.count(better) > 12
