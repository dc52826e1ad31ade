"""Target-derived features (LK-4): is a feature, alone, minus another or beside another, too good to be true?

Looks at values only; where a column comes from is `inputs`. A feature that alone tells the label nearly always is one
that was made from it: a flag written afterwards, a rating after the game, a reason for leaving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.leakage.accepted import Accepted, settled, words
from assay.data.leakage.differences import numbers_of
from assay.data.leakage.singled_out import Pick, picked_by_range, picked_by_value
from assay.data.leakage.tilted import Tilt, by_presence, by_range, by_value
from assay.data.leakage.together import told_together
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.index import METRICS
from assay.models.frame import LabelledFrame
from assay.models.signature import Task

KIND = "leakage.target_derived"
AUC_FAIL, AUC_WARN = 0.99, 0.95
TOGETHER_FAIL = 0.999  # of two columns that tell little alone; a circle in the plane of two reaches 0.996
LITTLE = 0.75  # AUC of a column that tells little
PURE_SHARE = 0.5  # of one class singled out without a single exception
PURE_ROWS = 100
PRESENCE_FAIL = 10.0  # a field filled in with the outcome turns the odds at least so far, for sure
VALUE_WARN = 20.0  # a very good category turns them so far, an alert of another system in front of a rare class too
RANGE_WARN = 100.0  # the end of a very good number does so, too
R2_FAIL, R2_WARN = 0.99999, 0.999  # a quantity one step earlier may explain 99 % of itself
LEAST_OF_CLASS = 20
MOST_PAIRS = 1_000
PAIR_ROWS = 2_000  # a first look; pairs that pass it are measured on every row

SHOWN = 3
REMEDY = "Remove what is known only with the label; what is honest, vouch for under leakage.accept with the reason"

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats, Floats], float]


@dataclass(frozen=True, slots=True)
class Finding:
    """A feature, or a difference of two, that knows too much.

    Attributes:
        columns: One feature, or two whose difference it is.
        verdict: `fail` or `warn`.
        figure: `roc_auc`, `r2`, `singled_out`: the share of one class that a value holds without an exception, or
            `odds_ratio`: how far a value, or having one, turns the odds, for sure.
        value: Of the figure.
        reason: In words.
    """

    columns: tuple[str, ...]
    verdict: Verdict
    figure: str
    value: float
    reason: str


def check_target_derived(train: LabelledFrame, *, task: Task, accepted: Accepted | None = None) -> Evidence:
    """Measure how well each feature, each difference of two like-scaled ones, and each pair tells the label.

    Classification: the AUC of a number or of a value's mean label (learnt on one half, measured on the other), and
    whether a value, a range or being missing singles out half of a class without one exception, or turns the odds of
    the label further than features do. Regression: the share
    of variance explained, with limits that a series may reach from its own past only as a warning.

    Args:
        train: Training rows; the label is 0 or 1, or a number.
        task: Which of the two.
        accepted: Columns that somebody vouches for, with the reason: what they are accused of is a warning.

    Returns:
        Evidence `leakage.target_derived`; `info` where a class has fewer than 20 rows. Figures list the findings and
        the best features.
    """
    rows = train.rows.filter(pl.col(train.label).is_not_null())
    truth = train.take(rows).truth
    subject = f"target:{train.label}"
    if not _has_enough(truth, task):
        summary = f"too few labelled rows ({len(truth):,}) to tell a feature that is too good from luck"
        return Evidence(KIND, subject, "info", summary, {"rows": len(truth)})
    features = rows.select(train.features)
    scores = scores_of(features, truth, task=task)
    findings = findings_of(features, truth, task=task, scores=scores)
    return _evidence(subject, findings, scores, task, n_rows=len(truth), accepted=accepted or {})


def scores_of(features: pl.DataFrame, truth: Floats, *, task: Task) -> dict[str, float]:
    """How well each feature alone tells the label: AUC in the better direction, or variance explained; nan: unknown."""
    score: Score = _auc if task == "classification" else _r2
    return {name: _alone(features[name], truth, score) for name in features.columns}


def findings_of(
    features: pl.DataFrame, truth: Floats, *, task: Task, scores: dict[str, float] | None = None
) -> list[Finding]:
    """What is too good to be true: each feature alone, then differences and pairs of those that are not accused yet."""
    if not _has_enough(truth, task):
        return []
    scores = scores_of(features, truth, task=task) if scores is None else scores
    findings = [one for name in scores for one in _of_feature(name, scores[name], features[name], truth, task)]
    accused = {column for one in findings if one.verdict == "fail" for column in one.columns}
    numbers = [name for name in features.columns if features[name].dtype.is_numeric() and name not in accused]
    findings += _of_pairs(features.select(numbers), truth, task)
    if task == "classification":
        accused = {column for one in findings for column in one.columns}
        findings += _together(features.drop(accused), truth, scores)
    return findings


def _has_enough(truth: Floats, task: Task) -> bool:
    if task == "classification":
        return bool(min((truth == 0).sum(), (truth == 1).sum()) >= LEAST_OF_CLASS)
    return len(truth) >= 2 * LEAST_OF_CLASS and len(np.unique(truth)) > LEAST_OF_CLASS


def _alone(column: pl.Series, truth: Floats, score: Score) -> float:
    """The score of one feature: of its numbers, or of the mean label of its values; rows without a value left out."""
    numbers = numbers_of(column)
    values = _mean_labels(column, truth) if numbers is None else numbers
    known = np.isfinite(values)
    return score(truth[known], values[known])


def _mean_labels(column: pl.Series, truth: Floats) -> Floats:
    """Each odd row gets the mean label of its value among the even rows; everything else nan."""
    table = pl.DataFrame({"value": column.cast(pl.String, strict=False), "truth": truth}).with_row_index()
    means = table.filter(pl.col("index") % 2 == 0).group_by("value").agg(mean=pl.col("truth").mean())
    told = table.join(means, on="value", how="left", nulls_equal=True, maintain_order="left")
    odd = pl.when(pl.col("index") % 2 == 1).then(pl.col("mean"))
    return told.select(odd.fill_null(float("nan"))).to_series().to_numpy()


def _auc(truth: Floats, values: Floats) -> float:
    """AUC in whichever direction is better; nan where a class has too few rows."""
    if min((truth == 0).sum(), (truth == 1).sum()) < LEAST_OF_CLASS:
        return float("nan")
    area = METRICS["roc_auc"](truth, values)
    return max(area, 1 - area)


def _r2(truth: Floats, values: Floats) -> float:
    """Share of variance that a straight line explains."""
    if len(truth) < 2 * LEAST_OF_CLASS or np.ptp(values) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return float(np.corrcoef(truth, values)[0, 1] ** 2)


def _of_feature(name: str, score: float, column: pl.Series, truth: Floats, task: Task) -> Iterator[Finding]:
    yield from _too_good((name,), score, task)
    if task == "classification" and not score >= AUC_FAIL:
        picked = list(_singles_out(name, column, truth))
        yield from picked or _turns_odds(name, column, truth)


def _too_good(columns: tuple[str, ...], score: float, task: Task) -> Iterator[Finding]:
    fail, warn = (AUC_FAIL, AUC_WARN) if task == "classification" else (R2_FAIL, R2_WARN)
    if not score >= warn:
        return
    what = repr(columns[0]) if len(columns) == 1 else f"{columns[0]!r} minus {columns[1]!r}"
    if task == "classification":
        told = f"{what} alone tells the label of two rows apart in {score:.1%} of pairs (AUC)"
    else:
        told = f"{what} alone explains {score:.4%} of the label's variance"
    yield Finding(columns, "fail" if score >= fail else "warn", "roc_auc" if "AUC" in told else "r2", score, told)


def _singles_out(name: str, column: pl.Series, truth: Floats) -> Iterator[Finding]:
    """At least half of one class without an exception: by a value a leak, by a range perhaps a very good feature."""
    picks: tuple[tuple[Verdict, Pick], ...] = (
        ("fail", picked_by_value(name, column, truth)),
        ("warn", picked_by_range(name, column, truth)),
    )
    for verdict, pick in picks:
        if pick.share >= PURE_SHARE and pick.rows >= PURE_ROWS:
            reason = f"{pick.told}: {pick.rows:,} rows, {pick.share:.0%} of that class, without one exception"
            yield Finding((name,), verdict, "singled_out", pick.share, reason)
            return


def _turns_odds(name: str, column: pl.Series, truth: Floats) -> Iterator[Finding]:
    """The label's odds differ more by this column than a feature explains: filled in for one class, or nearly so."""
    tilts: tuple[tuple[Verdict, float, Tilt | None], ...] = (
        ("fail", PRESENCE_FAIL, by_presence(name, column, truth)),
        ("warn", VALUE_WARN, by_value(name, column, truth)),
        ("warn", RANGE_WARN, by_range(name, column, truth)),
    )
    for verdict, limit, tilt in tilts:
        if tilt is not None and tilt.low >= limit:
            reason = f"{tilt.told}: odds turned {tilt.odds:,.0f} times, at least {tilt.low:,.0f}"
            yield Finding((name,), verdict, "odds_ratio", tilt.low, reason)
            return


def _of_pairs(rows: pl.DataFrame, truth: Floats, task: Task) -> Iterator[Finding]:
    """Differences of like-scaled columns: after minus before, own points minus theirs."""
    score: Score = _auc if task == "classification" else _r2
    columns = {name: column for name in rows.columns if (column := numbers_of(rows[name])) is not None}
    step = max(1, len(truth) // PAIR_ROWS)
    limit = AUC_WARN if task == "classification" else R2_WARN
    for one, other in islice(_like_scaled(columns), MOST_PAIRS):
        difference = columns[one] - columns[other]
        if not _scored(difference[::step], truth[::step], score) >= limit - 0.02:
            continue
        found = _scored(difference, truth, score)
        singles = max(_scored(columns[name], truth, score) for name in (one, other))
        if not singles >= limit:
            yield from _too_good((one, other), found, task)


def _together(features: pl.DataFrame, truth: Floats, scores: dict[str, float]) -> Iterator[Finding]:
    """Pairs that tell the label though neither column does: a leak where both tell little, else perhaps a rule."""
    for pair in told_together(features, truth, most_pairs=MOST_PAIRS):
        found = _auc(pair.truth, pair.values)
        alone = max(float(np.nan_to_num(scores[name], nan=0.5)) for name in pair.columns)
        if found >= AUC_FAIL and alone < AUC_WARN:
            one, other = pair.columns
            told = f"{one!r} and {other!r} together tell the label of two rows apart in {found:.1%} of pairs (AUC)"
            verdict: Verdict = "fail" if found >= TOGETHER_FAIL and alone < LITTLE else "warn"
            yield Finding(pair.columns, verdict, "roc_auc", found, f"{told}, alone in {alone:.1%} at most")


def _scored(values: Floats, truth: Floats, score: Score) -> float:
    known = np.isfinite(values)
    return score(truth[known], values[known])


def _like_scaled(columns: dict[str, Floats]) -> Iterator[tuple[str, str]]:
    """Pairs whose middle halves are of like width and near each other: only such columns are worth subtracting."""
    quartiles = {
        name: np.quantile(known, (0.25, 0.5, 0.75)) for name, values in columns.items() if len(known := _finite(values))
    }
    for one, other in combinations(quartiles, 2):
        (low, middle, high), (other_low, other_middle, other_high) = quartiles[one], quartiles[other]
        width, other_width = high - low, other_high - other_low
        wider, narrower = max(width, other_width), min(width, other_width)
        if narrower > 0 and wider <= 3 * narrower and abs(middle - other_middle) <= 3 * wider:
            yield one, other


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _evidence(
    subject: str, findings: list[Finding], scores: dict[str, float], task: Task, *, n_rows: int, accepted: Accepted
) -> Evidence:
    best = dict(sorted(scores.items(), key=lambda item: -np.nan_to_num(item[1]))[:5])
    figure = "roc_auc" if task == "classification" else "r2"
    figures: dict[str, Any] = {
        "rows": n_rows,
        "figure": figure,
        "best": best,
        "findings": [asdict(one) for one in findings],
        "accepted": {column: reason for one in findings for column, reason in settled(one.columns, accepted).items()},
    }
    if not findings:
        name, value = next(iter(best.items()), ("", float("nan")))
        summary = f"no feature tells the label on its own; the best is {name!r} with {figure} {value:.3f}"
        return Evidence(KIND, subject, "pass", summary, figures)
    refused = [one for one in findings if one.verdict == "fail" and not settled(one.columns, accepted)]
    verdict: Verdict = "fail" if refused else "warn"
    ordered = sorted(findings, key=lambda one: (one not in refused, one.verdict != "fail"))
    told = "; ".join(one.reason + words(one.columns, accepted) for one in ordered[:SHOWN])
    more = f" (and {len(ordered) - SHOWN} more)" if len(ordered) > SHOWN else ""
    summary = f"too good to be true: {told}{more}. {REMEDY if refused else 'Ask how it comes to be'}"
    return Evidence(KIND, subject, verdict, summary, figures)
