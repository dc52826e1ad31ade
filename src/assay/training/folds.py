"""Folds of training rows, by a hash of what names them: the same for a row whatever stands beside it."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import polars as pl

from assay.models.frame import LabelledFrame

ROWS_SCORED = 20_000
"""Training rows that columns are scored on; more change no ranking, and cost time for each candidate."""


def folds_of(frame: LabelledFrame, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The fold of each row by a hash of its group, or else of its key: the same whatever rows stand beside it."""
    texts = frame.rows[frame.group or frame.key].cast(pl.String).fill_null("")
    hashed = (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") % n for text in texts)
    return np.fromiter(hashed, dtype=np.int64, count=len(texts))


def sample_of(train: LabelledFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Places of the rows that columns are scored on: all, or so many of them by a hash of their keys."""
    if len(train) <= ROWS_SCORED:
        return np.arange(len(train))
    return np.flatnonzero(folds_of(train, math.ceil(len(train) / ROWS_SCORED)) == 0)
