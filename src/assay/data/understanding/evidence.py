"""Evidence of an understanding: what the ledger keeps of a data report, with the digest of the whole."""

from __future__ import annotations

from typing import Any

from assay.data.understanding.understanding import Understanding
from assay.ledger.evidence import Evidence

MOST_FINDINGS = 25
MOST_ASSOCIATIONS = 10
MOST_CHARACTERS = 120  # of the first finding, in the summary


def evidence_of(found: Understanding, *, subject: str, report: str, digest: str) -> Evidence:
    """What was found, as `data.understanding`: `warn` where something is to be acted on, otherwise `info`.

    Args:
        found: What is known of the source.
        subject: `source:NAME`, or `rows:LABEL` for the rows to predict.
        report: Where the page is, relative to the project's state; the JSON file has the same name.
        digest: SHA-256 of the JSON file.
    """
    to_act_on = [one for one in found.findings if one.level == "act"]
    n_columns = len(found.columns) + len(found.left_out)
    said = _short(to_act_on[0].what) if to_act_on else "nothing to act on"
    more = f" (and {len(to_act_on) - 1} more)" if len(to_act_on) > 1 else ""
    ranked = sorted(found.associations.items(), key=lambda item: -item[1].strength)[:MOST_ASSOCIATIONS]
    figures: dict[str, Any] = {
        "rows": found.n_rows,
        "columns": n_columns,
        "part": found.part,
        "missing": found.missing_share,
        "duplicates": found.duplicates,
        "label": found.label or None,
        "strongest": [{"column": name, "measure": one.measure, **one.figure.to_json()} for name, one in ranked],
        "protected": {
            one.column: [{"column": proxy.column, "auc": proxy.auc.value} for proxy in one.proxies]
            for one in found.protected
        },
        "provenance": found.provenance,
        "to_act_on": len(to_act_on),
        "findings": [one.to_json() for one in found.findings[:MOST_FINDINGS]],
        "report": report,
        "digest": digest,
    }
    summary = f"{found.name}: {found.n_rows:,} rows, {n_columns:,} columns; {said}{more}"
    return Evidence("data.understanding", subject, "warn" if to_act_on else "info", summary, figures)


def _short(sentence: str) -> str:
    """As much of a sentence as a line of a terminal has room for; without its full stop."""
    line = sentence.rstrip(".")
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
