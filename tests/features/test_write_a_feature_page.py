"""The page on writing features shows code that runs and settings that load."""

import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import yaml

from assay.config.settings import Training
from assay.features.definitions import load_definitions
from assay.models.transforms import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-feature.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "definitions.py"
    file.write_text("\n\n".join(blocks("python")[:2]), encoding="utf-8")
    return load_definitions(file)


def test_the_views_run_and_give_what_the_page_says(definitions):
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    orders = pl.LazyFrame(
        {"shop": ["north"] * 3, "known_at": days, "amount": [10.0, 30.0, 200.0], "is_refund": [False, True, False]}
    )
    made = definitions.views[0](orders).collect()
    assert made["shop_amount_7n_mean"].to_list() == [10.0, 20.0, 80.0]
    assert set(definitions.views[0].features) <= set(made.columns)
    asked = made.tail(1).with_columns(at=pl.lit(datetime(2026, 1, 4, tzinfo=UTC)), amount=pl.lit(40.0))
    answer = definitions.request_views[0](asked)
    assert answer.select("hours_since_refund", "amount_to_usual").row(0) == (pytest.approx(48), 0.5)


def test_the_settings_load_and_every_transform_is_told():
    training = Training(**yaml.safe_load(blocks("yaml")[0])["training"])
    assert len(training.transforms) == 6
    told = set(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    names = {name for one in told for name in re.findall(r"`(\w+)`", one)}
    assert set(KINDS) - {"interaction"} <= names
