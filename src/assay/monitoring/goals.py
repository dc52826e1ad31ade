"""Goals: does a figure stand where it was promised to stand (FR-5)?

Judges one figure with its interval. Where figures come from is told in `pipelines.goals`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binom

from assay.config.durations import format_duration
from assay.config.settings import Goal
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import USUAL_LEVEL, Estimate
from assay.metrics.statistic import Floats

KIND = "monitoring.goal"
COUNT = "count"  # method of a figure that was counted
State = Literal["met", "at risk", "missed", "no figure yet"]

HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt,
}  # fmt: skip
VERDICTS: Mapping[State, Verdict] = {"met": "pass", "at risk": "warn", "missed": "fail", "no figure yet": "info"}


@dataclass(frozen=True, slots=True)
class Seen:
    """The figure that a goal is held against.

    Attributes:
        estimate: None where there is no figure yet.
        source: Where it comes from, or why there is none.
        record: Id of the record it was read from; empty where it was counted from the log.
    """

    estimate: Estimate | None
    source: str
    record: str = ""


def judge(goal: Goal, seen: Seen, *, owner: str, model: str) -> Evidence:
    """Hold a figure against its goal.

    Args:
        goal: What was promised.
        seen: What is known.
        owner: Who answers, where the goal names nobody.
        model: `name@version` in production; empty where nothing is.

    Returns:
        Kind `monitoring.goal`: `pass` met, `warn` at risk, `fail` missed, `info` without a figure yet.
    """
    state, name = state_of(goal, seen.estimate), goal.name or goal.metric
    target, window = f"{goal.operator} {goal.value:g}", format_duration(goal.window)
    figure = _text(seen.estimate)
    said = f"{goal.metric} {figure}, {target} wanted over {window}" if figure else f"{goal.metric} {target}"
    return Evidence(
        kind=KIND,
        subject=f"goal:{name}",
        verdict=VERDICTS[state],
        summary=f"{name} {state}: {said} ({seen.source})",
        figures={
            "goal": name, "state": state, "metric": goal.metric, "figure": figure, "estimate": seen.estimate,
            "target": target, "operator": goal.operator, "value": goal.value, "window": window,
            "owner": goal.owner or owner, "source": seen.source, "model": model,
        },
        parents=(seen.record,) if seen.record else (),
    )  # fmt: skip


def state_of(goal: Goal, estimate: Estimate | None) -> State:
    """Met, missed, or at risk: met by the figure, but not by all that its interval holds.

    A figure without an interval is at risk where it lies within `margin` of the target, as a share of it.
    """
    if estimate is None or np.isnan(estimate.value):
        return "no figure yet"
    holds = HOLDS[goal.operator]
    if not holds(estimate.value, goal.value):
        return "missed"
    if np.isnan(estimate.low) or np.isnan(estimate.high):
        is_near = abs(estimate.value - goal.value) <= goal.margin * abs(goal.value)
        return "at risk" if goal.margin and is_near else "met"
    return "met" if holds(estimate.low, goal.value) and holds(estimate.high, goal.value) else "at risk"


def _text(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate.n:,}" if estimate.method == COUNT else str(estimate)


def quantile_estimate(values: Floats, quantile: float, *, level: float = USUAL_LEVEL) -> Estimate:
    """A quantile with an interval between two values that were seen, whatever their distribution.

    Args:
        values: What was seen, shape (n,), every entry finite.
        quantile: In (0, 1).
        level: Nominal coverage.

    Returns:
        nan for the ends where so few values were seen that no two of them enclose the quantile at that level, and for
        all where there are none.

    Source:
        David & Nagaraja (2003), Order Statistics, section 7.1: ranks from the binomial distribution.
    """
    n = len(values)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, "order-statistics", level)
    ordered, tail = np.sort(values), (1 - level) / 2
    low, high = int(binom.ppf(tail, n, quantile)), int(binom.isf(tail, n, quantile)) + 1  # ranks from 1
    value = float(np.quantile(ordered, quantile))
    if low < 1 or high > n:
        return Estimate(value, np.nan, np.nan, n, "order-statistics", level)
    return Estimate(value, float(ordered[low - 1]), float(ordered[high - 1]), n, "order-statistics", level)
