"""Sections: what every part of assay.yaml has in common, and the kinds of value that several of them hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

Severity = Literal["error", "warning"]
REFERENCE_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"
DIGEST_PATTERN = r"^[0-9a-f]{64}$"


def _reference(text: str) -> str:
    if not re.fullmatch(REFERENCE_PATTERN, text):
        raise ValueError("write `module:function`, such as `rows:label_rows` for label_rows in rows.py")
    return text


def _digest(text: str) -> str:
    if not re.fullmatch(DIGEST_PATTERN, text):
        raise ValueError("give the SHA-256 digest of the key, 64 hexadecimal digits: printf %s KEY | sha256sum")
    return text


def _moment(text: str) -> str:
    try:
        moment_of(text)
    except ValueError:
        raise ValueError("write a date such as 2011-07-01, or a time such as 2011-07-01T12:00:00Z") from None
    return text


def moment_of(text: str) -> datetime:
    """Read an ISO 8601 date or time; without a zone it is UTC.

    Raises:
        ValueError: It is neither.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


def _scalar(value: Any) -> Any:
    """One plain value; numbers lose the memory of how they were written."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise ValueError("give one value: text, a number, true or false")


def text_or_mapping(value: Any) -> str:
    """The tag of a value that may be written in a word or with keys."""
    return "text" if isinstance(value, str) else "mapping"


Reference = Annotated[str, AfterValidator(_reference), WithJsonSchema({"type": "string", "pattern": REFERENCE_PATTERN})]
Digest = Annotated[str, AfterValidator(_digest), WithJsonSchema({"type": "string", "pattern": DIGEST_PATTERN})]
Moment = Annotated[str, AfterValidator(_moment)]
Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of assay.yaml: unknown keys are errors, values are frozen and numbers finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True, hide_input_in_errors=True
    )
