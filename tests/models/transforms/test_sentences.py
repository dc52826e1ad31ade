"""Sentence embeddings from a model on disk, small enough to check by hand."""

import math
import sys

import numpy as np
import polars as pl
import pytest
from tests.models.transforms.tiny_text_model import write_tiny_model

from assay.errors import ConfigError, UsageError
from assay.models.recipe import Recipe
from assay.models.signature import FeatureSpec
from assay.models.transforms import SentenceEmbedding

TEXTS = pl.Series("review", ["good phone", "bad phone", "bill", None, "good good bill", ""])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("tokenizers")
    return write_tiny_model(tmp_path_factory.mktemp("text"))


def test_the_mean_of_its_tokens_of_length_one_by_hand(folder):
    step = SentenceEmbedding.fit("review", TEXTS, folder=folder)
    half = math.sqrt(0.5)
    assert step.one("Good phone") == pytest.approx((half, half, 0))
    assert step.one("bad") == pytest.approx((-1, 0, 0))
    assert all(map(math.isnan, step.one(None)))
    assert [spec.name for spec in step.writes] == [f"sentence(review)[{one}]" for one in range(3)]


@pytest.mark.parametrize("dimensions", [None, 2])
def test_stored_in_a_recipe_and_read_a_row_alone_is_as_among_others(folder, dimensions):
    step = SentenceEmbedding.fit("review", TEXTS, folder=folder, dimensions=dimensions)
    recipe = Recipe((FeatureSpec("review", "category"),), (step,), step.writes)
    read = Recipe.from_json(recipe.to_json(), recipe.inputs, recipe.tensor_file())
    many = read.apply(pl.DataFrame({"review": TEXTS})).to_numpy()
    np.testing.assert_array_equal(many, np.array([read.apply_row({"review": text}) for text in TEXTS]))
    assert many.shape == (6, dimensions or 3)


def test_fewer_numbers_keep_what_differs_most(folder):
    step = SentenceEmbedding.fit("review", TEXTS, folder=folder, dimensions=1)
    good, bad = step.one("good")[0], step.one("bad")[0]
    assert abs(good - bad) > 1.5


def test_a_missing_model_and_a_missing_library_are_told(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"needs .*model\.onnx.*Give `model` the folder"):
        SentenceEmbedding.fit("review", TEXTS, folder=tmp_path)
    write_tiny_model(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match=r"pip install 'assay\[text\]'"):
        SentenceEmbedding.fit("review", TEXTS, folder=tmp_path)


def test_a_model_that_is_none_is_told(folder, tmp_path):
    write_tiny_model(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        SentenceEmbedding.fit("review", TEXTS, folder=tmp_path)
