"""Stability index and divergence: how far has a histogram moved, and how far would chance alone have moved it?

Works on counts alone. Choosing bins belongs to `columns`, judging limits to `drift`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri  # the inverse of chi-square's upper tail; scipy.stats takes a second to import

from assay.errors import DataError

PSEUDOCOUNT = 0.5

Floats = np.ndarray[Any, np.dtype[np.float64]]


def psi(reference: npt.ArrayLike, current: npt.ArrayLike, *, pseudocount: float = PSEUDOCOUNT) -> float:
    """Population stability index between two histograms over the same bins.

    Args:
        reference: Rows per bin at training time, shape (n_bins,), every entry >= 0.
        current: Rows per bin while serving, same bins, same order, shape (n_bins,).
        pseudocount: Rows added to every bin of both, save bins empty in both, which are left out. With 0, a bin empty
            in one gives infinity.

    Returns:
        Sum over bins of (q - p) ln(q / p) for the shares p and q, in nats, at least 0; symmetric.

    Raises:
        DataError: The histograms differ in length, or one holds no rows: "no data" is not "no drift".

    Source:
        Kullback & Leibler (1951), the divergence J(1, 2); as stability index in Siddiqi (2006), Credit Risk Scorecards.

    Example:
        >>> round(psi([90, 10], [50, 50], pseudocount=0), 3)
        0.879
    """
    return float(psi_by_bin(reference, current, pseudocount=pseudocount).sum())


def psi_by_bin(reference: npt.ArrayLike, current: npt.ArrayLike, *, pseudocount: float = PSEUDOCOUNT) -> Floats:
    """What each bin adds to `psi`, shape (n_bins,); raises as `psi` does."""
    p, q, used = _shares(reference, current, pseudocount)
    terms = np.zeros(len(used))
    with np.errstate(divide="ignore"):
        terms[used] = (q - p) * np.log(q / p)
    return terms


def kl(reference: npt.ArrayLike, current: npt.ArrayLike, *, pseudocount: float = PSEUDOCOUNT) -> float:
    """Kullback-Leibler divergence of `current` from `reference`: sum of q ln(q / p), in nats; arguments as of `psi`."""
    p, q, _ = _shares(reference, current, pseudocount)
    some = q > 0
    with np.errstate(divide="ignore"):
        return float((q[some] * np.log(q[some] / p[some])).sum())


def psi_of_chance(n_reference: int, n_current: int, n_bins: int, *, level: float) -> float:
    """The stability index that samples of one and the same distribution exceed with probability `level` only.

    Source:
        Yurdakul & Naranjo (2020), Statistical properties of the population stability index: psi / (1/n + 1/m) is
        asymptotically chi-square with n_bins - 1 degrees of freedom.
    """
    return float((1 / n_reference + 1 / n_current) * chdtri(max(n_bins - 1, 1), level))


def _shares(
    reference: npt.ArrayLike, current: npt.ArrayLike, pseudocount: float
) -> tuple[Floats, Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Shares of the bins that either histogram uses, and which those are."""
    p, q = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if p.shape != q.shape or p.ndim != 1:
        raise DataError(
            f"histograms of shapes {p.shape} and {q.shape} cannot be compared. Count both in the same bins."
        )
    if not p.sum() or not q.sum():
        raise DataError("a histogram holds no rows, and no data is not no drift. Wait for rows.")
    used = (p + q) > 0
    p, q = p[used] + pseudocount, q[used] + pseudocount
    return p / p.sum(), q / q.sum(), used
