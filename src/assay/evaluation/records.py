"""Records: the evidence of one run, asked for by kind, as reports and cards do.

Figures come as the plain JSON values that the ledger holds, so a page reads the same from memory and from disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.index import METRICS


@dataclass(frozen=True, slots=True)
class Record:
    """One piece of evidence with plain figures."""

    id: str
    kind: str
    subject: str
    verdict: Verdict
    summary: str
    figures: Mapping[str, Any]
    time: str

    @property
    def about(self) -> str:
        """What the subject names, without its type: `churn@1.0.0` of `model:churn@1.0.0`."""
        return self.subject.partition(":")[2] or self.subject


class Records:
    """Evidence in the order in which it was recorded."""

    def __init__(self, evidences: Iterable[Evidence]) -> None:
        self.all = tuple(_plain(one) for one in evidences)
        self.ids = frozenset(one.id for one in self.all if one.id)

    def of(self, *kinds: str) -> list[Record]:
        """Those of any of the kinds; a kind that ends in a dot is a prefix: `leakage.`."""
        return [
            one
            for one in self.all
            if any(one.kind == kind or (kind.endswith(".") and one.kind.startswith(kind)) for kind in kinds)
        ]

    def last(self, kind: str) -> Record | None:
        """The latest of its kind; None where the run did not come so far."""
        return next((one for one in reversed(self.all) if one.kind == kind), None)

    def candidate(self) -> Record | None:
        """The candidate's evaluation: on the holdout where that was opened, otherwise the latest."""
        others = ("no_information", "heuristic", "production")
        ours = [one for one in self.of("model.evaluation") if one.figures.get("role") not in others]
        on_holdout = [one for one in ours if one.figures.get("part") == "holdout"]
        best = on_holdout or ours
        return best[-1] if best else None

    def comparisons(self, part: str, *, metric: str) -> list[Record]:
        """What the candidate was compared with on those rows by that metric, the last comparison with each."""
        by_name = {
            one.figures["other"]["name"]: one
            for one in self.of("model.comparison")
            if one.figures.get("part") == part and one.figures.get("metric") == metric
        }
        return list(by_name.values())


def metrics_of(evaluation: Record) -> dict[str, Mapping[str, Any]]:
    """An evaluation's metrics, the primary first, then as the index lists them; the ledger keeps names sorted."""
    figures = evaluation.figures
    known = dict.fromkeys([figures["primary"], *METRICS])
    names = [name for name in known if name in figures["metrics"]]
    names += [name for name in figures["metrics"] if name not in known]
    return {name: figures["metrics"][name] for name in names}


def _plain(evidence: Evidence) -> Record:
    data = evidence.to_json()
    names = ("id", "kind", "subject", "verdict", "summary", "figures", "time")
    return Record(**{name: data[name] for name in names})
