"""Fitted on train (LK-2, LK-8): are the numbers of a scaler, imputer or encoder those that the training part gives?

Trusts no flag: the same preprocessing is fitted anew on the training rows alone, and every number compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.data.leakage.differences import TOLERANCE, listed
from assay.ledger.evidence import Evidence

KIND = "leakage.fitted"

Arrays = Mapping[str, npt.ArrayLike]


def check_fitted_on_train(
    fitted: Arrays, refit_on_train: Arrays | Callable[[], Arrays], *, tolerance: float = TOLERANCE
) -> Evidence:
    """Compare what a model's preprocessing learnt with what it learns from the training rows alone.

    Args:
        fitted: Learnt statistics by name, such as `pts.mean`; numbers of any shape, or text such as a vocabulary.
        refit_on_train: The same, fitted on the training rows only, or a function that fits it.
        tolerance: Relative difference of numbers that is rounding.

    Returns:
        Evidence `leakage.fitted`; `info` where nothing is fitted. Figures name each statistic that differs.
    """
    again = refit_on_train() if callable(refit_on_train) else refit_on_train
    names = sorted(set(fitted) | set(again))
    if not names:
        return Evidence(KIND, "model:preprocessing", "info", "the preprocessing learns nothing from rows")
    differ: dict[str, Any] = {}
    for name in names:
        if name not in fitted or name not in again:
            differ[name] = {"only_in": "the model" if name in fitted else "the refit"}
        elif (gap := _gap(fitted[name], again[name], tolerance)) is not None:
            differ[name] = gap
    figures = {"statistics": len(names), "differ": differ}
    if not differ:
        summary = f"all {len(names)} fitted statistics are those of the training part alone"
        return Evidence(KIND, "model:preprocessing", "pass", summary, figures)
    first = next(iter(differ))
    summary = (
        f"{listed(differ)} {'was' if len(differ) == 1 else 'were'} not fitted on the training part alone"
        f"{_told(first, differ[first])}. Fit scalers, imputers and encoders on the training rows, and only apply them "
        "to the others"
    )
    return Evidence(KIND, "model:preprocessing", "fail", summary, figures)


def _gap(one: npt.ArrayLike, other: npt.ArrayLike, tolerance: float) -> dict[str, Any] | None:
    """The largest difference of two statistics; None where there is none beyond rounding."""
    left, right = np.asarray(one), np.asarray(other)
    if left.shape != right.shape:
        return {"model": f"{left.size} values", "train": f"{right.size} values"}
    if left.dtype.kind not in "fiub" or right.dtype.kind not in "fiub":
        different = np.flatnonzero((left.astype(str) != right.astype(str)).ravel())
        return _pair(left, right, int(different[0])) if len(different) else None
    a, b = left.astype(np.float64).ravel(), right.astype(np.float64).ravel()
    same = np.isclose(a, b, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)
    if same.all():
        return None
    distance = np.where(same, 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf))
    return _pair(left, right, int(np.argmax(distance)))


def _pair(left: npt.NDArray[Any], right: npt.NDArray[Any], at: int) -> dict[str, Any]:
    return {"position": at, "model": left.ravel()[at].item(), "train": right.ravel()[at].item()}


def _told(name: str, gap: Mapping[str, Any]) -> str:
    if "only_in" in gap:
        return f": {name!r} exists only in {gap['only_in']}"
    model, train = (f"{gap[of]:.6g}" if isinstance(gap[of], float) else str(gap[of])[:40] for of in ("model", "train"))
    return f": {name!r} is {model} in the model and {train} on the training part"
