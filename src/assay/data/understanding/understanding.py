"""Understanding: everything that is known of one source, as one frozen value (DS-1).

`understand` makes it from any frame, in a notebook as in a pipeline: the columns are read a few at a time, each from
all of its rows; whatever compares columns looks at a random sample of the rows. Which rows may be looked at is for
the caller to say: the pipeline gives the training part only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.config.settings import Source
from assay.data.event_time import EVENT_TIME, KNOWN_AT
from assay.data.understanding import kinds
from assay.data.understanding.column import Column, look_at
from assay.data.understanding.correlations import Correlations, correlate
from assay.data.understanding.coverage import Coverage, coverage
from assay.data.understanding.duplicates import Comparison, Duplicates
from assay.data.understanding.findings import Finding, find
from assay.data.understanding.groups import Groups, grouped
from assay.data.understanding.provenance import Provenance, provenance_of
from assay.data.understanding.proxies import Protected, find_proxies
from assay.data.understanding.target import Association, Label, associate, label_of

MOST_COLUMNS = 1_000  # described; a source with more is named by the rest
MOST_COMPARED = 150  # columns whose pairs are compared
SAMPLE_ROWS = 100_000  # of what holds columns against the label and the protected ones
PAIR_ROWS = 20_000  # of those, for every two columns
PARTS_OF_PROTECTED = 4  # groups of people that a number such as age is cut into
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


@dataclass(slots=True)
class _Sample:
    """What the sampled rows hold, column by column."""

    rows: npt.NDArray[np.int64]
    half: npt.NDArray[np.bool_]
    groups: dict[str, Groups] = field(default_factory=dict)
    numbers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    protected: dict[str, Groups] = field(default_factory=dict)
    label: Label | None = None


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
    sample = _drawn(n_rows, rng)
    key = [one for one in declared.key if one in chosen]
    repeats = Comparison(n_rows, key)
    columns: list[Column] = []
    times: pl.Series | None = None
    time = EVENT_TIME if EVENT_TIME in schema else declared.time
    for series in _read(lazy, [*chosen, *([time] if time and time in schema and time not in chosen else [])], n_rows):
        if series.name == time and series.dtype.is_temporal():
            times = series.rename(declared.time or series.name)  # `event_time` is the declared column, read
        if series.name not in chosen:
            continue
        repeats.add(series)
        reads_as = kinds.reading_of(series)
        column = look_at(series, reads_as=reads_as, in_key=series.name in key)
        columns.append(column)
        if series.name == label:
            sample.label = label_of(_of(sample, series), half=sample.half, positive=positive)
        _keep(
            series if reads_as.values is None else reads_as.values,
            column,
            sample,
            is_protected=series.name in declared.protected,
        )
    empty = frozenset(one.name for one in columns if one.kind == "empty")
    associations = _associations(columns, sample, key)
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


def _drawn(n_rows: int, rng: np.random.Generator) -> _Sample:
    rows = np.arange(n_rows)
    if n_rows > SAMPLE_ROWS:
        rows = np.sort(rng.choice(n_rows, SAMPLE_ROWS, replace=False))
    half = np.zeros(rows.size, dtype=bool)
    half[rng.permutation(rows.size)[: rows.size // 2]] = True
    return _Sample(rows.astype(np.int64), half)


def _read(frame: pl.LazyFrame, names: Sequence[str], n_rows: int) -> Iterator[pl.Series]:
    """Every column whole, a few read at a time."""
    at_a_time = max(1, CELLS // max(n_rows, 1))
    for start in range(0, len(names), at_a_time):
        yield from frame.select(names[start : start + at_a_time]).collect().iter_columns()


def _of(sample: _Sample, series: pl.Series) -> pl.Series:
    """The sampled rows of a column."""
    return series if sample.rows.size == series.len() else series.gather(sample.rows)


def _keep(series: pl.Series, column: Column, sample: _Sample, *, is_protected: bool) -> None:
    drawn = _of(sample, series)
    if column.kind in ("number", "time"):
        sample.numbers[column.name] = _as_numbers(drawn)
    groups = grouped(drawn, column.kind)
    if groups is not None:
        sample.groups[column.name] = groups
    own = grouped(drawn, column.kind, parts=PARTS_OF_PROTECTED) if is_protected else None
    if own is not None:
        sample.protected[column.name] = own


def _as_numbers(drawn: pl.Series) -> npt.NDArray[np.float64]:
    values = drawn.to_physical().cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
    return values.astype(np.float64, copy=False)


def _associations(columns: Sequence[Column], sample: _Sample, key: Sequence[str]) -> dict[str, Association]:
    label = sample.label
    if label is None:
        return {}
    names = key if len(key) == 1 else ()  # one of several columns of a key names no row by itself
    asked = [one.name for one in columns if one.name in sample.groups and one.name not in (label.name, *names)]
    found = {name: associate(sample.groups[name], label, n_columns=len(asked)) for name in asked}
    return {name: one for name, one in found.items() if one is not None and not math.isnan(one.strength)}


def _protected(declared: Source, sample: _Sample, label: str | None) -> tuple[Protected, ...]:
    leave_out = frozenset({*declared.protected, *declared.key, *([label] if label else [])})
    n_pairs = len(declared.protected) * max(1, len(set(sample.groups) - leave_out))
    found = [
        find_proxies(name, own, sample.groups, leave_out=leave_out, half=sample.half, n_pairs=n_pairs)
        for name, own in ((one, sample.protected[one]) for one in declared.protected if one in sample.protected)
    ]
    return tuple(found)


def _correlations(columns: Sequence[Column], sample: _Sample, associations: dict[str, Association]) -> Correlations:
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
