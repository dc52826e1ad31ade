"""Groups (LK-7): do training and validation rows belong to the same customer, or are they the same row twice?

Looks at features, so that it finds what keys do not show. That no key and no declared group is on two sides is proved
by `parts`, on all three parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from assay.data.leakage.differences import shown
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame

KIND = "leakage.groups"
IDENTIFIED = 0.5  # share of entities that their lasting features alone tell from all others
LASTING = 0.95  # share of entities within which a lasting feature never changes
SHARED = 0.02  # of the validation rows; fewer are reported, not warned of
TWINS = 0.02  # of the validation rows; fewer hardly move a figure
CHANCE = 5.0  # times as many twins as coincidence explains, or more
LEAST = 10
EXAMPLES = 3


def check_groups(train: LabelledFrame, validation: LabelledFrame, *, entities: Sequence[str] = ()) -> Evidence:
    """Count validation rows whose entity is in training too, and those whose features are a training row's.

    Where rows have a time, the same customer later is what the model will meet, and is only counted. Where they have
    none, a model that can tell customers apart by what never changes of them remembers their labels.

    Args:
        train: Training rows with features.
        validation: Validation rows with the same features.
        entities: Columns of the entities.

    Returns:
        Evidence `leakage.groups`: `warn` where remembered entities or twins could flatter the model. Figures count
        both, and say how many twins coincidence explains.
    """
    shared = {name: _shared(train, validation, name) for name in entities if name in train.rows.columns}
    twins = _twins(train, validation)
    figures: dict[str, Any] = {"rows": len(validation), "entities": shared, "twins": twins}
    doubts = [_remembered(name, one) for name, one in shared.items() if _is_remembered(name, one, train)]
    if twins["rows"] >= max(LEAST, TWINS * len(validation), CHANCE * twins["by_chance"]):
        doubts.append(
            f"{twins['rows']:,} of {len(validation):,} validation rows have every feature of a training row with "
            f"another {train.key!r}, such as {', '.join(repr(one) for one in twins['examples'])}; coincidence explains "
            f"{twins['by_chance']:,.0f}. Keep one row each in target.rows, or name what they share as target.group"
        )
    if doubts:
        return Evidence(KIND, f"target:{train.label}", "warn", "; ".join(doubts), figures)
    again = ", ".join(f"{one['rows']:,} of a {name!r}" for name, one in shared.items())
    told = f"{twins['rows']:,} of {len(validation):,} validation rows are twins of a training row"
    told += f"; known from training are {again}" if again else ""
    return Evidence(KIND, f"target:{train.label}", "pass", told, figures)


def _shared(train: LabelledFrame, validation: LabelledFrame, name: str) -> dict[str, Any]:
    rows = validation.rows.join(train.rows.select(name).unique(), on=name, how="semi").height
    return {"rows": rows, "of": len(validation), "identified": _identified(train, name) if rows else 0.0}


def _identified(train: LabelledFrame, name: str) -> float:
    """Share of the entities with several rows that no other has the same lasting features as."""
    features = [one for one in train.features if one != name]
    repeated = train.rows.filter(pl.len().over(name) > 1)
    if repeated.is_empty() or not features:
        return 0.0
    varied = repeated.group_by(name).agg(pl.col(features).n_unique())
    lasting = [one for one in features if int((varied[one] == 1).sum()) >= LASTING * varied.height]
    if not lasting:
        return 0.0
    first = repeated.unique(name, keep="first", maintain_order=True)
    alone = first.filter(pl.len().over(lasting) == 1)
    return alone.height / first.height


def _is_remembered(name: str, one: dict[str, Any], train: LabelledFrame) -> bool:
    is_asked = train.time is None and name != train.group
    return is_asked and one["identified"] >= IDENTIFIED and one["rows"] >= max(LEAST, SHARED * one["of"])


def _remembered(name: str, one: dict[str, Any]) -> str:
    return (
        f"{one['rows']:,} validation rows are of a {name!r} that is in training too, and features that never change "
        f"tell {one['identified']:.0%} of them apart: the model can remember them. Where it must serve new ones, set "
        f"target.group: {name}"
    )


def _twins(train: LabelledFrame, validation: LabelledFrame) -> dict[str, Any]:
    """Validation rows that have every feature of a training row, and how many coincidence explains."""
    features = list(train.features)
    if not features or not len(train) or not len(validation):
        return {"rows": 0, "by_chance": 0.0, "examples": []}
    known = pl.DataFrame({"twin": train.rows.select(features).hash_rows(seed=0)}).unique()
    asked = validation.rows.select(validation.key, twin=validation.rows.select(features).hash_rows(seed=0))
    found = asked.join(known, on="twin", how="semi", maintain_order="left")
    return {
        "rows": found.height,
        "by_chance": _by_chance(train, validation),
        "examples": [shown(one) for one in found[validation.key].head(EXAMPLES)],
    }


def _by_chance(train: LabelledFrame, validation: LabelledFrame) -> float:
    """Twins to expect if the most varied feature were drawn anew for rows that are alike in all others."""
    collisions = {name: _collision(train.rows[name]) for name in train.features}
    varied = min(collisions, key=lambda name: collisions[name])
    others = [name for name in train.features if name != varied]
    if not others:
        return len(validation) * min(1.0, len(train) * collisions[varied])
    alike = pl.DataFrame({"rest": train.rows.select(others).hash_rows(seed=0)})["rest"].value_counts(name="n")
    asked = pl.DataFrame({"rest": validation.rows.select(others).hash_rows(seed=0)})
    n_alike = asked.join(alike, on="rest", how="inner")["n"].cast(pl.Float64).to_numpy()
    return float((1 - (1 - collisions[varied]) ** n_alike).sum())


def _collision(column: pl.Series) -> float:
    """Chance that two rows have the same value."""
    shares = column.value_counts()["count"].to_numpy() / max(1, len(column))
    return float((shares**2).sum())
