"""A real server process around a one-line model, for tests that stop and kill it.

Usage: python formula_server.py LOG_FOLDER strict|fast
"""

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assay.models.signature import FeatureSpec, Signature
from assay.serving.http import create_app
from assay.serving.prediction_log import PredictionLog
from assay.serving.predictor import Predictor
from assay.serving.rows import row_schema
from assay.serving.server import serve
from assay.serving.service import Service


class Formula:
    """The logistic function of x; sleeps where asked to, as a slow model would."""

    signature = Signature((FeatureSpec("x", "number"), FeatureSpec("sleep_ms", "number")), "classification", "y")

    def predict_one(self, values: Mapping[str, Any]) -> float:
        time.sleep((values["sleep_ms"] or 0) / 1_000)
        return 1 / (1 + math.exp(-(values["x"] or 0)))

    def predict(self, rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([self.predict_one(row) for row in rows.iter_rows(named=True)])


def formula_predictor(version: str = "formula@1.0.0", deployment: str = "E-000001") -> Predictor:
    schema = row_schema(Formula.signature, entities=(), inputs=("x",))
    return Predictor(Formula(), version, lambda rows: [{"sleep_ms": 0} for _ in rows], schema, deployment)


if __name__ == "__main__":
    service = Service(PredictionLog(Path(sys.argv[1]), strict=sys.argv[2] == "strict"))
    service.swap(formula_predictor())
    serve(create_app(service), host="127.0.0.1", port=0)
