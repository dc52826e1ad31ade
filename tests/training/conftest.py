"""Small frames to learn from, made anew for each test."""

import numpy as np
import polars as pl
import pytest

from assay.models.frame import LabelledFrame

FEATURES = ("x0", "x1", "x2", "team", "is_home")


def make_frame(n: int, *, seed: int, task: str = "classification") -> LabelledFrame:
    """Rows whose label follows x0, x1 and the team, with noise; x2 means nothing; x1 has nulls."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3))
    team = rng.choice(["a", "b", "c"], n)
    signal = 1.5 * numbers[:, 0] - np.abs(numbers[:, 1]) + (team == "b")
    label = (signal + rng.logistic(size=n) > 0).astype(int) if task == "classification" else signal * 100 + 7
    rows = pl.DataFrame(
        {"key": np.arange(n), "x0": numbers[:, 0], "x1": numbers[:, 1], "x2": numbers[:, 2], "team": team,
         "is_home": rng.random(n) < 0.5, "y": label}
    )  # fmt: skip
    rows = rows.with_columns(x1=pl.when(pl.col("x1") > 1.5).then(None).otherwise(pl.col("x1")))
    return LabelledFrame(rows, "key", "y", FEATURES)


@pytest.fixture(scope="session")
def train() -> LabelledFrame:
    return make_frame(1_500, seed=1)


@pytest.fixture(scope="session")
def validation() -> LabelledFrame:
    return make_frame(600, seed=2)


@pytest.fixture(scope="session")
def regression_train() -> LabelledFrame:
    return make_frame(1_500, seed=1, task="regression")


@pytest.fixture(scope="session")
def regression_validation() -> LabelledFrame:
    return make_frame(600, seed=2, task="regression")
