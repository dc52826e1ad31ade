"""The likely cause of a column's drift, in words: where to look first, not a proof.

Asked only of columns that drifted; whether one did is `drift`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.monitoring.columns import CategorySummary, ColumnSummary, NumberSummary
from assay.monitoring.histograms import MISSING, NEW, Histograms
from assay.monitoring.stability import psi_by_bin

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LEAST_SCALE = 1.5  # smaller factors are growth or season more often than another unit
LEAST_NAMED = 2.0  # nor is a smaller one named after a unit that it happens to be near
SCALE_AGREEMENT = 0.08  # relative; both quantiles come from sketches that are off by up to 2 %
UNITS = {
    2.20462: "pounds and kilograms",
    2.54: "inches and centimetres",
    1.60934: "miles and kilometres",
    3.28084: "feet and metres",
    7: "days and weeks",
    10: "a decimal place",
    12: "months and years",
    24: "hours and days",
    60: "minutes and hours or seconds",
    100: "cents or per cent",
    1_000: "thousands",
    3_600: "seconds and hours",
    86_400: "seconds and days",
    1_000_000: "millions",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One column at training time, now, and both over the same bins."""

    reference: ColumnSummary
    current: ColumnSummary
    both: Histograms

    def part(self, label: str) -> float:
        """The part of the stability index that one bin explains, in [0, 1]."""
        terms = psi_by_bin(self.both.reference, self.both.current)
        total = float(terms.sum())
        return float(terms[self.both.bins.index(label)]) / total if total else 0.0


def likely_cause(reference: ColumnSummary, current: ColumnSummary, both: Histograms) -> str:
    """Name what most probably moved a column between its training rows, `reference`, and its `current` rows."""
    change = Change(reference, current, both)
    for explain in (_all_missing, _missing_moved, _new_categories, _constant, _scaled):
        cause = explain(change)
        if cause:
            return cause
    return _shifted(change)


def scale_between(reference: NumberSummary, current: NumberSummary) -> float | None:
    """The one factor by which all quantiles moved; None where they moved differently or by little."""
    pairs = [(reference.sketch.quantile(at), current.sketch.quantile(at)) for at in QUANTILES]
    if any((before == 0) != (now == 0) for before, now in pairs):
        return None
    ratios = [now / before for before, now in pairs if before]
    if len({before for before, _ in pairs if before}) < 3 or min(ratios) <= 0:
        return None
    scale = math.exp(sum(map(math.log, ratios)) / len(ratios))
    if max(scale, 1 / scale) < LEAST_SCALE or max(ratios) / min(ratios) > (1 + SCALE_AGREEMENT) ** 2:
        return None
    return scale


def _all_missing(change: Change) -> str:
    if change.current.n_missing < change.current.n:
        return ""
    return "no value arrives any more: look upstream, at the source or the join"


def _missing_moved(change: Change) -> str:
    if change.part(MISSING) < 0.5:
        return ""
    before, now = change.both.shares(MISSING)
    return f"missing share moved from {before:.1%} to {now:.1%}: look upstream, at the source or the join"


def _new_categories(change: Change) -> str:
    current = change.current
    if not isinstance(current, CategorySummary) or change.part(NEW) < 0.25:
        return ""
    most = sorted(current.new, key=lambda name: (-current.new[name], name))[:3]
    word = "category" if len(current.new) == 1 else "categories"
    return f"new {word} {', '.join(map(repr, most))} in {change.both.shares(NEW)[1]:.1%} of the rows"


def _constant(change: Change) -> str:
    if not (isinstance(change.reference, NumberSummary) and isinstance(change.current, NumberSummary)):
        return ""
    before, now = change.reference.sketch, change.current.sketch
    if now.quantile(0) != now.quantile(1) or before.quantile(0) == before.quantile(1):
        return ""
    return f"every value is about {now.quantile(0):.4g} now: look upstream, for a default that stands in"


def _scaled(change: Change) -> str:
    if not (isinstance(change.reference, NumberSummary) and isinstance(change.current, NumberSummary)):
        return ""
    scale = scale_between(change.reference, change.current)
    if scale is None:
        return ""
    factor = max(scale, 1 / scale)
    unit = min(UNITS, key=lambda known: abs(factor / known - 1))
    is_named = factor >= LEAST_NAMED and abs(factor / unit - 1) < SCALE_AGREEMENT
    known = f"{unit:g} ({UNITS[unit]})" if is_named else f"{factor:.2g}"
    return f"scale change: every quantile is {'multiplied' if scale > 1 else 'divided'} by about {known}"


def _shifted(change: Change) -> str:
    if isinstance(change.reference, NumberSummary) and isinstance(change.current, NumberSummary):
        return _shifted_numbers(change.reference, change.current)
    place = int(psi_by_bin(change.both.reference, change.both.current).argmax())
    before, now = change.both.shares(change.both.bins[place])
    return f"shift: share of {change.both.bins[place]!r} moved from {before:.1%} to {now:.1%}"


def _shifted_numbers(reference: NumberSummary, current: NumberSummary) -> str:
    low, median, high = (reference.sketch.quantile(at) for at in (0.1, 0.5, 0.9))
    low_now, median_now, high_now = (current.sketch.quantile(at) for at in (0.1, 0.5, 0.9))
    return (
        f"shift: median {median:.4g} → {median_now:.4g}, "
        f"middle 80 % {low:.4g} to {high:.4g} → {low_now:.4g} to {high_now:.4g}"
    )
