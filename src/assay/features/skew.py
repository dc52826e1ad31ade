"""Train/serve skew: do the vectors that were served equal what the offline store gives for the same moments (FS-4)?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assay.errors import DataError
from assay.ledger.evidence import Evidence

RELATIVE_TOLERANCE = 1e-9  # both sides run the same code; only the last digits of a sum may differ
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Skew:
    """How one feature differs.

    Attributes:
        feature: Its name.
        n_different: Rows in which the two values differ, a null against a value included.
        largest: Largest absolute difference of two numbers; 0 where only nulls or texts differ.
        examples: Keys of the first rows that differ.
    """

    feature: str
    n_different: int
    largest: float
    examples: tuple[Any, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {"n_different": self.n_different, "largest": self.largest, "examples": list(self.examples)}


def compare(served: pl.DataFrame, recomputed: pl.DataFrame, *, key: str, features: Sequence[str]) -> Evidence:
    """Hold logged vectors against the same rows recomputed offline, feature by feature.

    Args:
        served: Logged vectors, one row a prediction: `key` and the features.
        recomputed: The same predictions from `frame.training_frame`, in any order.
        key: Column that names a prediction; unique in both.
        features: Which columns to compare.

    Returns:
        Evidence of kind `features.skew`; it fails when any value differs, and names each feature with its count.

    Raises:
        DataError: A served row was not recomputed, or a feature is missing on one side.
    """
    for name, frame in (("served", served), ("recomputed", recomputed)):
        lacking = [column for column in (key, *features) if column not in frame.columns]
        if lacking:
            raise DataError(f"the {name} rows have no {lacking}. Log and recompute the same features.")
    both = served.select(key, *features).join(
        recomputed.select(key, pl.col(features).name.suffix("__again")), on=key, how="inner", validate="1:1"
    )
    if both.height < served.height:
        raise DataError(f"{served.height - both.height} of {served.height} served rows were not recomputed.")
    found = [skew for name in features if (skew := _skew(both, name, key)).n_different]
    if not found:
        summary = f"no difference in {len(features)} features of {both.height:,} predictions"
    else:
        worst = max(found, key=lambda skew: skew.n_different)
        summary = (
            f"{len(found)} of {len(features)} features differ between serving and training; most often "
            f"{worst.feature}, in {worst.n_different:,} of {both.height:,} predictions"
        )
    figures = {"n": both.height, "features": len(features), "skew": {one.feature: one.to_json() for one in found}}
    return Evidence("features.skew", "features:online", "fail" if found else "pass", summary, figures)


def _skew(both: pl.DataFrame, name: str, key: str) -> Skew:
    ours, again = pl.col(name), pl.col(f"{name}__again")
    largest = pl.lit(0.0)
    differ = ours.ne_missing(again)
    if both.schema[name].is_numeric() and both.schema[f"{name}__again"].is_numeric():
        gap = (ours - again).abs()
        allowed = pl.max_horizontal(ours.abs(), again.abs()) * RELATIVE_TOLERANCE
        differ = (ours.is_null() != again.is_null()) | (gap > allowed).fill_null(value=False)
        largest = gap.max().fill_null(0.0)
    different = both.filter(differ)
    return Skew(
        feature=name,
        n_different=different.height,
        largest=float(both.select(largest).item()),
        examples=tuple(different[key].head(EXAMPLES)),
    )
