"""A fitted model before it is written down: its parts, what it learnt, and which inputs it leans on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from assay.models.encoder import Encoder
from assay.models.frame import LabelledFrame
from assay.models.linear import Expansion, LinearScorer
from assay.models.signature import Signature
from assay.models.trees import TreeScorer

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of one fit.

    Attributes:
        estimator: Its name in the index of estimators.
        params: Every hyperparameter it was given.
        details: What the fit itself decided, such as `rounds` of boosting.
        was_pruned: Given up early, because it could not become the best.
    """

    estimator: str
    params: Mapping[str, Any]
    signature: Signature
    encoder: Encoder
    scorer: LinearScorer | TreeScorer
    details: Mapping[str, Any] = field(default_factory=dict)
    was_pruned: bool = False

    def predict(self, rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Probability or value of each row, not calibrated, shape (n_rows,)."""
        return self.scorer.score(self.encoder.encode(rows))

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
        """Share of each input, most important first: gain of its splits, or size of its standardised weights."""
        raw = self.scorer.importance()
        shares = raw / raw.sum() if raw.sum() > 0 else raw
        ranked = sorted(zip(self.signature.names, shares.tolist(), strict=True), key=lambda one: (-one[1], one[0]))
        return dict(ranked)

    def fitted_arrays(self) -> Arrays:
        """What its preprocessing learnt: category counts, and for a linear model medians, means and scales."""
        arrays = self.encoder.fitted_arrays()
        return arrays | self.scorer.expansion.fitted_arrays() if isinstance(self.scorer, LinearScorer) else arrays

    def refit_preprocessing(self, train: LabelledFrame) -> Arrays:
        """The same arrays learnt anew from these rows: equal to `fitted_arrays` if it saw only them (LK-8)."""
        encoder = Encoder.fit(train.inputs, self.signature)
        arrays = encoder.fitted_arrays()
        if isinstance(self.scorer, LinearScorer):
            arrays |= Expansion.fit(encoder.encode(train.inputs), encoder).fitted_arrays()
        return arrays
