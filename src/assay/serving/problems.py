"""What is wrong with a request, as a value and as an RFC 9457 problem document."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 20
"""Faults named in one document; the rest are only counted."""
LONGEST_ECHO = 80
"""Characters of a client's own text that are given back."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request.

    Attributes:
        field: Where, as a path into the body: `rows[3].age`.
        reason: What was needed and what came.
    """

    field: str
    reason: str


class Refusal(Exception):
    """A request that is answered with a problem document.

    Attributes:
        status: HTTP status.
        detail: What was wrong and what to do, for a person.
        faults: Each field and its reason.
        headers: Such as Retry-After.
    """

    def __init__(
        self, status: int, detail: str, *, faults: tuple[Fault, ...] = (), headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.headers = headers

    def body(self) -> bytes:
        """The problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            shown = self.faults[:MOST_FAULTS]
            document["errors"] = [{"field": one.field, "reason": one.reason} for one in shown]
            document["errors_in_all"] = len(self.faults)
        return orjson.dumps(document)


def invalid(faults: list[Fault]) -> Refusal:
    """422: the JSON is well formed but not what the model reads."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Refusal(422, f"{first.field}: {first.reason}{more}", faults=tuple(faults))


def echo(value: object) -> str:
    """A client's value as it may be shown back: its repr, cut short."""
    text = repr(value) if not isinstance(value, list | dict) else ("a list" if isinstance(value, list) else "an object")
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"
