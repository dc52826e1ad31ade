"""Random projects without a leak, as unlike each other as real ones, and every leakage check on one of them.

Rows with and without time, with and without customers, drifting or not, with weak and strong features, gaps, words,
honest keys of five kinds. Nothing here was chosen by looking at what the checks say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler, TargetEncoder

from assay.config.settings import Source, Split, Target
from assay.data import holdout, leakage, splits
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.models.signature import Task

START = datetime(2023, 1, 1, tzinfo=UTC)
TWO_YEARS_SECONDS = 2 * 365 * 86_400
KEYS = ("counter", "shuffled", "hexadecimal", "with region", "with customer")
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class RandomProject:
    """Label rows with features, and what a project would declare of them.

    Attributes:
        rows: One row a prediction, in the order of its source.
        time: Column with the prediction time; None without.
        group: Column that may not be split; None without.
        entities: Columns of entities.
        features: What the model reads.
        told: How it was drawn, for a person.
    """

    rows: pl.DataFrame
    task: Task
    time: str | None
    group: str | None
    entities: tuple[str, ...]
    features: tuple[str, ...]
    told: str

    def frame(self, rows: pl.DataFrame) -> LabelledFrame:
        return LabelledFrame(rows, "id", "y", self.features, self.time, self.group)

    def cut(self) -> splits.Cut:
        return splits.cut(self.rows, key="id", time=self.time, group=self.group, split=Split())


def random_project(seed: int, **fixed: Any) -> RandomProject:
    """Draw a project; `fixed` sets `n`, `task`, `has_time`, `has_customers`, `share` or `signal`."""
    rng = np.random.default_rng([2026, seed])
    n = fixed.get("n", int(np.exp(rng.uniform(np.log(200), np.log(20_000)))))
    task: Task = fixed.get("task", "classification" if rng.random() < 0.75 else "regression")
    has_time = fixed.get("has_time", bool(rng.random() < 0.5))
    has_customers = fixed.get("has_customers", bool(rng.random() < 0.6))
    share = fixed.get("share", rng.uniform(0.05, 0.5))
    signal = fixed.get("signal", rng.choice([0.0, 0.3, 1.0, 3.0]))
    drift = rng.choice([0.0, 1.0, 2.0]) if has_time else 0.0
    place = np.sort(rng.random(n)) if has_time else rng.random(n)
    customer = rng.integers(0, max(2, int(n / rng.uniform(2, 20))), n) if has_customers else np.arange(n)
    columns, linear = _features(n, customer, drift * place, rng, has_customers=has_customers)
    of_customer = 0.7 * rng.normal(size=n)[customer % n] if has_customers else 0.0
    score = signal * linear + of_customer + drift * place
    y = _labels(score, share, task, rng)
    rows = pl.DataFrame({"id": _keys(rng, n, customer), "y": y, **columns})
    if has_customers:
        rows = rows.with_columns(customer=pl.Series(rng.permutation(10 * n)[:n][customer]))
    if has_time:
        rows = _with_time(rows, place, rng)
    if has_time and has_customers:
        rows = with_history(rows)
    features = tuple(
        name for name in rows.columns if name not in ("id", "y", "customer", "at", "event_time", "known_at")
    )
    if not has_time and has_customers and rng.random() < 0.5:
        rows = rows.sort("customer")
    told = f"{n} rows, {task}, signal {signal:g}, drift {drift:g}" + (f", share {share:.2f}" if task[0] == "c" else "")
    group = "customer" if has_customers and not has_time else None
    entities = ("customer",) if has_customers else ()
    return RandomProject(rows, task, "at" if has_time else None, group, entities, features, told)


def _features(
    n: int, customer: np.ndarray, drift: np.ndarray, rng: Rng, *, has_customers: bool
) -> tuple[dict[str, pl.Series], np.ndarray]:
    """Columns of every kind, and their standardised sum with random weights."""
    columns: dict[str, pl.Series] = {}
    linear = np.zeros(n)
    for number in range(int(rng.integers(3, 20))):
        values = rng.normal(size=n) + rng.choice([0.0, 0.3]) * drift
        if has_customers and rng.random() < 0.2:
            values = values[customer % n]
        linear += rng.normal() * values
        columns[f"x{number}"] = _dressed(values, rng)
    shops = rng.integers(0, max(2, n // int(rng.integers(3, 60))), n)
    columns["shop"] = pl.Series([f"shop-{one}" for one in shops])
    linear += 0.3 * rng.normal(size=int(shops.max()) + 1)[shops]
    return columns, linear / max(1e-9, float(linear.std()))


def _dressed(values: np.ndarray, rng: Rng) -> pl.Series:
    """The same information as a number, a count, a skewed number, a flag or a word, with or without gaps."""
    kind = rng.choice(["number", "count", "skewed", "flag", "word"])
    series = {
        "number": lambda: pl.Series(values),
        "count": lambda: pl.Series(np.floor(3 * np.abs(values + 1)).astype(int)),
        "skewed": lambda: pl.Series(np.exp(values)),
        "flag": lambda: pl.Series(values > rng.normal()),
        "word": lambda: pl.Series([f"k{one}" for one in np.digitize(values, np.sort(rng.normal(size=4)))]),
    }[str(kind)]()
    if rng.random() < 0.3:  # gaps at random, or a little more often where the value is high
        chance = rng.uniform(0.02, 0.4) * np.where(values > 1, rng.choice([1.0, 1.5]), 1.0)
        series = series.set(pl.Series(rng.random(len(values)) < chance), None)
    return series


def _labels(score: np.ndarray, share: float, task: Task, rng: Rng) -> np.ndarray:
    if task == "regression":
        return np.asarray(score + rng.normal(size=len(score)))
    low, high = -20.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-score - middle))).mean() < share else (low, middle)
    return np.asarray((rng.random(len(score)) < 1 / (1 + np.exp(-score - low))).astype(int))


def _keys(rng: Rng, n: int, customer: np.ndarray) -> pl.Series:
    kind = rng.choice(KEYS)
    if kind == "counter":
        return pl.Series(np.arange(n) + 1_000_000)
    if kind == "shuffled":
        return pl.Series(rng.permutation(n))
    if kind == "hexadecimal":
        return pl.Series([f"{int(high):08x}{number:08x}" for number, high in enumerate(rng.integers(0, 2**32, n))])
    if kind == "with region":
        return pl.Series(
            [f"{region}-{number:07d}" for number, region in enumerate(rng.choice(["EU", "US", "APAC"], n))]
        )
    return pl.Series([f"C{one:06d}-{number}" for number, one in enumerate(customer)])


def _with_time(rows: pl.DataFrame, place: np.ndarray, rng: Rng) -> pl.DataFrame:
    seconds = (place * TWO_YEARS_SECONDS).astype(int)
    step = int(rng.choice([1, 3_600, 86_400, 30 * 86_400]))
    at = pl.Series([START + timedelta(seconds=int(one) // step * step) for one in seconds]).cast(
        pl.Datetime("us", "UTC")
    )
    made = rows.with_columns(at=at, event_time=at, known_at=at + timedelta(seconds=step))
    return made if rng.random() < 0.7 else made[rng.permutation(rows.height)]


def with_history(rows: pl.DataFrame, source: pl.DataFrame | None = None) -> pl.DataFrame:
    """The mean label of the customer's rows that were known before each row's time."""
    known = (rows if source is None else source).select("customer", "known_at", "y").sort("known_at")
    by_moment = known.group_by("customer", "known_at", maintain_order=True).agg(n=pl.len(), total=pl.col("y").sum())
    sums = by_moment.sort("known_at").with_columns(
        pl.col("n").cum_sum().over("customer"), pl.col("total").cum_sum().over("customer")
    )
    told = rows.drop("history", strict=False).with_row_index("__row__").sort("at")
    joined = told.join_asof(
        sums, left_on="at", right_on="known_at", by="customer", strategy="backward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip
    made = joined.sort("__row__").with_columns(history=pl.col("total") / pl.col("n"))
    return made.drop("__row__", "total", "n", "known_at_right", strict=False)


def all_checks(project: RandomProject, rng: Rng) -> list[Evidence]:
    """Every check that the project's shape allows."""
    cut = project.cut()
    train, validation = project.frame(cut.train), project.frame(cut.validation)
    found = [
        leakage.check_duplicates(project.rows, key="id", time=project.time),
        leakage.check_split(cut, key="id", time=project.time, group=project.group),
        _inputs(project, rng),
        leakage.check_target_derived(train, task=project.task),
        leakage.check_groups(train, validation, entities=project.entities),
        leakage.check_generation(train, task=project.task, rng=rng, entities=project.entities),
        _row_independence(project, cut.train, rng),
        _fitted(cut.train, cut.train),
        encoded(train, rng, leak=False),
        _order(cut, cut.train),
        _opened(cut),
    ]
    if "history" in project.features:
        found += [history_travels(project, train, rng), history_lineage(project, train, rng)]
    return found


def _inputs(project: RandomProject, rng: Rng) -> Evidence:
    known = tuple(name for name in (*project.features, *project.entities) if name != "history")
    source = Source(path="x.csv", key=("id",), time=project.time, known_before=known)
    target = Target(source="s", label="y", key="id", time=project.time, inputs=known)
    frame = project.rows.drop("history", strict=False).lazy()
    return leakage.check_inputs(lambda one: one.collect(), frame, source=source, target=target, rng=rng)


def _row_independence(project: RandomProject, rows: pl.DataFrame, rng: Rng) -> Evidence:
    number = next((name for name in project.features if rows[name].dtype.is_numeric()), None)
    column = pl.repeat(1.0, pl.len()) if number is None else pl.col(number) * 2 + 1
    return leakage.check_row_independence(lambda one: one.select(made=column), rows.drop("y"), rng=rng)


def _fitted(fitted_on: pl.DataFrame, train: pl.DataFrame) -> Evidence:
    def learnt(rows: pl.DataFrame) -> dict[str, np.ndarray]:
        numbers = rows.select(pl.selectors.numeric().exclude("id", "y", "customer")).cast(pl.Float64)
        if not numbers.width:
            return {}
        scaler = StandardScaler().fit(numbers.fill_null(0.0).to_numpy())
        return {"mean": scaler.mean_, "scale": scaler.scale_}

    return leakage.check_fitted_on_train(learnt(fitted_on), learnt(train))


def encoded(train: LabelledFrame, rng: Rng, *, leak: bool) -> Evidence:
    """Scikit-learn's target encoding of `shop`, cross-fitted or not."""
    column, truth = train.rows["shop"].to_numpy()[:, None], train.truth
    cut = KFold(5, shuffle=True, random_state=int(rng.integers(1_000)))
    folds = np.empty(len(truth), dtype=int)
    for number, (_, held) in enumerate(cut.split(truth)):
        folds[held] = number
    smooth = rng.choice(np.array(["auto", 0.0, 1.0, 7.0, 20.0], dtype=object))
    encoder = TargetEncoder(cv=cut, target_type="continuous", smooth=smooth)
    crossed = encoder.fit_transform(column, truth).ravel()
    values = encoder.transform(column).ravel() if leak else crossed
    return leakage.check_target_encoding(values, train.rows["shop"], truth, folds)


def _order(cut: splits.Cut, fitted_on: pl.DataFrame) -> Evidence:
    records = [cut.evidence, Evidence("training.search", "search:s", "pass", "fitted")]
    return leakage.check_order(records, used={"train": splits.keys_digest(fitted_on["id"])})


def _opened(cut: splits.Cut) -> Evidence:
    with tempfile.TemporaryDirectory() as folder:
        return open_again(cut.holdout, [cut.holdout], Path(folder))


def open_again(_: pl.DataFrame, holdouts: list[pl.DataFrame], folder: Path) -> Evidence:
    """The record of the last opening, of holdouts opened one after the other."""
    records: list[Evidence] = []

    def record(one: Evidence) -> Evidence:
        records.append(one)
        return one

    for rows in holdouts:
        closed = holdout.seal(rows, folder)
        counted = holdout.count_openings(closed, folder, records, key="id", model="m")
        holdout.open_sealed(closed, folder, record=record, reason="exam", openings=counted, model="m")
    return records[-1]


def history_travels(
    project: RandomProject, train: LabelledFrame, rng: Rng, change: Callable[[pl.DataFrame], pl.DataFrame] | None = None
) -> Evidence:
    """Time travel over the customer's history."""
    rows = train.rows if change is None else change(train.rows)
    frame = LabelledFrame(rows, "id", "y", ("history",), "at")

    def recompute(moment: datetime, asked: pl.DataFrame) -> pl.DataFrame:
        return with_history(asked, project.rows.filter(pl.col("known_at") < moment)).select("id", "history")

    return leakage.check_time_travel(frame, recompute=recompute, sample=2_000, rng=rng)


def history_lineage(
    project: RandomProject, train: LabelledFrame, rng: Rng, *, early: timedelta = timedelta(0), weight: float = 1.0
) -> Evidence:
    """Lineage of the customer's history; `early`: how much too soon the source says that outcomes were known."""
    source = project.rows.with_columns(pl.col("known_at") - early)

    def recompute(changed: pl.DataFrame, asked: pl.DataFrame, moment: datetime | None) -> pl.DataFrame:
        known = changed if moment is None else changed.filter(pl.col("known_at") < moment)
        own = known.select("id", own=pl.col("y") * weight)
        made = with_history(asked, project.rows.filter(pl.col("known_at") < moment)).join(own, on="id", how="left")
        return made.select("id", history=pl.col("history").fill_null(0.0) + pl.col("own").fill_null(0.0))

    frame = LabelledFrame(train.rows, "id", "y", ("history",), "at")
    return leakage.check_lineage(frame, source, outcomes=["y"], recompute=recompute, rng=rng)
