"""Linear models: logistic regression for classification, ridge regression for numbers, on one standardised matrix."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.models.linear import Expansion, LinearScorer
from assay.training.estimators.space import Dimension, Estimator
from assay.training.fitted import Fitted
from assay.training.matrices import Matrices

TOLERANCE = 1e-6
MAX_ITERATIONS = 200


class _LinearTrainer:
    """Keeps the expanded, standardised training rows, float64, shape (n_train, n_expanded)."""

    def __init__(self, matrices: Matrices) -> None:
        self._matrices = matrices
        self._expansion = Expansion.fit(matrices.train, matrices.encoder)
        self._columns = self._expansion.apply(matrices.train)

    def _fitted(self, name: str, params: Mapping[str, Any], coefficient: Any, intercept: float) -> Fitted:
        rows = self._matrices
        n_columns = len(rows.encoder.features)
        scorer = LinearScorer(rows.signature.task, n_columns, self._expansion, coefficient, intercept)
        return Fitted.of(rows, name, params, scorer)


class LogisticTrainer(_LinearTrainer):
    """L2-penalised logistic regression by Newton's method, which a few dozen columns make the fastest."""

    def fit(self, params: Mapping[str, Any], *, to_beat: float | None = None) -> Fitted:  # noqa: ARG002  # a fit is quick
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=params["C"], solver="newton-cholesky", tol=TOLERANCE, max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # an unconverged trial is judged like any other
            model.fit(self._columns, self._matrices.train_truth)
        return self._fitted("logistic", params, model.coef_[0], float(model.intercept_[0]))


class RidgeTrainer(_LinearTrainer):
    """L2-penalised least squares in closed form; the normal equations are made once."""

    def __init__(self, matrices: Matrices) -> None:
        super().__init__(matrices)
        self._mean = float(matrices.train_truth.mean())
        self._gram = self._columns.T @ self._columns
        self._moment = self._columns.T @ (matrices.train_truth - self._mean)

    def fit(self, params: Mapping[str, Any], *, to_beat: float | None = None) -> Fitted:  # noqa: ARG002  # a fit is quick
        penalty = params["alpha"] * np.eye(len(self._gram))
        coefficient = np.linalg.solve(self._gram + penalty, self._moment)
        return self._fitted("ridge", params, coefficient, self._mean)


LOGISTIC = Estimator(
    name="logistic",
    label="Logistic regression",
    task="classification",
    space={"C": Dimension(1e-4, 1e2, 1.0, is_log=True)},
    prepare=lambda matrices, _seed, _metric: LogisticTrainer(matrices),
)
RIDGE = Estimator(
    name="ridge",
    label="Ridge regression",
    task="regression",
    space={"alpha": Dimension(1e-2, 1e4, 1.0, is_log=True)},
    prepare=lambda matrices, _seed, _metric: RidgeTrainer(matrices),
)
