"""The two trials before production, over real HTTP: a short load, and a round trip that must give the offline scores.

They are told a URL and know no server; the pipeline starts one with the version that asks to enter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from assay.errors import DataError
from assay.ledger.evidence import Evidence
from assay.release.http_load import Answer, apply_load, send_each


def load_test(
    url: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    subject: str,
    limit_p99_ms: float,
    seconds: float = 2.0,
    connections: int = 4,
) -> Evidence:
    """Keep a few connections busy with single rows for a moment; no answer may fail and the tail must be in time.

    Args:
        url: Of the endpoint, `http://127.0.0.1:8000/predict`.
        rows: Request rows, sent one a request in turn.

    Raises:
        ServiceUnreachable: The server is not there, or goes away.
    """
    bodies = [orjson.dumps({"rows": [row]}) for row in rows]
    load = apply_load(url, bodies, connections=connections, seconds=seconds)
    p50, p99 = load.percentile_ms(50), load.percentile_ms(99)
    holds = load.answers > 0 and load.refused == 0 and p99 <= limit_p99_ms
    summary = (
        f"{load.per_second:,.0f} requests/s on {connections} connections, p99 {p99:.2f} ms "
        f"(limit {limit_p99_ms:g} ms), {load.refused} of {load.answers:,} refused"
    )
    figures = {
        "requests_per_second": load.per_second,
        "answers": load.answers,
        "refused": load.refused,
        "p50_ms": p50,
        "p99_ms": p99,
        "limit_p99_ms": limit_p99_ms,
        "connections": connections,
        "seconds": load.seconds,
    }
    return Evidence("release.load_test", subject, "pass" if holds else "fail", summary, figures)


def integration_test(
    url: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    expected: np.ndarray[Any, Any],
    subject: str,
    tolerance: float = 1e-6,
) -> Evidence:
    """Ask the server for rows whose scores are known offline: the same model, features and rows must agree.

    Args:
        rows: Request rows, as a client would send them.
        expected: Offline scores of the same rows, shape (n_rows,).

    Raises:
        DataError: Not as many scores as rows, or no rows.
        ServiceUnreachable: The server is not there, or goes away.
    """
    if not rows or len(rows) != len(expected):
        raise DataError(f"the round trip has {len(rows)} rows and {len(expected)} scores; it needs one for each.")
    answer = send_each(url, [orjson.dumps({"rows": list(rows)})])[0]
    served, problem = _values(answer)
    if problem:
        return Evidence("release.integration_test", subject, "fail", problem, {"status": answer.status, "n": len(rows)})
    error = np.abs(np.array(served, dtype=np.float64) - expected)
    worst = int(np.argmax(np.nan_to_num(error, nan=np.inf)))
    holds = bool(np.all(error <= tolerance))
    summary = f"{len(rows)} rows served as scored offline, largest difference {error[worst]:.2g} (limit {tolerance:g})"
    if not holds:
        summary = (
            f"row {worst} is served {served[worst]!r} but scored offline {expected[worst]:.6g} (limit {tolerance:g})"
        )
    figures = {"n": len(rows), "largest_difference": float(error[worst]), "row": worst, "tolerance": tolerance}
    return Evidence("release.integration_test", subject, "pass" if holds else "fail", summary, figures)


def _values(answer: Answer) -> tuple[list[float], str]:
    """The scores of an answer (a probability where there is one), or what is wrong with it."""
    if answer.status != 200:
        return [], f"status {answer.status}: {answer.body[:300].decode(errors='replace')}"
    return [one.get("probability", one["value"]) for one in orjson.loads(answer.body)["predictions"]], ""
