"""A tiny real model, its predictor and a service, shared by the serving tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest

from assay.models.encoder import Encoder
from assay.models.model import Model, from_bundle, to_bundle
from assay.models.recipe import Recipe
from assay.models.signature import FeatureSpec, Signature
from assay.models.trees import TreeScorer
from assay.serving.prediction_log import PredictionLog
from assay.serving.predictor import Predictor
from assay.serving.rows import RowSchema, row_schema
from assay.serving.service import RequestLimits, Service

SIGNATURE = Signature(
    (FeatureSpec("points", "number"), FeatureSpec("home", "flag"), FeatureSpec("league", "category")),
    "classification",
    "won",
)


@pytest.fixture(scope="session")
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "points": rng.normal(100, 10, 400),
            "home": rng.random(400) < 0.5,
            "league": rng.choice(["east", "west"], 400),
        }
    )


@pytest.fixture(scope="session")
def model(frame: pl.DataFrame) -> Model:
    encoder = Encoder.fit(frame, SIGNATURE)
    matrix = encoder.encode(frame)
    truth = (frame["points"] + 5 * frame["home"].cast(int) > 102).cast(int).to_numpy()
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 0, "num_leaves": 4}
    booster = lightgbm.train(parameters, lightgbm.Dataset(matrix, truth), 20)
    scorer = TreeScorer("classification", 3, booster.model_to_string())
    unchanged = Recipe.unchanged(SIGNATURE.features)
    fitted: Any = SimpleNamespace(signature=SIGNATURE, recipe=unchanged, encoder=encoder, scorer=scorer, metadata={})
    return from_bundle(to_bundle(fitted, sample=frame))


@pytest.fixture(scope="session")
def schema() -> RowSchema:
    return row_schema(SIGNATURE, entities=("team",), inputs=("home",), key="game", time="starts")


STORE = {"lions": {"points": 110.0, "league": "east"}, "bears": {"points": 90.0, "league": "west"}}


def look_up(rows: Any) -> list[dict[str, Any]]:
    """An online store in a dictionary; an unknown team has nothing."""
    return [STORE.get(row["team"], {"points": None, "league": None}) for row in rows]


@pytest.fixture(scope="session")
def predictor(model: Model, schema: RowSchema) -> Predictor:
    return Predictor(model, "win@1.0.0", look_up, schema, "E-000007")


@pytest.fixture
def make_service(tmp_path: Path, predictor: Predictor) -> Iterator[Callable[..., Service]]:
    """Services on the test's own log folder; their logs are closed at the end."""
    logs: list[PredictionLog] = []

    def make(*, strict: bool = True, limits: RequestLimits | None = None, **others: Any) -> Service:
        log = PredictionLog(tmp_path / "log", strict=strict)
        logs.append(log)
        service = Service(log, limits or RequestLimits(), **others)
        service.swap(predictor)
        return service

    yield make
    for log in logs:
        log.close()
