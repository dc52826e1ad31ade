"""A recipe: the fitted transforms of a model in order, from its raw inputs to the columns that its encoder reads.

The raw inputs stay the signature of the model. Batch and single rows run the same steps, so that they cannot differ.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Self

import numpy as np
import polars as pl

from assay.errors import DataError, IntegrityError, UsageError
from assay.models.signature import FeatureKind, FeatureSpec
from assay.models.tensors import read_tensors, write_tensors
from assay.models.transforms import KINDS
from assay.models.transforms.transform import Array, Column, Tensors, Transform

FILENAME = "transforms.safetensors"
LARGEST = float(np.finfo(np.float32).max)
"""Numbers beyond it are missing, as they are to the encoder: it is what a model's matrix can hold."""

_Step = tuple[Callable[..., tuple[Any, ...]], tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Fitted steps over raw inputs.

    Attributes:
        inputs: What the model is given, in order.
        steps: Each reads inputs or columns of earlier steps.
        columns: What the encoder reads, in order: inputs left as they are, and columns of the steps.
    """

    inputs: tuple[FeatureSpec, ...]
    steps: tuple[Transform, ...]
    columns: tuple[FeatureSpec, ...]
    _kinds: Mapping[str, FeatureKind] = field(init=False, repr=False, compare=False)
    _plain: tuple[tuple[str, bool], ...] = field(init=False, repr=False, compare=False)
    _single: tuple[_Step, ...] = field(init=False, repr=False, compare=False)
    _pick: Callable[[Mapping[str, Any]], tuple[Any, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = [spec for step in self.steps for spec in step.writes]
        _refuse_unreadable(self.inputs, self.steps, self.columns)
        read = {name for step in self.steps for name in step.reads}
        names = [spec.name for spec in self.columns]
        plain = tuple((spec.name, spec.kind == "category") for spec in self.inputs if spec.name in read)
        single = tuple((step.one, step.reads, tuple(spec.name for spec in step.writes)) for step in self.steps)
        pick = itemgetter(*names) if len(names) > 1 else lambda row: tuple(row[name] for name in names)
        object.__setattr__(self, "_kinds", {spec.name: spec.kind for spec in (*self.inputs, *made)})
        object.__setattr__(self, "_plain", plain)
        object.__setattr__(self, "_single", single)
        object.__setattr__(self, "_pick", pick)

    @classmethod
    def unchanged(cls, inputs: Sequence[FeatureSpec]) -> Self:
        """No steps: the encoder reads the inputs themselves."""
        return cls(tuple(inputs), (), tuple(inputs))

    @property
    def changes(self) -> bool:
        """Whether the encoder reads anything but the inputs themselves."""
        return self.columns != self.inputs

    def keep(self, names: Sequence[str]) -> Recipe:
        """The same with only the named columns, and only the steps that they need."""
        wanted = set(names)
        steps: list[Transform] = []
        for step in reversed(self.steps):
            if wanted & {spec.name for spec in step.writes}:
                steps.insert(0, step)
                wanted |= set(step.reads)
        return Recipe(self.inputs, tuple(steps), tuple(spec for spec in self.columns if spec.name in set(names)))

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The encoder's columns of many rows, in order.

        Raises:
            DataError: A column that is read is absent, or has another type than its kind.
        """
        if not self.steps:
            return rows
        made: dict[str, Column] = {}
        for step in self.steps:
            given = [made[name] if name in made else column_of(rows, name, self._kinds[name]) for name in step.reads]
            with np.errstate(all="ignore"):  # nan and infinities travel on, and are missing in the end
                results = step.many(*given)
            made.update(zip((spec.name for spec in step.writes), results, strict=True))
        return self.frame(rows, made)

    def frame(self, rows: pl.DataFrame, made: Mapping[str, Column]) -> pl.DataFrame:
        """The encoder's columns, each from `made` where it is there and from the rows where it is not.

        Raises:
            DataError: One is in neither.
        """
        absent = [spec.name for spec in self.columns if spec.name not in made and spec.name not in rows.columns]
        if absent:
            raise DataError(f"the rows lack {absent}, which the model reads. They bring {rows.columns}.")
        columns = {spec.name: made[spec.name] if spec.name in made else rows[spec.name] for spec in self.columns}
        return pl.DataFrame({name: pl.Series(name, column) for name, column in columns.items()})

    def apply_row(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The encoder's values of one row, in order; the same as `apply` gives it.

        Args:
            values: Every input by name, None where missing; further names are ignored.

        Raises:
            DataError: A value has another type than its kind.
            KeyError: An input is absent.
        """
        row = dict(values)
        for name, is_text in self._plain:
            row[name] = _text(name, row[name]) if is_text else _number(name, row[name])
        for one, reads, writes in self._single:
            row.update(zip(writes, one(*[row[name] for name in reads]), strict=True))
        return self._pick(row)

    def sources(self) -> dict[str, tuple[str, ...]]:
        """The inputs that each of the encoder's columns is made from, in order."""
        made: dict[str, tuple[str, ...]] = {spec.name: (spec.name,) for spec in self.inputs}
        for step in self.steps:
            origin = tuple(dict.fromkeys(source for name in step.reads for source in made[name]))
            made |= {spec.name: origin for spec in step.writes}
        return {spec.name: made[spec.name] for spec in self.columns}

    def learnt(self) -> dict[str, np.ndarray[Any, Any]]:
        """What the steps took from the training rows, by name, and which columns were chosen on them."""
        arrays = {f"transform.{name}": array for step in self.steps for name, array in step.learnt().items()}
        if self.changes:
            arrays["transform.columns"] = np.array([spec.name for spec in self.columns], dtype=np.str_)
        return arrays

    def to_json(self) -> dict[str, Any]:
        """Steps, columns and a digest over both and over the tensors; the tensors are a file of their own."""
        steps = [{"kind": step.kind, **step.to_json()} for step in self.steps]
        document = {"steps": steps, "columns": [spec.name for spec in self.columns]}
        return document | {"digest": _digest(document, self.tensor_file())}

    def tensor_file(self) -> bytes:
        """The large arrays of all steps, named by the step's place; empty where there are none."""
        tensors: Tensors = {}
        for place, step in enumerate(self.steps):
            tensors |= {f"{place}.{name}": array for name, array in step.tensors().items()}
        return write_tensors(tensors) if tensors else b""

    @classmethod
    def from_json(cls, data: Mapping[str, Any], inputs: Sequence[FeatureSpec], tensor_file: bytes = b"") -> Self:
        """Read back what `to_json` and `tensor_file` wrote.

        Raises:
            IntegrityError: The digest is another one, or something is missing.
            UsageError: A step is of a kind that this version does not know.
        """
        document = {"steps": data["steps"], "columns": data["columns"]}
        if _digest(document, tensor_file) != data["digest"]:
            raise IntegrityError("the model's transforms are not those that were stored. Fetch or train it again.")
        tensors = read_tensors(tensor_file) if tensor_file else {}
        steps = tuple(_step(place, one, tensors) for place, one in enumerate(data["steps"]))
        made = {spec.name: spec for spec in (*inputs, *(spec for step in steps for spec in step.writes))}
        try:
            return cls(tuple(inputs), steps, tuple(made[name] for name in data["columns"]))
        except KeyError as error:
            raise IntegrityError(f"the model's transforms make no column {error}. Fetch or train it again.") from error


def column_of(rows: pl.DataFrame, name: str, kind: FeatureKind) -> Column:
    """A column as transforms read it: float64 with nan where missing or beyond `LARGEST`, or a String series.

    Raises:
        DataError: It is absent, or has another type than its kind.
    """
    if name not in rows.columns:
        raise DataError(f"the rows lack ['{name}'], which the model reads. They bring {rows.columns}.")
    column = rows[name]
    is_text = isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum)
    if column.dtype != pl.Null and is_text != (kind == "category"):
        raise DataError(f"feature {name!r} should be a {kind}, but its column has type {column.dtype}.")
    if kind == "category":
        return column.cast(pl.String)
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"feature {name!r} should be a {kind}, but its column has type {column.dtype}.")
    values: Array = column.cast(pl.Float64).fill_null(math.nan).to_numpy().copy()
    values[np.abs(values) > LARGEST] = np.nan
    return values


def _number(name: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise DataError(f"feature {name!r} should be a number or null, but is {value!r} ({type(value).__name__}).")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond a float: as good as infinite
        return math.nan
    return number if -LARGEST <= number <= LARGEST else math.nan


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise DataError(f"feature {name!r} should be text or null, but is {value!r} ({type(value).__name__}).")


def _step(place: int, data: Mapping[str, Any], tensors: Mapping[str, Any]) -> Transform:
    kind = KINDS.get(data["kind"])
    if kind is None:
        raise UsageError(
            f"the model has a transform of kind {data['kind']!r}, which this Assay does not know; it knows "
            f"{', '.join(KINDS)}. Load it with the version that wrote it."
        )
    start = f"{place}."
    own = {name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)}
    return kind.from_json(data, own)


def _digest(document: Mapping[str, Any], tensor_file: bytes) -> str:
    text = json.dumps(document, sort_keys=True, allow_nan=False).encode()
    return hashlib.sha256(text + tensor_file).hexdigest()


def _refuse_unreadable(
    inputs: Sequence[FeatureSpec], steps: Sequence[Transform], columns: Sequence[FeatureSpec]
) -> None:
    """Raise where a step or the encoder would read what nothing gives, or a name is given twice."""
    known = {spec.name for spec in inputs}
    for step in steps:
        if unknown := [name for name in step.reads if name not in known]:
            raise IntegrityError(f"transform {step.kind!r} reads {unknown}, which nothing before it gives.")
        if twice := [spec.name for spec in step.writes if spec.name in known]:
            raise DataError(f"the columns {twice[:5]} would each be made twice. Transform a column once, or rename it.")
        known |= {spec.name for spec in step.writes}
    if unknown := [spec.name for spec in columns if spec.name not in known]:
        raise IntegrityError(f"the encoder would read {unknown}, which no transform gives.")
