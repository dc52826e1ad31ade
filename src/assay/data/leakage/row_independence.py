"""Row independence (LK-8): does a request-time feature of a row stay the same when other rows are taken away?

At request time a row comes alone. A feature that reads other rows (a mean, a rank, a scaler fitted on everything)
gives something else then, and in training it has seen rows that it should not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from assay.data.leakage.differences import differing, listed
from assay.errors import DataError
from assay.ledger.evidence import Evidence

KIND = "leakage.row_independence"
ALONE = 20
MOST_ROWS = 5_000

RequestFunction = Callable[[pl.DataFrame], pl.DataFrame]


def check_row_independence(
    request_function: RequestFunction,
    rows: pl.DataFrame,
    *,
    rng: np.random.Generator,
    alone: int = ALONE,
    most_rows: int = MOST_ROWS,
) -> Evidence:
    """Compute features for all rows, for a random half in another order, and for single rows, and compare.

    Args:
        request_function: From rows to a frame with as many rows in the same order.
        rows: What it is given in training.
        rng: Chooses the rows.
        alone: How many rows are tried alone.
        most_rows: Rows looked at, drawn where there are more.

    Returns:
        Evidence `leakage.row_independence`; figures name each column that changed and how often.

    Raises:
        DataError: The function gives another number of rows than it was given.
    """
    subject = f"features:{getattr(request_function, '__name__', 'request')}"
    if rows.is_empty():
        return Evidence(KIND, subject, "info", "there are no rows to compute request-time features for")
    if rows.height > most_rows:
        rows = rows[np.sort(rng.choice(rows.height, size=most_rows, replace=False))]
    whole = _computed(request_function, rows)
    tries = [rng.permutation(rows.height)[: (rows.height + 1) // 2]]
    tries += [np.array([one]) for one in rng.choice(rows.height, size=min(alone, rows.height), replace=False)]
    changed: dict[str, int] = {}
    for picked in tries:
        part = _computed(request_function, rows[picked])
        for name in whole.columns:
            if name not in part.columns or differing(part[name], whole[name][picked]).any():
                changed[name] = changed.get(name, 0) + 1
    return _evidence(subject, changed, n_tries=len(tries), n_rows=rows.height, columns=whole.columns)


def _computed(request_function: RequestFunction, rows: pl.DataFrame) -> pl.DataFrame:
    found = request_function(rows)
    if found.height != rows.height:
        raise DataError(
            f"{getattr(request_function, '__name__', 'the request function')} was given {rows.height:,} rows and "
            f"returned {found.height:,}. A request-time feature gives each row one value, in the same order."
        )
    return found


def _evidence(subject: str, changed: dict[str, int], *, n_tries: int, n_rows: int, columns: list[str]) -> Evidence:
    figures: dict[str, Any] = {"rows": n_rows, "tries": n_tries, "columns": changed}
    if not changed:
        summary = f"{len(columns)} columns are the same for a row alone, among half the rows and among all {n_rows:,}"
        return Evidence(KIND, subject, "pass", summary, figures)
    worst = max(changed, key=lambda name: changed[name])
    summary = (
        f"{listed(changed)} of a row {'changes' if len(changed) == 1 else 'change'} when other rows are taken away "
        f"({worst!r} in {changed[worst]} of {n_tries} tries), so it reads other rows, those of the test among them. "
        "Compute it from the row alone; what must be fitted belongs into the model, on the training part"
    )
    return Evidence(KIND, subject, "fail", summary, figures)
