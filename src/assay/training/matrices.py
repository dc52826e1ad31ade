"""What every estimator learns from: training and validation rows encoded once, with their labels checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from assay.config.settings import Training
from assay.errors import DataError
from assay.models.encoder import Encoder, Matrix
from assay.models.frame import LabelledFrame
from assay.models.signature import Signature, Task, infer_signature
from assay.training.prepare import Prepared, prepare

Array = np.ndarray[Any, np.dtype[np.float64]]
DEFAULT = Training()


@dataclass(frozen=True, slots=True)
class Matrices:
    """Encoded rows.

    Attributes:
        signature: The model's inputs.
        training: What was declared for them.
        prepared: Transforms of the inputs, fitted on the training rows alone.
        encoder: Of the transformed columns, fitted on the training rows alone.
        train: Shape (n_train, n_columns).
        train_truth: Shape (n_train,).
        validation: Shape (n_validation, n_columns).
        validation_truth: Shape (n_validation,).
    """

    signature: Signature
    training: Training
    prepared: Prepared
    encoder: Encoder
    train: Matrix
    train_truth: Array
    validation: Matrix
    validation_truth: Array

    @property
    def categories(self) -> list[int]:
        """Positions of the columns that hold codes."""
        return [position for position, spec in enumerate(self.encoder.features) if spec.kind == "category"]

    def digest(self) -> str:
        """SHA-256 of what is learnt from: equal digests, equal trials."""
        total = hashlib.sha256(repr(self.signature).encode())
        for array in (self.train, self.train_truth, self.validation, self.validation_truth):
            total.update(repr(array.shape).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    def without_values(self) -> tuple[str, ...]:
        """Columns that are null in every training row; they cannot help, and are worth telling a person about."""
        is_empty: list[bool] = np.all(np.isnan(self.train), axis=0).tolist()
        for position in self.categories:
            spec = self.encoder.features[position]
            is_empty[position] = self.encoder.vocabularies[spec.name].unseen == 0
        return tuple(spec.name for spec, empty in zip(self.encoder.features, is_empty, strict=True) if empty)


def matrices(train: LabelledFrame, validation: LabelledFrame, *, task: Task, training: Training = DEFAULT) -> Matrices:
    """Transform and encode both frames by what the training rows hold.

    Raises:
        ConfigError: A transform that `training` declares does not fit the inputs.
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
    prepared = prepare(train, truth, signature, training)
    encoder = encoder_of(prepared, signature)
    return Matrices(
        signature=signature,
        training=training,
        prepared=prepared,
        encoder=encoder,
        train=encoder.encode(prepared.train),
        train_truth=truth,
        validation=encoder.encode(prepared.recipe.apply(validation.inputs)),
        validation_truth=validation_truth,
    )


def encoder_of(prepared: Prepared, signature: Signature) -> Encoder:
    """An encoder of the transformed columns, fitted on the training rows."""
    return Encoder.fit(prepared.train, replace(signature, features=prepared.recipe.columns))


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
