"""What a request row may hold: checked by hand for speed, and described as JSON Schema from the same table.

A field is an entity's key, an input of the request, the prediction time, the row's own key, or a feature of the model
given outright. Nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from assay.models.signature import Signature
from assay.serving.problems import Fault, echo

Kind = Literal["number", "flag", "category", "key", "time", "scalar"]

LARGEST_NUMBER = 3.4028234663852886e38  # of a float32, which is what models read
LONGEST_TEXT = 1_000
_INT64 = 2**63

_TYPES: Mapping[Kind, frozenset[type]] = {
    "number": frozenset({int, float, type(None)}),
    "flag": frozenset({bool, type(None)}),
    "category": frozenset({str, type(None)}),
    "key": frozenset({str, int}),
    "time": frozenset({str}),
    "scalar": frozenset({str, int, float, bool, type(None)}),
}
_WANTED: Mapping[Kind, str] = {
    "number": "a number or null",
    "flag": "true, false or null",
    "category": "text or null",
    "key": "text or a whole number",
    "time": "a time with its offset, such as 2026-11-21T19:30:00Z",
    "scalar": "a number, text, true, false or null",
}
_NUMBER = {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_WHOLE = {"type": "integer", "minimum": -_INT64, "maximum": _INT64 - 1}
_NULL = {"type": "null"}
_SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    "number": {"anyOf": [_NUMBER, _NULL]},
    "flag": {"type": ["boolean", "null"]},
    "category": {"anyOf": [_TEXT, _NULL]},
    "key": {"anyOf": [_TEXT, _WHOLE]},
    "time": {"type": "string", "format": "date-time", "pattern": "^(19|20|21)[0-9]{2}-", "maxLength": 40},
    "scalar": {"anyOf": [_NUMBER, _TEXT, {"type": "boolean"}, _NULL]},
}


@dataclass(frozen=True)
class RowSchema:
    """The fields of a row.

    Attributes:
        fields: Kind by name, in the order they are documented.
        required: Fields without which features cannot be looked up.
        features: The model's inputs; a row that gives them all needs nothing else.
        time: Name of the prediction time's field; None where the data has no time.
    """

    fields: Mapping[str, Kind]
    required: frozenset[str]
    features: tuple[str, ...]
    time: str | None = None

    @cached_property
    def _allowed(self) -> dict[str, frozenset[type]]:
        return {name: _TYPES[kind] for name, kind in self.fields.items()}

    @cached_property
    def _feature_set(self) -> frozenset[str]:
        return frozenset(self.features)

    def check(self, row: object, *, index: int) -> list[Fault]:
        """Everything wrong with one row; empty where nothing is. A key written as 5.0 is the whole number 5, and is
        made that in place.
        """
        if type(row) is not dict:
            return [Fault(f"rows[{index}]", f"must be an object, not {echo(row)}")]
        allowed, nothing = self._allowed, frozenset[type]()
        faults: list[Fault] = []
        for name, value in row.items():
            kind = type(value)
            if (
                kind not in allowed.get(name, nothing)
                or (kind is float and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER)
                or (kind is str and len(value) > LONGEST_TEXT)
            ):
                if self.fields.get(name) == "key" and _is_whole(value):
                    row[name] = int(value)
                else:
                    faults.append(self._fault(name, value, index))
        if not (self.required <= row.keys() or self._feature_set <= row.keys()):
            faults += [Fault(f"rows[{index}].{name}", "is required") for name in sorted(self.required - row.keys())]
        if self.time is not None and self.time in row and not faults:
            faults += _time_faults(self.time, row[self.time], index)
        return faults

    def given_all(self, row: Mapping[str, Any]) -> bool:
        """Whether the row brings every feature of the model itself."""
        return self._feature_set <= row.keys()

    def given_only(self, row: Mapping[str, Any]) -> bool:
        """Whether the row brings every feature of the model and nothing else."""
        return len(row) == len(self.features) and self._feature_set == row.keys()

    def json_schema(self) -> dict[str, Any]:
        """A row as JSON Schema (2020-12), as strict as `check`."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: dict(_SCHEMAS[kind]) for name, kind in self.fields.items()},
            "additionalProperties": False,
        }
        ways = [sorted(self.required), list(self.features)]
        if self.required and not set(self.features) <= self.required:
            schema["anyOf"] = [{"required": way} for way in ways]
        return schema

    def columns(self) -> dict[str, str]:
        """Kind of each field, as the prediction log's header keeps it."""
        return dict(self.fields)

    def _fault(self, name: object, value: object, index: int) -> Fault:
        kind = self.fields.get(name) if isinstance(name, str) else None
        field = f"rows[{index}].{str(name)[:LONGEST_TEXT]}"
        if kind is None:
            return Fault(f"rows[{index}].{str(name)[:80]}", f"is not known; known are {', '.join(self.fields)}"[:600])
        if type(value) in _TYPES[kind]:
            limit = f"at most {LONGEST_TEXT} characters" if isinstance(value, str) else f"within ±{LARGEST_NUMBER:.3g}"
            return Fault(field, f"must be {limit}")
        return Fault(field, f"must be {_WANTED[kind]}, not {echo(value)}")


def row_schema(
    signature: Signature,
    *,
    entities: Sequence[str],
    inputs: Sequence[str],
    key: str | None = None,
    time: str | None = None,
) -> RowSchema:
    """Describe the rows of a model and a target.

    Args:
        entities: Columns that hold entities' keys; required, because features are looked up by them.
        inputs: Columns that only the request knows; required.
        key: Column that names the row; optional in a request, kept in the log.
        time: Column with the prediction time; optional in a request, now where it is not given.
    """
    fields: dict[str, Kind] = dict.fromkeys(entities, "key")
    kinds: dict[str, Kind] = {spec.name: spec.kind for spec in signature.features}
    fields |= {name: kinds.get(name, "scalar") for name in inputs if name not in fields}
    if time is not None:
        fields[time] = "time"
    if key is not None:
        fields.setdefault(key, "key")
    fields |= {name: kind for name, kind in kinds.items() if name not in fields}
    return RowSchema(fields, frozenset([*entities, *inputs]), signature.names, time)


def parse_time(text: str) -> datetime:
    """A time with its offset, in UTC.

    Raises:
        ValueError: It is no such time, has no offset, or its year is not of the 20th to 22nd century.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("it has no offset")
    if text[:2] not in ("19", "20", "21"):
        raise ValueError("its year must be 1900 to 2199")
    return moment.astimezone(UTC)


def _is_whole(value: object) -> bool:
    # whole numbers beyond 64 bits are parsed as floats, and those just below -2^63 are rounded to it
    return type(value) is float and value.is_integer() and -_INT64 < value < _INT64


def _time_faults(name: str, text: str, index: int) -> list[Fault]:
    try:
        parse_time(text)
    except ValueError as problem:
        return [Fault(f"rows[{index}].{name}", f"must be {_WANTED['time']}, not {echo(text)} ({problem})"[:300])]
    return []
