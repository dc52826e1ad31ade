"""Sentence embeddings (FE-4) from a model on disk: the mean of its token vectors, of length 1. Calls no service.

The model and its tokenizer become part of the bundle, so that what serves is what trained. Needs the extra `text`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from assay.errors import ConfigError, UsageError
from assay.models.signature import FeatureSpec
from assay.models.transforms.transform import Array, Column, Tensors

LONGEST_TOKENS = 256
"""Tokens that are read of a text; the rest is cut off."""

FATAL = 4

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class SentenceEmbedding:
    """The meaning of a text in some hundred numbers, or in fewer that keep most of how training texts differ.

    One text is computed at a time, in batches too, so that it is embedded alike whatever stands beside it. Of a missing
    text they are nan.

    Attributes:
        model: An ONNX graph from `input_ids` and `attention_mask` to token vectors, shape (n_bytes,).
        tokenizer: The `tokenizer.json` that belongs to it, shape (n_bytes,).
        centre: Mean of the training texts' embeddings, shape (n_embedding,); empty where nothing is reduced.
        components: Their principal directions, shape (n_embedding, width); shape (0, 0) where nothing is reduced.
        width: Numbers a text.

    Source:
        Reimers & Gurevych (2019), Sentence-BERT: mean pooling.
    """

    column: str
    model: Bytes
    tokenizer: Bytes
    centre: np.ndarray[Any, np.dtype[np.float32]]
    components: np.ndarray[Any, np.dtype[np.float32]]
    width: int
    _run: Any = field(init=False, repr=False, compare=False)
    _encode: Any = field(init=False, repr=False, compare=False)
    _inputs: tuple[str, ...] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "sentences"

    def __post_init__(self) -> None:
        session = _session(self.model.tobytes())
        object.__setattr__(self, "_run", session.run)
        object.__setattr__(self, "_inputs", tuple(one.name for one in session.get_inputs()))
        object.__setattr__(self, "_encode", _tokenizer(self.tokenizer.tobytes()).encode)

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def writes(self) -> tuple[FeatureSpec, ...]:
        return tuple(FeatureSpec(f"sentence({self.column})[{one}]", "number") for one in range(self.width))

    @classmethod
    def fit(cls, column: str, values: pl.Series, *, folder: Path, dimensions: int | None = None) -> Self:
        """Read a model, and, with `dimensions`, learn along which directions the training texts differ most.

        Args:
            column: Its name.
            values: Training texts, shape (n_rows,).
            folder: Holds `model.onnx` and `tokenizer.json`.
            dimensions: Numbers to keep a text; all by default.

        Raises:
            ConfigError: The folder lacks a file.
        """
        model, tokenizer = (_bytes_of(folder / name) for name in ("model.onnx", "tokenizer.json"))
        nothing = np.empty(0, dtype=np.float32)
        probe = cls(column, model, tokenizer, nothing, np.empty((0, 0), dtype=np.float32), 0)
        plain = cls(column, model, tokenizer, nothing, np.empty((0, 0), dtype=np.float32), len(probe.embedded("a")))
        if dimensions is None or dimensions >= plain.width:
            return plain
        known = values.drop_nulls()
        texts = np.array([plain.embedded(text) for text in known]).reshape(len(known), plain.width)
        centre = texts.mean(axis=0) if len(texts) else np.zeros(plain.width)
        directions = np.linalg.svd(texts - centre, full_matrices=False)[2][:dimensions]
        signs = np.sign(directions[np.arange(len(directions)), np.argmax(np.abs(directions), axis=1)])
        components = (directions * np.where(signs == 0, 1.0, signs)[:, None]).T.astype(np.float32)
        return cls(column, model, tokenizer, centre.astype(np.float32), components, components.shape[1])

    def embedded(self, text: str) -> Array:
        """The whole embedding of a text, not reduced, shape (n_embedding,)."""
        encoding = self._encode(text)
        ids = np.array([encoding.ids or [0]], dtype=np.int64)
        mask = np.array([encoding.attention_mask or [0]], dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        tokens = self._run(None, {name: known[name] for name in self._inputs})[0][0].astype(np.float64)
        summed = (tokens * mask[0][:, None]).sum(axis=0)
        length = float(np.sqrt(summed @ summed))
        unit: Array = summed / length if length > 0 else summed
        return unit

    def many(self, values: pl.Series) -> tuple[Column, ...]:
        made = np.array([self.one(text) for text in values], dtype=np.float64).reshape(len(values), self.width)
        return tuple(made.T.copy())

    def one(self, value: str | None) -> tuple[float, ...]:
        if value is None:
            return (float("nan"),) * self.width
        found = self.embedded(value)
        if self.components.size:
            found = (found - self.centre.astype(np.float64)) @ self.components.astype(np.float64)
        return tuple(found.tolist())

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        name = f"sentence({self.column})"
        return {f"{name}.centre": self.centre, f"{name}.components": self.components} if self.components.size else {}

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "width": self.width}

    def tensors(self) -> Tensors:
        return {
            "model": self.model, "tokenizer": self.tokenizer, "centre": self.centre, "components": self.components
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Self:
        return cls(
            data["column"],
            tensors["model"],
            tensors["tokenizer"],
            tensors["centre"],
            tensors["components"],
            data["width"],
        )


def _bytes_of(path: Path) -> Bytes:
    try:
        return np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise ConfigError(
            f"training.transforms: 'sentences' needs {path} ({error.strerror}). Give `model` the folder that holds "
            "model.onnx and tokenizer.json."
        ) from error


def _session(data: bytes) -> Any:
    import onnxruntime

    onnxruntime.set_default_logger_severity(FATAL)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class but this one
        raise ConfigError(f"training.transforms: the model of 'sentences' cannot be loaded: {error}") from error


def _tokenizer(data: bytes) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UsageError(
            "sentence embeddings need the library `tokenizers`, which is not installed: pip install 'assay[text]'"
        ) from error
    json.loads(data)  # a tokenizer is JSON; anything else is refused before the library reads it
    tokenizer = Tokenizer.from_str(data.decode())
    tokenizer.no_padding()  # a file may carry padding to a length of its own
    tokenizer.enable_truncation(LONGEST_TOKENS)
    return tokenizer
