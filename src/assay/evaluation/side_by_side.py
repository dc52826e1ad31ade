"""Experiments side by side (EX-2): what they were told that differs, what they reached with intervals, their curves.

Takes each experiment's record and the records of its run, and measures nothing anew. Figures of different rows do not
compare; where the rows are not the same, it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.evaluation.records import Record, Records
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import Estimate, level_text
from assay.metrics.index import METRICS

PARTS = ("validation", "holdout")
READ_AT = (0.05, 0.1, 0.2)  # false positive rates at which the terminal reads the ROC curve
DIGEST_SHOWN = 12
NOT_TOLD = "–"
WORDS_ONLY = (
    "owner",
    "card",
    "goals",
    "reporting",
    "technical_file",
    "training.hypothesis",
)  # settings that no figure depends on


@dataclass(frozen=True, slots=True)
class Tried:
    """One experiment, as far as it came.

    Attributes:
        id: `EXP-2026-11-21-001`.
        record: Its last record.
        told: What it was told, flattened: settings, hyperparameters, snapshots, definitions, code, libraries.
        evaluations: The candidate's evaluation by part; parts that were not measured are missing.
        rows: Digest of the keys of each part, where the split recorded it.
    """

    id: str
    record: Record
    told: Mapping[str, str]
    evaluations: Mapping[str, Record]
    rows: Mapping[str, str]

    def estimate(self, part: str, metric: str) -> Estimate | None:
        """A figure of it; None where it was not measured."""
        found = self.evaluations.get(part)
        data = found.figures["metrics"].get(metric) if found is not None else None
        return None if data is None else Estimate.from_json(data)

    def curve(self, part: str, name: str) -> list[tuple[float, float]]:
        """Points of `roc` or `precision_recall`; none where there is no such curve."""
        found = self.evaluations.get(part)
        return (found.figures.get("curves") or {}).get(name, []) if found is not None else []


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: its name, and a value an experiment in their order."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Experiments beside each other.

    Attributes:
        tried: The experiments, as they were named.
        outcomes: What became of each.
        differences: What they were told that is not the same for all.
        n_same: How many further things they were told are the same.
        metrics: By part, the estimates of each metric; the primary of the first experiment comes first.
        readings: By part, readings of the ROC curve.
        doubts: Why figures beside each other may not compare.
    """

    tried: tuple[Tried, ...]
    outcomes: tuple[Row, ...]
    differences: tuple[Row, ...]
    n_same: int
    metrics: Mapping[str, tuple[Row, ...]]
    readings: Mapping[str, tuple[Row, ...]]
    doubts: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.tried)

    def to_json(self) -> dict[str, Any]:
        def by_name(rows: Iterable[Row]) -> dict[str, Any]:
            return {row.name: dict(zip(self.names, row.values, strict=True)) for row in rows}

        return {
            "experiments": list(self.names),
            "outcomes": by_name(self.outcomes),
            "differences": by_name(self.differences),
            "same": self.n_same,
            "metrics": {part: by_name(rows) for part, rows in self.metrics.items()},
            "readings": {part: by_name(rows) for part, rows in self.readings.items()},
            "doubts": list(self.doubts),
        }


def side_by_side(experiments: Sequence[tuple[Evidence, Sequence[Evidence]]]) -> SideBySide:
    """Put experiments beside each other.

    Args:
        experiments: Each one's last record, and the records of the run it was made in.

    Raises:
        UsageError: There are fewer than two, or one is named twice.
    """
    tried = tuple(_tried(record, run) for record, run in experiments)
    if len(tried) < 2 or len({one.id for one in tried}) < len(tried):
        raise UsageError("name two different experiments or more; `assay experiments` lists them.")
    every = dict.fromkeys(name for one in tried for name in one.told)
    names = sorted(every, key=lambda name: not name.startswith(("estimator", "params.")))  # the model before the rest
    rows = [Row(name, tuple(one.told.get(name, NOT_TOLD) for one in tried)) for name in names]
    differences = tuple(row for row in rows if len(set(row.values)) > 1)
    parts = [part for part in PARTS if any(part in one.evaluations for one in tried)]
    return SideBySide(
        tried,
        _outcomes(tried),
        differences,
        len(rows) - len(differences),
        {part: _metric_rows(tried, part) for part in parts},
        {part: _readings(tried, part) for part in parts},
        tuple(_doubts(tried, parts)),
    )


def _tried(record: Evidence, run: Sequence[Evidence]) -> Tried:
    records, (own,) = Records(run), Records([record]).all
    mine = [one for one in records.of("model.evaluation") if one.subject == own.subject]
    evaluations = {one.figures["part"]: one for one in mine if one.figures.get("role") == "candidate"}
    split = records.last("data.split")
    keys = split.figures.get("keys") if split is not None else None
    return Tried(own.about, own, told_to(own, records), evaluations, {n: str(k) for n, k in (keys or {}).items()})


def told_to(own: Record, records: Records) -> dict[str, str]:
    """Everything that was decided before it was measured, by name, the choice of model first."""
    figures, started = own.figures, records.last("run.started")
    told = {"estimator": figures.get("estimator") or NOT_TOLD}
    told |= _flat(figures.get("params", {}), "params")
    told |= {f"feature {name}": "read" for name in figures.get("features", ())}
    if started is not None:
        told |= {"as of": str(started.figures.get("as_of", NOT_TOLD))}
        settings = _flat(started.figures.get("settings", {}), "")
        told |= {name: text for name, text in settings.items() if not _is_in(name, WORDS_ONLY)}
        definitions = started.figures.get("definitions", {})
        told |= {f"view {name}": str(digest)[:DIGEST_SHOWN] for name, digest in definitions.items()}
        told |= _flat(started.figures.get("code", {}), "code")
        told |= _flat(started.figures.get("environment", {}), "environment")
    for one in records.of("data.snapshot"):
        told[f"snapshot {one.about}"] = str(one.figures.get("digest", ""))[:DIGEST_SHOWN]
    return told


def _flat(value: Any, name: str) -> dict[str, str]:
    """Nested mappings as one, keys joined by dots."""
    if not isinstance(value, Mapping):
        return {name: _text(value)}
    inner = [_flat(one, f"{name}.{key}" if name else str(key)) for key, one in value.items()]
    return {key: text for one in inner for key, text in one.items()}


def _is_in(name: str, sections: Iterable[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in sections)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _outcomes(tried: Sequence[Tried]) -> tuple[Row, ...]:
    names = ("verdict", "estimator", "seconds", "hypothesis", "notes")
    rows = [Row(name, tuple(one.record.figures.get(name) or NOT_TOLD for one in tried)) for name in names]
    return (*rows, Row("record", tuple(one.record.id for one in tried)))


def _metric_rows(tried: Sequence[Tried], part: str) -> tuple[Row, ...]:
    primaries = [one.evaluations[part].figures["primary"] for one in tried if part in one.evaluations]
    measured = {name for one in tried if part in one.evaluations for name in one.evaluations[part].figures["metrics"]}
    ordered = [name for name in dict.fromkeys([*primaries, *METRICS, *sorted(measured)]) if name in measured]
    return tuple(Row(name, tuple(one.estimate(part, name) for one in tried)) for name in ordered)


def _readings(tried: Sequence[Tried], part: str) -> tuple[Row, ...]:
    """The true positive rate at a few false positive rates, read off the recorded curve."""
    curves = [one.curve(part, "roc") for one in tried]
    if not any(curves):
        return ()
    return tuple(
        Row(
            f"true positives at {rate:.0%} false positives",
            tuple(float(np.interp(rate, *np.transpose(curve))) if curve else None for curve in curves),
        )
        for rate in READ_AT
    )


def _doubts(tried: Sequence[Tried], parts: Sequence[str]) -> Iterable[str]:
    for part in parts:
        measured = [one for one in tried if part in one.evaluations]
        rows = {one.rows.get(part) for one in measured}
        if len(measured) > 1 and (len(rows) > 1 or None in rows):
            yield f"the {part} rows are not the same, or not known to be: their figures are not to be compared"
        levels = {one.level for row in _metric_rows(measured, part) for one in row.values if one is not None}
        if len(levels) > 1:
            said = ", ".join(level_text(one) for one in sorted(levels))
            yield f"intervals on {part} rows cover {said}: the more often rows were opened, the wider they are"
        if len(measured) < len(tried):
            yield f"not measured on {part} rows: {', '.join(one.id for one in tried if one not in measured)}"
