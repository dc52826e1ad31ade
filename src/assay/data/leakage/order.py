"""Order (LK-2): was the split made and the holdout closed before anything was fitted, and on which rows?

Reads the records of a run and assumes nothing of the code that made them: their order in the ledger, and the digests
of the keys that were split and that were fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.ledger.evidence import Evidence

KIND = "leakage.order"
SPLIT, OPENED = "data.split", "data.holdout_opened"
LEARNS = ("features.build", "training.", "leakage.fitted", "leakage.target_encoding", "model.")
CHOOSES = ("training.search", "leakage.fitted", "leakage.target_encoding")  # must be over before the seal is broken


def check_order(records: Sequence[Evidence], *, used: Mapping[str, str]) -> Evidence:
    """Prove from a run's records that the split came first and that its parts were kept to.

    Args:
        records: Of one run, in the order of the ledger.
        used: By part, such as `train`, the digest of the keys of the rows that were fitted on or chosen by, from
            `splits.keys_digest`.

    Returns:
        Evidence `leakage.order`, with the split and the first record that learnt as parents: `fail` where something
        was learnt before the split, the rows in use are not those of their part, or the holdout was opened too early.
    """
    learnt = [place for place, one in enumerate(records) if one.kind.startswith(LEARNS)]
    cut = next((place for place, one in enumerate(records) if one.kind == SPLIT), None)
    subject = f"run:{records[0].run}" if records else "run:none"
    if cut is None:
        what = f"{records[learnt[0]].kind} [{records[learnt[0]].id}] was recorded" if learnt else "nothing was learnt"
        summary = f"no split is on record, and {what}"
        return Evidence(KIND, subject, "fail" if learnt else "info", summary, {"split": None})
    split = records[cut]
    faults = [*_too_early(records, learnt, cut), *_other_rows(split, used), *_opened_too_early(records)]
    first = records[learnt[0]] if learnt else None
    figures: dict[str, Any] = {
        "split": split.id,
        "first_learnt": first.id if first else None,
        "records": len(records),
        "parts": {name: {"used": digest, "split": _digests(split).get(name)} for name, digest in used.items()},
        "faults": faults,
    }
    parents = tuple(one.id for one in (split, first) if one is not None and one.id)
    if faults:
        summary = f"{'; '.join(faults)}. Cut and seal first, and learn from the training part alone"
        return Evidence(KIND, subject, "fail", summary, figures, parents)
    before = f"before the first thing learnt, {first.kind} [{first.id}]" if first else "and nothing was learnt yet"
    kept = f"; {' and '.join(used)} are its rows" if used else ""
    return Evidence(KIND, subject, "pass", f"the split [{split.id}] was recorded {before}{kept}", figures, parents)


def _too_early(records: Sequence[Evidence], learnt: Sequence[int], cut: int) -> list[str]:
    early = [records[place] for place in learnt if place < cut]
    return [f"{one.kind} [{one.id}] was recorded before the split [{records[cut].id}]" for one in early[:3]]


def _other_rows(split: Evidence, used: Mapping[str, str]) -> list[str]:
    known = _digests(split)
    return [
        f"the {name} rows in use are not those of the split [{split.id}]"
        for name, digest in used.items()
        if known.get(name) != digest
    ]


def _opened_too_early(records: Sequence[Evidence]) -> list[str]:
    opened = next((place for place, one in enumerate(records) if one.kind == OPENED), len(records))
    late = [one for one in records[opened:] if one.kind.startswith(CHOOSES)]
    return [f"{one.kind} [{one.id}] was recorded after the holdout was opened [{records[opened].id}]" for one in late]


def _digests(split: Evidence) -> Mapping[str, str]:
    found: Mapping[str, str] = split.figures.get("keys", {})
    return found
