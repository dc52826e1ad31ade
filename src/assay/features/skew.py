"""Train/serve skew: do the vectors that were served equal what the offline store gives for the same moments (FS-4)?

Works on frames, piece by piece, and keeps counts and a few examples only. Which rows to compare, and with which version
of the tables they are recomputed, is the pipelines' to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from assay.errors import DataError
from assay.features.agreement import differs
from assay.ledger.evidence import Evidence

KIND = "features.skew"
EXAMPLES = 3
_AGAIN = "__again"


@dataclass(slots=True)
class Skew:
    """How one feature differs.

    Attributes:
        n_different: Rows in which the two values differ, a null against a value included.
        largest: Largest absolute difference of two numbers; 0 where only nulls or texts differ.
        examples: Keys of the first rows that differ.
    """

    n_different: int = 0
    largest: float = 0.0
    examples: list[Any] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {"n_different": self.n_different, "largest": self.largest, "examples": list(self.examples)}


class Replay:
    """What a comparison has found so far; its size does not grow with the rows."""

    def __init__(self, features: Sequence[str]) -> None:
        self.features = tuple(features)
        self.n_rows = 0
        self.n_excused = 0
        self.n_ahead = 0  # rows in which an event that no build has seen explains a difference
        self.by_feature: dict[str, Skew] = {}

    def add(self, n_rows: int, found: pl.DataFrame, *, n_excused: int = 0) -> None:
        """Count a piece.

        Args:
            n_rows: Rows that were compared.
            found: Their differences, from `differences`.
            n_excused: Rows among them that differ for a reason that is known; `found` does not hold them.
        """
        self.n_rows += n_rows
        self.n_excused += n_excused
        for (name,), of_feature in found.group_by("feature", maintain_order=True):
            skew = self.by_feature.setdefault(str(name), Skew())
            skew.n_different += of_feature.height
            skew.largest = max(skew.largest, float(of_feature["gap"].fill_null(0.0).max()))  # type: ignore[arg-type]
            skew.examples += of_feature["key"].head(EXAMPLES - len(skew.examples)).to_list()

    def evidence(self, *, subject: str = "features:online", more: Mapping[str, Any] | None = None) -> Evidence:
        """Kind `features.skew`; it fails when any value differs, and names each feature with its count."""
        excused = f"; {self.n_excused:,} more were answered without the newest values" if self.n_excused else ""
        if self.n_ahead:
            excused += f"; in {self.n_ahead:,} an event of a stream came before the next build"
        if not self.n_rows:
            summary = "no prediction to replay"
        elif not self.by_feature:
            summary = f"no difference in {len(self.features)} features of {self.n_rows:,} predictions"
        else:
            worst, skew = max(self.by_feature.items(), key=lambda one: one[1].n_different)
            summary = (
                f"{len(self.by_feature)} of {len(self.features)} features differ between serving and training; most "
                f"often {worst}, in {skew.n_different:,} of {self.n_rows:,} predictions"
            )
        figures = {
            "n": self.n_rows,
            "features": len(self.features),
            "excused": self.n_excused,
            "ahead": self.n_ahead,
            "skew": {name: skew.to_json() for name, skew in self.by_feature.items()},
            **(more or {}),
        }
        verdict = "info" if not self.n_rows else "fail" if self.by_feature else "pass"
        return Evidence(KIND, subject, verdict, summary + excused, figures)  # type: ignore[arg-type]


def compare(served: pl.DataFrame, recomputed: pl.DataFrame, *, key: str, features: Sequence[str]) -> Evidence:
    """Hold logged vectors against the same rows recomputed offline, feature by feature.

    Args:
        served: Logged vectors, one row a prediction: `key` and the features.
        recomputed: The same predictions from `frame.training_frame`, in any order.
        key: Column that names a prediction; unique in both.
        features: Which columns to compare.

    Returns:
        Evidence of kind `features.skew`.

    Raises:
        DataError: A served row was not recomputed, or a feature is missing on one side.
    """
    replay = Replay(features)
    replay.add(served.height, differences(served, recomputed, key=key, features=features))
    return replay.evidence()


def differences(served: pl.DataFrame, recomputed: pl.DataFrame, *, key: str, features: Sequence[str]) -> pl.DataFrame:
    """Every value that differs: `key`, `feature` and `gap`, the absolute difference of two numbers or null.

    Raises:
        DataError: A served row was not recomputed, or a feature is missing on one side.
    """
    for name, frame in (("served", served), ("recomputed", recomputed)):
        lacking = [column for column in (key, *features) if column not in frame.columns]
        if lacking:
            raise DataError(f"the {name} rows have no {lacking}. Log and recompute the same features.")
    both = _side_by_side(served, recomputed, key, features)
    differ = {name: _differ(both, name) for name in features}
    counted = both.select(differ[name].sum().alias(name) for name in features)
    found = [
        both.filter(differ[name]).select(
            pl.col(key).alias("key"), pl.lit(name).alias("feature"), _gap(both, name).alias("gap")
        )
        for name in features
        if counted[name].item()
    ]
    nothing = both.clear().select(pl.col(key).alias("key"), feature=pl.lit("").cast(pl.String), gap=pl.lit(0.0))
    return pl.concat([nothing, *found])


def _side_by_side(served: pl.DataFrame, recomputed: pl.DataFrame, key: str, features: Sequence[str]) -> pl.DataFrame:
    again = recomputed.select(key, pl.col(features).name.suffix(_AGAIN))
    ours = served.select(key, *features)
    if ours[key].equals(again[key]):  # recomputed in the same order: nothing to look up
        return ours.hstack(again.drop(key))
    both = ours.join(again, on=key, how="inner", validate="1:1")
    if both.height < served.height:
        raise DataError(f"{served.height - both.height} of {served.height} served rows were not recomputed.")
    return both


def _differ(both: pl.DataFrame, name: str) -> pl.Expr:
    return differs(pl.col(name), pl.col(f"{name}{_AGAIN}"), are_numbers=_are_numbers(both, name))


def _gap(both: pl.DataFrame, name: str) -> pl.Expr:
    if not _are_numbers(both, name):
        return pl.lit(None, dtype=pl.Float64)
    return (pl.col(name) - pl.col(f"{name}{_AGAIN}")).abs().cast(pl.Float64)


def _are_numbers(both: pl.DataFrame, name: str) -> bool:
    return both.schema[name].is_numeric() and both.schema[f"{name}{_AGAIN}"].is_numeric()
