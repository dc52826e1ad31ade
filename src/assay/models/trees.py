"""Boosted trees in LightGBM's text format: scored natively, and handed on as ONNX.

The ONNX form takes each decision on float32 inputs exactly as LightGBM does on doubles: see `onnx_graph`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.errors import IntegrityError
from assay.models.encoder import Matrix
from assay.models.lightgbm_library import load_lightgbm
from assay.models.signature import Task

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class TreeScorer:
    """A fitted booster.

    Attributes:
        task: `classification` answers a probability, `regression` a number.
        n_features: Columns of the encoded matrix.
        text: The model as LightGBM writes it; the one form that is stored.
    """

    task: Task
    n_features: int
    text: str
    _booster: Any = field(init=False, repr=False, compare=False)

    kind = "lightgbm"
    filename = "model.txt"

    def __post_init__(self) -> None:
        lightgbm = load_lightgbm()
        try:
            booster = lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError as error:
            raise IntegrityError(f"model.txt is not a LightGBM model ({error}). Fetch or train it again.") from error
        object.__setattr__(self, "_booster", booster)

    def score(self, matrix: Matrix) -> Array:
        """Probability or value of each encoded row, shape (n_rows,)."""
        if matrix.shape[0] == 0:
            return np.empty(0)
        scores: Array = self._booster.predict(matrix, num_threads=1)
        return scores

    def importance(self) -> Array:
        """Gain of the splits on each encoded column, shape (n_features,)."""
        gains: Array = self._booster.feature_importance("gain")
        return gains

    def dump(self) -> dict[str, Any]:
        """The trees as nested dictionaries, as LightGBM dumps them."""
        trees: dict[str, Any] = self._booster.dump_model()
        return trees

    def to_bytes(self) -> bytes:
        return self.text.encode()

    def to_onnx(self) -> bytes:
        """The same trees as an ONNX graph from `rows` (float32) to `score`."""
        from assay.models.onnx_graph import tree_graph

        return tree_graph(self)
