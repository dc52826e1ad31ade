"""Provenance: where rows come from and what produced them, as the project declares it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from assay.config.settings import Source

PARTIES = {
    "first": "collected by ourselves",
    "second": "given by whoever collected it",
    "third": "taken from somebody who gathers or sells data",
}
PARTY = re.compile(r"\b(first|second|third)[- ]party\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is declared of a source's origin.

    Attributes:
        origin: In the project's own words; empty where nothing is said.
        party: `first`, `second`, `third`, or empty where the words name none.
        collected: What produced the rows; empty where nothing is said.
    """

    origin: str
    party: str
    collected: str

    @property
    def unsaid(self) -> list[str]:
        """What nobody has declared, as a person would ask for it."""
        asked = {"whether it is first-, second- or third-party": self.party, "what produced it": self.collected}
        return [words for words, answer in asked.items() if not answer]

    def to_json(self) -> dict[str, Any]:
        return {"origin": self.origin, "party": self.party or None, "collected": self.collected or None}


def provenance_of(source: Source) -> Provenance:
    """Read the declaration; the party is taken from the words of `origin`."""
    found = PARTY.search(source.origin)
    collected = (source.collected or "").replace("_", " ")
    return Provenance(source.origin, found.group(1).lower() if found else "", collected)
