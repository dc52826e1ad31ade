"""A model as it is served: named values in, probabilities or numbers out; made from a bundle, and turned into one.

What is put in a bundle is checked first: the ONNX graph must answer as the native model does, or the native one serves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
import polars as pl

from assay.errors import DataError, IntegrityError, UsageError
from assay.models.bundle import Bundle
from assay.models.calibrator import Calibrator, NoCalibrator, calibrator_from_json
from assay.models.encoder import Encoder, Matrix
from assay.models.linear import LinearScorer
from assay.models.recipe import FILENAME as TENSORS
from assay.models.recipe import Recipe
from assay.models.runtime import OnnxScorer
from assay.models.signature import Signature, Task
from assay.models.trees import TreeScorer

FORMATS = (1, 2)
"""Versions of model.json that can be read; 2 has transforms, which a reader of 1 would pass over in silence."""

PARITY = 1e-5
"""How far ONNX may answer from the native model: absolute for probabilities, relative to the spread for numbers."""

Array = np.ndarray[Any, np.dtype[np.float64]]


class Scorer(Protocol):
    """A fitted model over an encoded matrix, in the form it was fitted in."""

    @property
    def kind(self) -> str:
        """`linear` or `lightgbm`."""

    @property
    def filename(self) -> str:
        """Name of its file in a bundle."""

    def score(self, matrix: Matrix) -> Array:
        """Probability or value a row, shape (n_rows,)."""

    def to_bytes(self) -> bytes:
        """Its open text format."""

    def to_onnx(self) -> bytes:
        """The same as a graph; UsageError where there is none."""


class FittedModel(Protocol):
    """What training hands over: the parts of a model, not yet written down."""

    @property
    def signature(self) -> Signature: ...

    @property
    def recipe(self) -> Recipe: ...

    @property
    def encoder(self) -> Encoder: ...

    @property
    def scorer(self) -> Scorer: ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """JSON values: estimator, hyperparameters and the like."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How the ONNX graph compares with the native model on sample rows.

    Attributes:
        difference: Largest difference, in probabilities or in standard deviations of the answers; None: no graph.
        n: Rows compared.
        reason: Why the native model serves instead; empty where the graph serves.
    """

    difference: float | None
    n: int
    reason: str = ""


class Model:
    """A loaded model; safe to share between threads."""

    def __init__(
        self,
        *,
        signature: Signature,
        recipe: Recipe,
        encoder: Encoder,
        scorer: OnnxScorer | LinearScorer | TreeScorer,
        calibrator: Calibrator,
        metadata: Mapping[str, Any],
        size_bytes: int,
    ) -> None:
        self.signature = signature
        self.recipe = recipe
        self.encoder = encoder
        self.calibrator = calibrator
        self.metadata = dict(metadata)
        self.size_bytes = size_bytes
        self._scorer = scorer
        names = signature.names
        unchanged = itemgetter(*names) if len(names) > 1 else lambda values: (values[names[0]],)
        self._pick = recipe.apply_row if recipe.changes else unchanged

    @property
    def scorer_kind(self) -> str:
        """What computes the scores: `onnx`, or the native `linear` or `lightgbm`."""
        return self._scorer.kind

    def predict(self, rows: pl.DataFrame) -> Array:
        """Answer many rows; further columns are ignored. Returns shape (n_rows,).

        Raises:
            DataError: A feature is absent or has the wrong type.
        """
        return self.calibrator.apply(self._scorer.score(self.encoder.encode(self.recipe.apply(rows))))

    def predict_one(self, values: Mapping[str, Any]) -> float:
        """Answer one row quickly: the same number as `predict`.

        Args:
            values: Every feature by name, None where missing; further names are ignored.

        Raises:
            DataError: A feature is absent or has the wrong type.
        """
        try:
            picked = self._pick(values)
        except KeyError:
            missing = [name for name in self.signature.names if name not in values]
            raise DataError(f"the row lacks {missing}, which the model reads. Give null where unknown.") from None
        row = self.encoder.encode_row(picked)
        if isinstance(self._scorer, OnnxScorer):
            return self.calibrator.apply_one(self._scorer.score_row(row))
        return self.calibrator.apply_one(float(self._scorer.score(row)[0]))


def to_bundle(
    fitted: FittedModel,
    *,
    sample: pl.DataFrame,
    calibrator: Calibrator | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Bundle:
    """Write a fitted model in open formats.

    Args:
        fitted: What training made.
        sample: Training rows on which the ONNX graph is compared with the native model.
        calibrator: Applied to its scores; None for none.
        metadata: JSON values kept beside those of `fitted`: snapshot digests, what a person should know.

    Returns:
        `model.json`, the native form, and `model.onnx` where it answers alike; which one serves, and why, is under
        `scorer` in `model.json`. Transforms are under `transforms`, their large arrays in a file of tensors.
    """
    scorer, recipe = fitted.scorer, fitted.recipe
    matrix = fitted.encoder.encode(recipe.apply(sample))
    graph, parity = _graph_with_parity(scorer, matrix, fitted.signature)
    document = {
        "format": 2 if recipe.changes else 1,
        "signature": fitted.signature.to_json(),
        "encoder": fitted.encoder.to_json(),
        "calibrator": (calibrator or NoCalibrator()).to_json(),
        "scorer": {
            "kind": "onnx" if graph else scorer.kind,
            "native": scorer.kind,
            "parity": {"difference": parity.difference, "n": parity.n, "reason": parity.reason},
        },
        "metadata": {**fitted.metadata, **(metadata or {})},
    }
    if recipe.changes:
        document["transforms"] = recipe.to_json()
    files = {
        "model.json": json.dumps(document, sort_keys=True, allow_nan=False).encode(),
        scorer.filename: scorer.to_bytes(),
        **({"model.onnx": graph} if graph else {}),
        **({TENSORS: tensors} if (tensors := recipe.tensor_file()) else {}),
    }
    return Bundle(files)


def from_bundle(bundle: Bundle) -> Model:
    """Load the model that a bundle holds.

    Raises:
        UsageError: model.json has a format that this version does not know.
        IntegrityError: A file is absent or cannot be read.
    """
    document = json.loads(bundle.read("model.json"))
    if document.get("format") not in FORMATS:
        raise UsageError(
            f"model.json has format {document.get('format')!r}, and this Assay reads formats {FORMATS}. Load it with "
            "the version that wrote it, or train it again."
        )
    signature = Signature.from_json(document["signature"])
    encoder = Encoder.from_json(document["encoder"])
    return Model(
        signature=signature,
        recipe=_load_recipe(document, bundle, signature),
        encoder=encoder,
        scorer=_load_scorer(document["scorer"]["kind"], bundle, signature.task, len(encoder.features)),
        calibrator=calibrator_from_json(document["calibrator"]),
        metadata=document["metadata"] | {"scorer": document["scorer"]},
        size_bytes=bundle.size_bytes,
    )


def _load_recipe(document: Mapping[str, Any], bundle: Bundle, signature: Signature) -> Recipe:
    if "transforms" not in document:
        return Recipe.unchanged(signature.features)
    tensors = bundle.read(TENSORS) if TENSORS in bundle.files else b""
    return Recipe.from_json(document["transforms"], signature.features, tensors)


def _load_scorer(kind: str, bundle: Bundle, task: Task, n_columns: int) -> OnnxScorer | LinearScorer | TreeScorer:
    if kind == "onnx":
        return OnnxScorer(bundle.read("model.onnx"))
    if kind == LinearScorer.kind:
        return LinearScorer.from_bytes(bundle.read(LinearScorer.filename))
    if kind == TreeScorer.kind:
        return TreeScorer(task, n_columns, bundle.read(TreeScorer.filename).decode())
    raise IntegrityError(f"model.json names scorer {kind!r}; known are onnx, linear and lightgbm.")


def _graph_with_parity(scorer: Scorer, sample: Matrix, signature: Signature) -> tuple[bytes | None, Parity]:
    try:
        graph = scorer.to_onnx()
    except UsageError as error:
        return None, Parity(None, len(sample), str(error))
    native = scorer.score(sample)
    difference = float(np.abs(OnnxScorer(graph).score(sample) - native).max(initial=0.0))
    if signature.task == "regression":
        difference /= max(float(native.std()), np.finfo(float).tiny) if len(native) else 1.0
    if difference <= PARITY:
        return graph, Parity(difference, len(sample))
    return None, Parity(difference, len(sample), f"ONNX differs by {difference:.2g}, more than {PARITY:g}")
