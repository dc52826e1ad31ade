"""LightGBM: boosted trees on features that are binned once, stopped early by the validation loss.

The number of rounds is no hyperparameter here: each fit finds its own, up to a cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.models.lightgbm_library import load_lightgbm
from assay.models.trees import TreeScorer
from assay.training.estimators.space import Dimension, Estimator
from assay.training.fitted import Fitted
from assay.training.matrices import Matrices
from assay.training.outlook import cannot_reach

MAX_ROUNDS = 2_000
MAX_BIN = 127
"""Half of LightGBM's default: a fifth faster, and no worse on the data sets that were tried."""

THREADS = 2
ROWS_FOR_THREADS = 10_000
"""Fewer rows are learnt on one thread: threads that wait for each other cost more than so little work takes."""

EFFORT_BEFORE_OUTLOOK = 0.6
"""Rounds times learning rate before a fit may be given up."""

SEARCHED_LOSS = {"log_loss": "binary_logloss", "mae": "l1", "rmse": "rmse"}
"""Metrics of ours that LightGBM can watch under a name of its own; only these let a fit be given up early."""

SPACE = {
    "learning_rate": Dimension(0.01, 0.3, 0.05, is_log=True),
    "num_leaves": Dimension(15, 255, 31, is_log=True, is_integer=True),
    "feature_fraction": Dimension(0.5, 1.0, 0.8),
    "min_data_in_leaf": Dimension(5, 100, 20, is_integer=True),
}


class BoostingTrainer:
    """Keeps both sets of rows as LightGBM's binned data sets."""

    def __init__(self, matrices: Matrices, seed: int, metric: str) -> None:
        self._lightgbm = load_lightgbm()
        self._matrices = matrices
        is_classification = matrices.signature.task == "classification"
        self._can_give_up = metric in SEARCHED_LOSS
        self._fixed: dict[str, Any] = {
            "objective": "binary" if is_classification else "regression",
            "metric": SEARCHED_LOSS.get(metric, "binary_logloss" if is_classification else "l2"),
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,  # chosen, not timed, so that it never varies; a fifth faster than by rows
            "max_bin": MAX_BIN,
            "num_threads": THREADS if len(matrices.train) >= ROWS_FOR_THREADS else 1,  # by rows: not by the machine
            "feature_pre_filter": False,  # or min_data_in_leaf could not vary on one binned data set
            "verbosity": -1,
        }
        self._train = self._lightgbm.Dataset(
            matrices.train,
            matrices.train_truth,
            params=self._fixed,
            categorical_feature=matrices.categories,
        ).construct()
        self._validation = self._train.create_valid(
            matrices.validation, matrices.validation_truth, params=self._fixed
        ).construct()

    def fit(self, params: Mapping[str, Any], *, to_beat: float | None = None) -> Fitted:
        """Boost until validation stops improving, the cap is reached, or `to_beat` is out of reach."""
        booster = self._lightgbm.Booster({**self._fixed, **params}, self._train)
        booster.add_valid(self._validation, "validation")
        watch = _Watch(params["learning_rate"], to_beat if self._can_give_up else None)
        for _ in range(MAX_ROUNDS):
            is_finished = booster.update()
            watch.see(float(booster.eval_valid()[0][2]))
            if is_finished or watch.is_over:
                break
        rows = self._matrices
        text = booster.model_to_string(num_iteration=watch.best_round)
        return Fitted.of(
            rows,
            "lightgbm",
            params,
            TreeScorer(rows.signature.task, len(rows.encoder.features), text),
            details={"rounds": watch.best_round},
            was_pruned=watch.is_hopeless,
        )


class _Watch:
    """Follows the validation loss round by round, and says when to stop."""

    def __init__(self, learning_rate: float, to_beat: float | None) -> None:
        self._patience = 25 + round(1 / learning_rate)  # slow learners pause longer
        self._judged_from = EFFORT_BEFORE_OUTLOOK / learning_rate
        self._judged_every = max(5, round(0.2 / learning_rate))
        self._to_beat = to_beat
        self._losses: list[float] = []
        self.best_round = 1
        self.is_hopeless = False

    def see(self, loss: float) -> None:
        self._losses.append(loss)
        if loss < self._losses[self.best_round - 1]:
            self.best_round = len(self._losses)
        if self._to_beat is not None and self._is_time_to_judge():
            self.is_hopeless = cannot_reach(self._to_beat, self._losses)

    def _is_time_to_judge(self) -> bool:
        n_rounds = len(self._losses)
        return n_rounds >= self._judged_from and n_rounds % self._judged_every == 0

    @property
    def is_over(self) -> bool:
        return self.is_hopeless or len(self._losses) - self.best_round >= self._patience


LIGHTGBM_CLASSIFIER = Estimator(
    name="lightgbm", label="LightGBM", task="classification", space=SPACE, prepare=BoostingTrainer
)
LIGHTGBM_REGRESSOR = Estimator(
    name="lightgbm", label="LightGBM", task="regression", space=SPACE, prepare=BoostingTrainer
)
