"""Figures of evidence by dotted name, as conditions in assay.yaml call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.ledger.evidence import plain
from assay.metrics.expression_grammar import ExpressionError

MAX_FIGURES = 5_000  # names that one answer may choose from
LONGEST_NAME = 200

Value = bool | float | str


def flatten(figures: Mapping[str, Any]) -> dict[str, Value | None]:
    """Every figure by its dotted name; lists are left out, undefined figures are None.

    Two short forms: a mapping with a `value` also goes by its own name (`evaluation.brier`), and the word `metrics` on
    the way may be left out.

    Raises:
        ExpressionError: There are too many, or one has no JSON form.

    Example:
        >>> flatten({"evaluation": {"metrics": {"brier": {"value": 0.2}}}})["evaluation.brier"]
        0.2
    """
    known: dict[str, Value | None] = {}
    try:
        _gather(plain(figures), "", known)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"the figures cannot be read: {error}") from None
    return known


def _gather(value: Any, name: str, known: dict[str, Value | None]) -> None:
    if len(known) > MAX_FIGURES:
        raise ValueError(f"there are more than {MAX_FIGURES:,}; ask about fewer")
    if isinstance(value, Mapping):
        if name and "value" in value and not isinstance(value["value"], Mapping | list):
            known.setdefault(name, _as_float(value["value"]))
        for key, inner in value.items():
            _gather(inner, f"{name}.{key}" if name else key, known)
        if isinstance(value.get("metrics"), Mapping):
            for key, inner in value["metrics"].items():
                if key not in value:
                    _gather(inner, f"{name}.{key}" if name else key, known)
    elif not isinstance(value, list) and len(name) <= LONGEST_NAME:
        known[name] = _as_float(value)


def _as_float(value: Any) -> Value | None:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
