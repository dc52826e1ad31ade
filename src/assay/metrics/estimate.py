"""A figure and how sure we are of it: what every metric of Assay is reported as."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

USUAL_LEVEL = 0.95  # what an interval covers where nothing is said


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number with its interval.

    Attributes:
        value: The figure on the data at hand; nan where it is undefined.
        low: Lower end of the interval; nan where none was computed.
        high: Upper end of the interval; nan where none was computed.
        n: Rows (or units of resampling) that it rests on.
        method: How the interval was made: `bca-1000`, `wilson`, `none`.
        level: Nominal coverage of the interval, in (0, 1).
    """

    value: float
    low: float
    high: float
    n: int
    method: str
    level: float = USUAL_LEVEL

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"undefined (n={self.n:,})"
        if math.isnan(self.low):
            return f"{self.value:.4f} (n={self.n:,})"
        at = "" if self.level == USUAL_LEVEL else f" at {level_text(self.level)}"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]{at}"

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; nan becomes None."""
        return {
            "value": _finite(self.value),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "n": self.n,
            "method": self.method,
            "level": self.level,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; None becomes nan and further keys are ignored."""
        value, low, high = (math.nan if data[name] is None else float(data[name]) for name in ("value", "low", "high"))
        return cls(value, low, high, data["n"], data["method"], data["level"])


def level_text(level: float) -> str:
    """A coverage as a person writes it: `95 %`, `97.5 %`, `98.33 %`."""
    return f"{round(100 * level, 2):g} %"


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
