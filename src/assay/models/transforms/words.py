"""Text as weights of words (FE-4): TF-IDF over the commonest words of training, or a few numbers that sum them up.

Words are runs of two letters or digits and more, in lower case, as scikit-learn's TfidfVectorizer cuts them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.models.signature import FeatureSpec
from assay.models.transforms.transform import Array, Column, Tensors

_WORD = re.compile(r"(?u)\b\w\w+\b")


@dataclass(frozen=True, slots=True)
class Tfidf:
    """Counts of words, weighed by how rare they are, of length 1; zeros for text without a known word, and for none.

    Attributes:
        words: The vocabulary, in order.
        weights: Inverse document frequency of each, float32, shape (n_words,).
        components: Shape (n_words, n_dimensions) where the weights are summed up, else (n_words, 0).

    Source:
        Spärck Jones (1972), smoothed as scikit-learn does; latent semantic analysis (Deerwester et al., 1990).
    """

    column: str
    words: tuple[str, ...]
    weights: np.ndarray[Any, np.dtype[np.float32]]
    components: np.ndarray[Any, np.dtype[np.float32]]
    _place: dict[str, int] = field(init=False, repr=False, compare=False)
    _weights: list[float] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "tfidf"

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {word: place for place, word in enumerate(self.words)})
        object.__setattr__(self, "_weights", self.weights.astype(np.float64).tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tfidf) and (
            (self.column, self.words) == (other.column, other.words)
            and np.array_equal(self.weights, other.weights)
            and np.array_equal(self.components, other.components)
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        n = self.components.shape[1]
        return tuple(FeatureSpec(f"tfidf({self.column})[{one}]", "number") for one in (range(n) if n else self.words))

    @classmethod
    def fit(cls, column: str, values: pl.Series, *, vocabulary: int = 200, dimensions: int | None = None) -> Self:
        """Learn the commonest words, how rare each is, and, with `dimensions`, what they have in common.

        Raises:
            DataError: The training rows hold no word.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(max_features=vocabulary)
        try:
            matrix = vectorizer.fit_transform(values.fill_null("").to_list())
        except ValueError as error:
            raise DataError(
                f"training.transforms: 'tfidf' finds no word in {column!r} ({error}). Name a column of text."
            ) from error
        words = tuple(map(str, vectorizer.get_feature_names_out()))
        components = np.empty((len(words), 0))
        if dimensions is not None and len(words) > 1:
            n = min(dimensions, len(words) - 1)
            components = TruncatedSVD(n, random_state=0).fit(matrix).components_.T
        return cls(column, words, vectorizer.idf_.astype(np.float32), components.astype(np.float32))

    def many(self, values: pl.Series) -> tuple[Column, ...]:
        made = np.zeros((len(values), len(self.writes)))
        for row, text in enumerate(values):
            made[row] = self.one(text)
        return tuple(made.T.copy())

    def one(self, value: str | None) -> tuple[float, ...]:
        counts = Counter(self._place[word] for word in _WORD.findall((value or "").lower()) if word in self._place)
        found = sorted(counts)
        weights = np.array([counts[place] * self._weights[place] for place in found])
        length = float(np.sqrt(weights @ weights)) or 1.0
        if self.components.shape[1]:
            summed: Array = (weights / length) @ self.components[found].astype(np.float64)
            return tuple(summed.tolist())
        made = [0.0] * len(self.words)
        for place, weight in zip(found, weights.tolist(), strict=True):
            made[place] = weight / length
        return tuple(made)

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        name = f"tfidf({self.column})"
        return {
            f"{name}.words": np.array(self.words, dtype=np.str_),
            f"{name}.weights": self.weights,
            f"{name}.components": self.components,
        }

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "words": list(self.words)}

    def tensors(self) -> Tensors:
        return {"weights": self.weights, "components": self.components}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:
        return cls(data["column"], tuple(data["words"]), tensors["weights"], tensors["components"])
