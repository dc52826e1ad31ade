"""A fitted model before it is written down: its parts, what it learnt, and which inputs it leans on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from assay.config.settings import Training
from assay.models.encoder import Encoder
from assay.models.frame import LabelledFrame
from assay.models.linear import Expansion, LinearScorer
from assay.models.recipe import Recipe
from assay.models.signature import Signature
from assay.models.trees import TreeScorer
from assay.training.matrices import Matrices, checked_truth, encoder_of
from assay.training.prepare import prepare

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of one fit.

    Attributes:
        estimator: Its name in the index of estimators.
        params: Every hyperparameter it was given.
        training: What was declared to be fitted on the inputs first.
        details: What the fit itself decided, such as `rounds` of boosting.
        was_pruned: Given up early, because it could not become the best.
    """

    estimator: str
    params: Mapping[str, Any]
    signature: Signature
    training: Training
    recipe: Recipe
    encoder: Encoder
    scorer: LinearScorer | TreeScorer
    details: Mapping[str, Any] = field(default_factory=dict)
    was_pruned: bool = False

    @classmethod
    def of(
        cls,
        rows: Matrices,
        estimator: str,
        params: Mapping[str, Any],
        scorer: LinearScorer | TreeScorer,
        *,
        details: Mapping[str, Any] | None = None,
        was_pruned: bool = False,
    ) -> Self:
        """A scorer with everything that led from inputs to its matrix."""
        return cls(
            estimator=estimator,
            params=dict(params),
            signature=rows.signature,
            training=rows.training,
            recipe=rows.prepared.recipe,
            encoder=rows.encoder,
            scorer=scorer,
            details=details or {},
            was_pruned=was_pruned,
        )

    def predict(self, rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Probability or value of each row, not calibrated, shape (n_rows,)."""
        return self.scorer.score(self.encoder.encode(self.recipe.apply(rows)))

    @property
    def metadata(self) -> dict[str, Any]:
        """What the bundle says of it."""
        return {
            "estimator": self.estimator,
            "params": dict(self.params),
            "details": dict(self.details),
            "importance": self.importance(),
        }

    def importance(self) -> dict[str, float]:
        """Share of each input, most important first; that of a column made of several is divided among them."""
        shares = dict.fromkeys(self.signature.names, 0.0)
        sources = self.recipe.sources()
        for column, share in self.column_importance().items():
            for name in sources[column]:
                shares[name] += share / len(sources[column])
        return _ranked(shares)

    def column_importance(self) -> dict[str, float]:
        """Share of each column of the matrix: gain of its splits, or size of its standardised weights."""
        raw = self.scorer.importance()
        shares = raw / raw.sum() if raw.sum() > 0 else raw
        return _ranked(dict(zip((spec.name for spec in self.encoder.features), shares.tolist(), strict=True)))

    def fitted_arrays(self) -> Arrays:
        """What its preprocessing learnt: transforms, category counts, a linear model's medians, means and scales."""
        arrays = self.recipe.learnt() | self.encoder.fitted_arrays()
        return arrays | self.scorer.expansion.fitted_arrays() if isinstance(self.scorer, LinearScorer) else arrays

    def refit_preprocessing(self, train: LabelledFrame) -> Arrays:
        """The same arrays learnt anew from these rows: equal to `fitted_arrays` if it saw only them (LK-8)."""
        truth = checked_truth(train, task=self.signature.task, part="training")
        prepared = prepare(train, truth, self.signature, self.training)
        encoder = encoder_of(prepared, self.signature)
        arrays = prepared.recipe.learnt() | encoder.fitted_arrays()
        if isinstance(self.scorer, LinearScorer):
            arrays |= Expansion.fit(encoder.encode(prepared.train), encoder).fitted_arrays()
        return arrays


def _ranked(shares: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(shares.items(), key=lambda one: (-one[1], one[0])))
