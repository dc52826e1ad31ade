"""How often leakage checks accuse the innocent, and how large a planted leak must be for them to find it.

    python benchmarks/leakage_false_alarms.py            200 random projects, 20 for each strength of a leak
    python benchmarks/leakage_false_alarms.py --quick    20 and 5

Prints one row a check with Wilson's 95 % interval. A check that judges by score can only ever be asked how often it
errs; those that recompute should never.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from leakage_projects import RandomProject, all_checks, encoded, history_lineage, history_travels, random_project
from scipy.stats import norm

from assay.config.settings import Source, Target
from assay.data import leakage
from assay.evaluation.interval_methods import wilson
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame

Plant = Callable[[int, float], Evidence]


def main() -> int:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 projects, 5 for each strength")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    alarms = false_alarms(range(20 if asked.quick else 200))
    power = detection(range(1_000, 1_005 if asked.quick else 1_020))
    if asked.json:
        print(json.dumps({"false_alarms": alarms, "power": power}, indent=1))
        return 0
    print_alarms(alarms)
    print_power(power)
    return 0


def false_alarms(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Verdicts of every check over clean projects; a project of its own row for `any check`."""
    counts: dict[str, Counter[str]] = {}
    examples: dict[str, str] = {}
    started = time.monotonic()
    for place, seed in enumerate(seeds, start=1):
        project = random_project(seed)
        found = all_checks(project, np.random.default_rng(seed))
        worst = {one.verdict for one in found}
        for one in found:
            counts.setdefault(one.kind, Counter())[one.verdict] += 1
            if one.verdict in ("fail", "warn"):
                examples.setdefault(one.kind, f"project {seed} ({project.told}): {one.summary}")
        any_verdict = "fail" if "fail" in worst else "warn" if "warn" in worst else "pass"
        counts.setdefault("any check", Counter())[any_verdict] += 1
        if place % 20 == 0:
            print(f"{place} projects in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return [_row(kind, counts[kind], examples.get(kind, "")) for kind in sorted(counts)]


def _row(kind: str, counts: Counter[str], example: str) -> dict[str, Any]:
    n = sum(counts.values())
    rates = {}
    for verdict in ("fail", "warn"):
        interval = wilson(counts[verdict] / n, n, level=0.95)
        rates[verdict] = {"count": counts[verdict], "low": interval.low, "high": interval.high}
    return {"check": kind, "projects": n, **rates, "not_asked": counts["info"], "example": example}


def detection(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Share of planted leaks that are found, by strength."""
    found = []
    for name, (plant, strengths) in PLANTS.items():
        for told, strength in strengths:
            verdicts = Counter(plant(seed, strength).verdict for seed in seeds)
            found.append(
                {"leak": name, "strength": told, "n": len(seeds), "fail": verdicts["fail"], "warn": verdicts["warn"]}
            )
    return found


def timed(seed: int) -> RandomProject:
    """A project with time and customers, of 3,000 rows."""
    return random_project(seed, n=3_000, task="classification", has_time=True, has_customers=True, share=0.3)


def plain(seed: int) -> RandomProject:
    """A project without time or customers, of 3,000 rows."""
    return random_project(
        seed, n=3_000, task="classification", has_time=False, has_customers=False, share=0.3, signal=1.0
    )


def own_outcome_in_history(seed: int, share: float) -> Evidence:
    project, rng = timed(seed), np.random.default_rng(seed)
    train = project.frame(project.cut().train)

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        spoilt = pl.Series(rng.random(rows.height) < share)
        return rows.with_columns(
            history=pl.when(spoilt)
            .then((pl.col("history").fill_null(0.5) + pl.col("y") + 0.1) / 2)
            .otherwise("history")
        )

    return history_travels(project, train, rng, change)


def outcome_known_too_soon(seed: int, weight: float) -> Evidence:
    project = timed(seed)
    train = project.frame(project.cut().train)
    return history_lineage(project, train, np.random.default_rng(seed), early=timedelta(days=40), weight=weight)


def input_with_outcome(seed: int, weight: float) -> Evidence:
    project = plain(seed)
    rows = project.rows.with_columns(raw=pl.col("y") * 1.0, base=pl.int_range(pl.len()) * 1.0)
    source = Source(path="x.csv", key=("id",), known_before=("base",))
    target = Target(source="s", label="y", key="id", inputs=("made",))
    made = (pl.col("base") + weight * pl.col("raw")).alias("made")
    return leakage.check_inputs(
        lambda one: one.with_columns(made).collect(),
        rows.select("id", "y", "raw", "base").lazy(),
        source=source,
        target=target,
        rng=np.random.default_rng(seed),
    )


def flag_of_label(seed: int, flipped: float) -> Evidence:
    project, rng = plain(seed), np.random.default_rng(seed)
    flips = pl.Series(rng.random(project.rows.height) < flipped).cast(pl.Int64)
    rows = project.rows.with_columns(flag=(pl.col("y") - flips).abs())
    return leakage.check_target_derived(
        LabelledFrame(rows, "id", "y", (*project.features, "flag")), task="classification"
    )


def field_filled_in(seed: int, among_others: float) -> Evidence:
    project, rng = plain(seed), np.random.default_rng(seed)
    chance = np.where(project.rows["y"].to_numpy() == 1, 0.4, among_others)
    has = pl.Series(rng.random(len(chance)) < chance)
    rows = project.rows.with_columns(closed=pl.when(has).then(pl.Series(rng.normal(size=len(chance)))))
    return leakage.check_target_derived(
        LabelledFrame(rows, "id", "y", (*project.features, "closed")), task="classification"
    )


def rows_by_class(seed: int, area: float) -> Evidence:
    project, rng = plain(seed), np.random.default_rng(seed)
    shift = np.sqrt(2) * norm.ppf(min(area, 0.99999))
    order = np.argsort(project.rows["y"].to_numpy() * shift + rng.normal(size=project.rows.height))
    rows = project.rows[order].with_columns(id=pl.Series(rng.permutation(len(order))))
    return leakage.check_generation(project.frame(rows), task="classification", rng=rng)


def twins_across(seed: int, share: float) -> Evidence:
    project = plain(seed)
    cut = project.cut()
    few = cut.train[: int(share * cut.validation.height)].with_columns(pl.col("id").reverse())
    validation = pl.concat([cut.validation[few.height :], few])
    return leakage.check_groups(project.frame(cut.train), project.frame(validation))


def encoding_of_everything(seed: int, _: float) -> Evidence:
    project = plain(seed)
    return encoded(project.frame(project.rows), np.random.default_rng(seed), leak=True)


def scaler_of_everything(seed: int, shift: float) -> Evidence:
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=2_000), rng.normal(shift, 1, 600)
    learnt = {"x.mean": np.r_[train, test].mean(), "x.scale": np.r_[train, test].std()}
    return leakage.check_fitted_on_train(learnt, {"x.mean": train.mean(), "x.scale": train.std()})


PLANTS: dict[str, tuple[Plant, tuple[tuple[str, float], ...]]] = {
    "LK-1 own outcome in the history": (
        own_outcome_in_history, (("1 % of rows", 0.01), ("10 % of rows", 0.1), ("all rows", 1.0)),
    ),
    "LK-3 target encoding of everything": (encoding_of_everything, (("any smoothing", 0.0),)),
    "LK-4 input made with the outcome": (
        input_with_outcome, (("weight 0.001", 0.001), ("weight 0.01", 0.01), ("weight 1", 1.0)),
    ),
    "LK-4 outcome known too soon": (
        outcome_known_too_soon, (("weight 0.0001", 1e-4), ("weight 0.01", 0.01), ("weight 1", 1.0)),
    ),
    "LK-4 flag of the label": (
        flag_of_label,
        (("20 % wrong", 0.2), ("10 % wrong", 0.1), ("5 % wrong", 0.05), ("2 % wrong", 0.02), ("exact", 0.0)),
    ),
    "LK-4 field filled in for 40 % of a class": (
        field_filled_in, (("and 10 % of the other", 0.1), ("and 3 %", 0.03), ("and 1 %", 0.01), ("and none", 0.0)),
    ),
    "LK-7 twins": (twins_across, (("1 % of rows", 0.01), ("3 %", 0.03), ("10 %", 0.1))),
    "LK-8 scaler of everything": (scaler_of_everything, (("same law", 0.0), ("half a deviation off", 0.5))),
    "LK-9 rows in the order of classes": (
        rows_by_class, (("AUC 0.55", 0.55), ("AUC 0.60", 0.6), ("AUC 0.65", 0.65), ("AUC 0.80", 0.8), ("sorted", 1.0)),
    ),
}  # fmt: skip


def print_alarms(alarms: list[dict[str, Any]]) -> None:
    print(
        f"{'check':28}{'projects':>9}{'fail':>6}  {'95 % interval':16}{'warn':>5}  {'95 % interval':16}{'not asked':>9}"
    )
    for one in alarms:
        fail, warn = one["fail"], one["warn"]
        print(
            f"{one['check']:28}{one['projects']:>9}{fail['count']:>6}  {fail['low']:.1%} to {fail['high']:<8.1%}"
            f"{warn['count']:>5}  {warn['low']:.1%} to {warn['high']:<8.1%}{one['not_asked']:>9}"
        )
    for one in alarms:
        if one["example"]:
            print(f"\n{one['check']}: {one['example']}")


def print_power(power: list[dict[str, Any]]) -> None:
    print(f"\n{'planted leak':42}{'strength':26}{'found':>8}{'of them refused':>17}")
    for one in power:
        print(f"{one['leak']:42}{one['strength']:26}{one['fail'] + one['warn']:>4} of {one['n']:<3}{one['fail']:>12}")


if __name__ == "__main__":
    sys.exit(main())
