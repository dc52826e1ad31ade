"""TF-IDF: scikit-learn is the second implementation; stored and read, alone and among others."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from assay.errors import DataError
from assay.models.tensors import read_tensors, write_tensors
from assay.models.transforms import Tfidf

REVIEWS = [
    "Slow delivery, and the help desk was slow too", "Great price, great help", "Delivery was late; price too high",
    "Ünïcode words: naïve café", "", "help HELP Help",
]  # fmt: skip


@pytest.fixture(scope="module", params=[None, 3])
def step(request):
    return Tfidf.fit("review", pl.Series("review", REVIEWS), vocabulary=12, dimensions=request.param)


def test_weights_are_those_of_scikit_learn():
    step = Tfidf.fit("review", pl.Series("review", REVIEWS), vocabulary=12)
    expected = TfidfVectorizer(max_features=12).fit_transform(REVIEWS).toarray()
    np.testing.assert_allclose(np.column_stack(step.many(pl.Series(REVIEWS))), expected, atol=1e-6)
    assert step.writes[0].name == f"tfidf(review)[{step.words[0]}]"


def test_a_few_dimensions_keep_what_texts_have_in_common():
    step = Tfidf.fit("review", pl.Series("review", REVIEWS), dimensions=2)
    help_one, help_two, late = (np.array(step.one(text)) for text in ("help", "Help, help!", "late delivery"))
    assert len(help_one) == 2
    np.testing.assert_allclose(help_one, help_two)
    assert np.linalg.norm(help_one - late) > 0.1


@given(st.lists(st.one_of(st.none(), st.text(max_size=30), st.sampled_from(REVIEWS)), min_size=1, max_size=5))
def test_a_row_alone_is_as_among_others(step, texts):
    many = np.column_stack(step.many(pl.Series(texts, dtype=pl.String)))
    assert [list(step.one(text)) for text in texts] == many.tolist()
    assert np.isfinite(many).all()


def test_what_was_stored_is_what_is_read(step):
    read = Tfidf.from_json(step.to_json(), read_tensors(write_tensors(step.tensors())))
    assert read == step
    assert read.one(REVIEWS[0]) == step.one(REVIEWS[0])


def test_text_without_words_is_refused():
    with pytest.raises(DataError, match="finds no word in 'review'"):
        Tfidf.fit("review", pl.Series("review", ["", None, "1"]))
