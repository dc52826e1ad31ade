"""Understanding: everything that is known of one source, as one frozen value (DS-1).

`understand` makes it from any frame, in a notebook as in a pipeline: the columns are read a few at a time, each from
all of its rows; whatever compares columns looks at a random sample of the rows. Which rows may be looked at is for
the caller to say: the pipeline gives the training part only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from assay.config.settings import Source
from assay.data.event_time import EVENT_TIME, KNOWN_AT
from assay.data.understanding import kinds
from assay.data.understanding.column import Column, look_at
from assay.data.understanding.correlations import Correlations, correlate
from assay.data.understanding.coverage import Coverage, coverage
from assay.data.understanding.duplicates import Comparison, Duplicates
from assay.data.understanding.findings import Finding, find
from assay.data.understanding.provenance import Provenance, provenance_of
from assay.data.understanding.proxies import Protected, find_proxies
from assay.data.understanding.sample import Sample, draw
from assay.data.understanding.target import Association, associate, label_of

MOST_COLUMNS = 1_000  # described; a source with more is named by the rest
MOST_COMPARED = 150  # columns whose pairs are compared
SAMPLE_ROWS = 100_000  # of what holds columns against the label and the protected ones
PAIR_ROWS = 20_000  # of those, for every two columns
CELLS = 8_000_000  # read at a time


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a data report shows.

    Attributes:
        name: Of the source.
        part: Which of its rows were looked at, in words.
        n_rows: How many they are.
        n_sampled: How many of them were compared across columns.
        columns: The columns, in the source's order.
        left_out: Names of columns beyond the limit.
        label: Column that is predicted; empty where this source does not hold it.
        label_classes: Its classes; empty for a quantity.
        associations: What each column tells of the label.
        duplicates: Rows and columns that repeat others.
        coverage: How the source covers its time; None where it has none.
        correlations: How columns go together.
        protected: Each protected attribute with what gives it away.
        provenance: Where the rows come from.
        meanings: What the project says of columns.
        findings: What a person should act on or look at, the gravest first.
    """

    name: str
    part: str
    n_rows: int
    n_sampled: int
    columns: tuple[Column, ...]
    left_out: tuple[str, ...]
    label: str
    label_classes: tuple[str, ...]
    associations: dict[str, Association]
    duplicates: Duplicates
    coverage: Coverage | None
    correlations: Correlations
    protected: tuple[Protected, ...]
    provenance: Provenance
    meanings: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def missing_share(self) -> float:
        """Share of all cells that are missing."""
        cells = self.n_rows * len(self.columns)
        return sum(one.missing.n for one in self.columns) / cells if cells else 0.0

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values, but for figures that JSON lacks, which `plain` turns into None."""
        return {
            "name": self.name,
            "part": self.part,
            "rows": self.n_rows,
            "sampled_rows": self.n_sampled,
            "columns": [one.to_json() for one in self.columns],
            "columns_left_out": list(self.left_out),
            "label": {"name": self.label, "classes": list(self.label_classes)} if self.label else None,
            "associations": {name: one.to_json() for name, one in self.associations.items()},
            "duplicates": self.duplicates.to_json(),
            "coverage": self.coverage.to_json() if self.coverage else None,
            "correlations": self.correlations.to_json(),
            "protected": [one.to_json() for one in self.protected],
            "provenance": self.provenance.to_json(),
            "findings": [one.to_json() for one in self.findings],
        }


def understand(
    name: str,
    frame: pl.LazyFrame | pl.DataFrame,
    source: Source | None = None,
    *,
    label: str | None = None,
    positive: Any = None,
    part: str = "all rows",
    rng: np.random.Generator,
) -> Understanding:
    """Describe a source.

    Args:
        name: What it is called.
        frame: Its rows; only those that may be looked at.
        source: Its declaration: key, time, protected columns, origin and meanings are read from it.
        label: Column that is to be predicted, where the frame holds it.
        positive: Value of the label that counts as 1; by default the second of two.
        part: Which rows these are, for the reader.
        rng: Draws the sample, and the halves on which figures are learnt and judged.

    Returns:
        The same value for the same rows and the same generator.
    """
    declared, lazy = source or Source(), frame.lazy()
    schema = lazy.collect_schema()
    n_rows = int(lazy.select(pl.len()).collect().item())
    chosen, left_out = _chosen(list(schema), declared, label)
    sample, repeats = draw(n_rows, most=SAMPLE_ROWS, rng=rng), Comparison(n_rows, _key(declared, chosen))
    columns, times = _look(lazy, chosen, declared, sample, repeats, label=label, positive=positive)
    empty = frozenset(one.name for one in columns if one.kind == "empty")
    associations = _associations(columns, sample, repeats.key)
    protected = _protected(declared, sample, label)
    duplicates, covered = repeats.result(empty=empty), coverage(times) if times is not None else None
    correlations = _correlations(columns, sample, associations)
    provenance = provenance_of(declared)
    findings = find(
        columns, n_rows=n_rows, label=sample.label, associations=associations, duplicates=duplicates, coverage=covered,
        correlations=correlations, protected=protected, provenance=provenance,
    )  # fmt: skip
    return Understanding(
        name, part, n_rows, int(sample.rows.size), tuple(columns), tuple(left_out),
        label if label in chosen and label else "", sample.label.classes if sample.label else (),
        associations, duplicates, covered, correlations, protected, provenance, dict(declared.columns), findings,
    )  # fmt: skip


def _chosen(names: Sequence[str], declared: Source, label: str | None) -> tuple[list[str], list[str]]:
    """The source's own columns, up to the limit; those that the declaration names come in whatever their place."""
    own = [one for one in names if one not in (EVENT_TIME, KNOWN_AT) or one == declared.time]
    named = {*declared.key, declared.time, *declared.protected, *declared.columns, label}
    wanted = [one for one in own if one in named][:MOST_COLUMNS]
    room = MOST_COLUMNS - len(wanted)
    kept = {*wanted, *[one for one in own if one not in named][:room]}
    return [one for one in own if one in kept], [one for one in own if one not in kept]


def _key(declared: Source, chosen: Sequence[str]) -> list[str]:
    return [one for one in declared.key if one in chosen]


def _look(
    frame: pl.LazyFrame,
    chosen: Sequence[str],
    declared: Source,
    sample: Sample,
    repeats: Comparison,
    *,
    label: str | None,
    positive: Any,
) -> tuple[list[Column], pl.Series | None]:
    """Go through the columns once: describe each, and keep in `sample` and `repeats` what compares them.

    Returns:
        The columns in their order, and the source's time where it has one.
    """
    columns: list[Column] = []
    times: pl.Series | None = None
    names = frame.collect_schema().names()
    time = EVENT_TIME if EVENT_TIME in names else declared.time
    beside = [time] if time in names and time not in chosen else []
    for series in _read(frame, [*chosen, *beside], repeats.n_rows):
        reads_as = kinds.reading_of(series)
        values = series if reads_as.values is None else reads_as.values
        if series.name == time and values.dtype.is_temporal():
            times = values.rename(declared.time or series.name)  # `event_time` is the declared column, read
        if series.name in beside:
            continue
        repeats.add(series)
        columns.append(look_at(series, reads_as=reads_as, in_key=series.name in repeats.key))
        if series.name == label:
            sample.label = label_of(sample.of(series), half=sample.half, positive=positive)
        sample.keep(values, columns[-1], is_protected=series.name in declared.protected)
    return columns, times


def _read(frame: pl.LazyFrame, names: Sequence[str], n_rows: int) -> Iterator[pl.Series]:
    """Every column whole, a few read at a time."""
    at_a_time = max(1, CELLS // max(n_rows, 1))
    for start in range(0, len(names), at_a_time):
        yield from frame.select(names[start : start + at_a_time]).collect().iter_columns()


def _associations(columns: Sequence[Column], sample: Sample, key: Sequence[str]) -> dict[str, Association]:
    label = sample.label
    if label is None:
        return {}
    names = key if len(key) == 1 else ()  # one of several columns of a key names no row by itself
    asked = [one.name for one in columns if one.name in sample.groups and one.name not in (label.name, *names)]
    found = {name: associate(sample.groups[name], label, n_columns=len(asked)) for name in asked}
    return {name: one for name, one in found.items() if one is not None and not math.isnan(one.strength)}


def _protected(declared: Source, sample: Sample, label: str | None) -> tuple[Protected, ...]:
    leave_out = frozenset({*declared.protected, *declared.key, *([label] if label else [])})
    n_pairs = len(declared.protected) * max(1, len(set(sample.groups) - leave_out))
    found = [
        find_proxies(name, own, sample.groups, leave_out=leave_out, half=sample.half, n_pairs=n_pairs)
        for name, own in ((one, sample.protected[one]) for one in declared.protected if one in sample.protected)
    ]
    return tuple(found)


def _correlations(columns: Sequence[Column], sample: Sample, associations: dict[str, Association]) -> Correlations:
    """Compare those that tell most of the label, then the first of the others, up to the limit."""
    order = [one.name for one in columns]
    can = [
        one.name
        for one in columns
        if one.name in sample.numbers or (one.kind in ("category", "flag") and one.name in sample.groups)
    ]
    if len(can) > MOST_COMPARED:
        strength = {name: associations[name].strength if name in associations else 0.0 for name in can}
        can = sorted(can, key=lambda name: -strength[name])[:MOST_COMPARED]
    step = -(-sample.rows.size // PAIR_ROWS) or 1
    numbers = {name: sample.numbers[name][::step] for name in can if name in sample.numbers}
    return correlate(numbers, {name: sample.groups[name].every(step) for name in can if name not in numbers}, order)
