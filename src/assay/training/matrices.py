"""What every estimator learns from: training and validation rows encoded once, with their labels checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.models.encoder import Encoder, Matrix
from assay.models.frame import LabelledFrame
from assay.models.signature import Signature, Task, infer_signature

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Matrices:
    """Encoded rows.

    Attributes:
        encoder: Fitted on the training rows alone.
        train: Shape (n_train, n_features).
        train_truth: Shape (n_train,).
        validation: Shape (n_validation, n_features).
        validation_truth: Shape (n_validation,).
    """

    signature: Signature
    encoder: Encoder
    train: Matrix
    train_truth: Array
    validation: Matrix
    validation_truth: Array

    @property
    def categories(self) -> list[int]:
        """Positions of the columns that hold codes."""
        return [position for position, spec in enumerate(self.signature.features) if spec.kind == "category"]

    def digest(self) -> str:
        """SHA-256 of what is learnt from: equal digests, equal trials."""
        total = hashlib.sha256(repr(self.signature).encode())
        for array in (self.train, self.train_truth, self.validation, self.validation_truth):
            total.update(repr(array.shape).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    def without_values(self) -> tuple[str, ...]:
        """Features that are null in every training row; they cannot help, and are worth telling a person about."""
        is_empty: list[bool] = np.all(np.isnan(self.train), axis=0).tolist()
        for position in self.categories:
            spec = self.signature.features[position]
            is_empty[position] = self.encoder.vocabularies[spec.name].unseen == 0
        return tuple(name for name, empty in zip(self.signature.names, is_empty, strict=True) if empty)


def matrices(train: LabelledFrame, validation: LabelledFrame, *, task: Task) -> Matrices:
    """Encode both frames by what the training rows hold.

    Raises:
        DataError: There are no rows; a label is null, or not 0 or 1 in a classification; the training labels are all
            the same; a feature has a type that a model cannot read. The message names the column.
    """
    truth = checked_truth(train, task=task, part="training")
    validation_truth = checked_truth(validation, task=task, part="validation")
    if (truth == truth[0]).all():
        raise DataError(
            f"the label {train.label!r} is {truth[0]:g} in all {len(truth):,} training rows, so there is nothing to "
            "tell apart. Check target.label and target.positive, and that the training period holds both outcomes."
        )
    signature = infer_signature(train.inputs, task=task, label=train.label)
    encoder = Encoder.fit(train.inputs, signature)
    return Matrices(
        signature, encoder, encoder.encode(train.inputs), truth, encoder.encode(validation.inputs), validation_truth
    )


def checked_truth(frame: LabelledFrame, *, task: Task, part: str) -> Array:
    """The labels as float64, refused where they cannot be learnt from; `part` says which rows they are."""
    column = frame.rows[frame.label]
    if not len(frame):
        raise DataError(
            f"there are no {part} rows. Check split.train_until and split.validation_until, or their shares."
        )
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise DataError(
            f"the label {frame.label!r} has type {column.dtype}; name its positive value in target.positive."
        )
    truth = frame.truth
    unusable = int((~np.isfinite(truth)).sum())
    if unusable:
        raise DataError(
            f"the label {frame.label!r} is missing in {unusable:,} of {len(truth):,} {part} rows; drop them."
        )
    if task == "classification" and not np.isin(truth, (0.0, 1.0)).all():
        examples = sorted({float(one) for one in truth} - {0.0, 1.0})[:3]
        raise DataError(
            f"the label {frame.label!r} of a classification must be 0 or 1, but {part} rows hold {examples}. "
            "Name the value that counts as 1 in target.positive, or set brief.ml_task_type to regression."
        )
    return truth
