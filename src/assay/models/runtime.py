"""Scoring an ONNX graph with onnxruntime, on one thread: a row in about ten microseconds, no pool to contend for."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.errors import IntegrityError
from assay.models.encoder import Matrix
from assay.models.onnx_graph import INPUT, OUTPUT

Array = np.ndarray[Any, np.dtype[np.float64]]

FATAL = 4
"""The severity below which onnxruntime keeps quiet: it warns of missing accelerators, and errors are raised anyway."""


class OnnxScorer:
    """A loaded graph; safe to share between threads."""

    kind = "onnx"

    def __init__(self, data: bytes) -> None:
        """Load a serialised graph.

        Raises:
            IntegrityError: The bytes are not a graph that this onnxruntime can run; nothing is executed in that case.
        """
        import onnxruntime

        onnxruntime.set_default_logger_severity(FATAL)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = FATAL
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no class but this one
            raise IntegrityError(f"model.onnx cannot be loaded ({error}). Fetch or train the model again.") from error
        self._run = session.run

    def score(self, matrix: Matrix) -> Array:
        """Score encoded rows, shape (n_rows, n_features); returns shape (n_rows,)."""
        scores: Array = self._run([OUTPUT], {INPUT: matrix})[0].ravel().astype(np.float64)
        return scores

    def score_row(self, row: Matrix) -> float:
        """The same for one row of shape (1, n_features), without the array."""
        return float(self._run([OUTPUT], {INPUT: row})[0][0, 0])
