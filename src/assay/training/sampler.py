"""Which hyperparameters to try next: Bayesian, by Optuna's tree-structured Parzen estimator, over several estimators.

Each proposal depends on the seed and the finished trials alone, so that a search that was killed and resumed proposes
what it would have proposed. Source: Bergstra et al. (2011), Algorithms for Hyper-Parameter Optimization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.training.estimators.space import Estimator
from assay.training.trials import Trial

RANDOM_TRIALS = 8
"""Finished trials, defaults included, before proposals lean on them."""


def propose(
    estimators: Sequence[Estimator], finished: Sequence[Trial], *, seed: int, higher_is_better: bool
) -> tuple[Estimator, dict[str, float | int]]:
    """The next estimator and its hyperparameters: first the defaults of each, then what past trials make promising."""
    if len(finished) < len(estimators):
        estimator = estimators[len(finished)]
        return estimator, estimator.defaults
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    draw = int(np.random.SeedSequence([seed, len(finished)]).generate_state(1)[0])
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=draw, n_startup_trials=RANDOM_TRIALS),
    )
    study.add_trials([_past(trial, estimators) for trial in finished])
    asked = study.ask()
    names = [one.name for one in estimators]
    chosen = estimators[names.index(asked.suggest_categorical("estimator", names))]
    return chosen, {name: _suggested(asked, chosen, name) for name in chosen.space}


def _suggested(asked: Any, estimator: Estimator, name: str) -> float | int:
    dimension = estimator.space[name]
    label = f"{estimator.name}.{name}"
    if dimension.is_integer:
        integer: int = asked.suggest_int(label, int(dimension.low), int(dimension.high), log=dimension.is_log)
        return integer
    number: float = asked.suggest_float(label, dimension.low, dimension.high, log=dimension.is_log)
    return number


def _past(trial: Trial, estimators: Sequence[Estimator]) -> Any:
    """A finished trial in Optuna's terms; one that was given up counts with the value it had reached."""
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

    estimator = next(one for one in estimators if one.name == trial.estimator)
    distributions: dict[str, BaseDistribution] = {
        "estimator": CategoricalDistribution([one.name for one in estimators])
    }
    for name, one in estimator.space.items():
        distributions[f"{estimator.name}.{name}"] = (
            IntDistribution(int(one.low), int(one.high), log=one.is_log)
            if one.is_integer
            else FloatDistribution(one.low, one.high, log=one.is_log)
        )
    params = {"estimator": trial.estimator} | {
        f"{estimator.name}.{name}": trial.params[name] for name in estimator.space
    }
    return optuna.trial.create_trial(params=params, distributions=distributions, value=trial.value)
