"""Agreement: are two values of a feature the same, though one of them was summed up in another order?"""

from __future__ import annotations

from typing import Any

import polars as pl

RELATIVE_TOLERANCE = 1e-9  # both sides run the same code; only the last digits of a sum may differ


def differs(ours: pl.Expr, theirs: pl.Expr, *, are_numbers: bool) -> pl.Expr:
    """Whether two columns differ, a null against a value included; numbers by more than the last digits of a sum."""
    if not are_numbers:
        return ours.ne_missing(theirs)
    allowed = pl.max_horizontal(ours.abs(), theirs.abs()) * RELATIVE_TOLERANCE
    return (ours.is_null() != theirs.is_null()) | ((ours - theirs).abs() > allowed).fill_null(value=False)


def same_value(ours: Any, theirs: Any) -> bool:
    """Whether two values are equal, numbers up to the last digits of a sum."""
    if bool(ours == theirs):
        return True
    if not (isinstance(ours, int | float) and isinstance(theirs, int | float)):
        return False
    return abs(ours - theirs) <= RELATIVE_TOLERANCE * max(abs(ours), abs(theirs))
