"""When to give up (FR-2): three criteria built in, and a project's own as expressions over figures.

A criterion that fires is evidence that failed; it shows its figures. One whose figures are missing or undefined
cannot be judged and warns. Ending the run is the pipelines' part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from assay.config.settings import KillCriterion
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import Estimate
from assay.metrics.expression import answer
from assay.metrics.index import metric_named

KIND = "framing.kill_criterion"
HEURISTIC_SHARE = 0.9  # FR-2: a rule that reaches more than this share of the model's result makes it not worth having
LEAST_GAIN = 0.1  # FR-2: a model must beat no information by more than this
OVERDUE_DAYS = 14  # FR-2


def heuristic_close(model: Estimate, heuristic: Estimate, no_information: float, *, metric: str) -> Evidence:
    """Ask whether the rule in use reaches more than 90 % of the model's result.

    Raw figures cannot be put in proportion (a log loss of 0.62 is not 90 % of one of 0.69), so both are turned into
    skill: the share of the way from a predictor that knows nothing to perfection, `1 - loss / loss_0` for losses and
    `(x - x_0) / (1 - x_0)` for scores. A model without skill has no result for the rule to fall short of: it fires.

    Args:
        model: The primary metric of the model.
        heuristic: The same of the rule, on the same rows.
        no_information: The same of the no-information predictor.
        metric: Its name.

    Raises:
        ConfigError: There is no metric of that name.
    """
    measure = metric_named(metric)
    ours, theirs = measure.skill(model.value, no_information), measure.skill(heuristic.value, no_information)
    share = theirs / ours if ours > 0 else math.nan
    fires = (theirs > HEURISTIC_SHARE * ours) if ours > 0 else True
    figures = {
        "metric": metric, "no_information": no_information, "limit": HEURISTIC_SHARE, "share": share,
        "model": {**model.to_json(), "skill": ours}, "heuristic": {**heuristic.to_json(), "skill": theirs},
    }  # fmt: skip
    skills = (
        f"skill in {metric}: model {_percent(ours)} ({model.value:.4f}), heuristic {_percent(theirs)} "
        f"({heuristic.value:.4f}), no information {no_information:.4f}"
    )
    if math.isnan(ours) or math.isnan(theirs):
        return _evidence("heuristic_close", "warn", f"cannot be judged; {skills}", figures)
    if ours <= 0:
        return _evidence("heuristic_close", "fail", f"the model has no skill for the rule to miss; {skills}", figures)
    relation = "more than" if fires else "not more than"
    summary = f"the heuristic reaches {_percent(share)} of the model, {relation} {HEURISTIC_SHARE:.0%}; {skills}"
    return _evidence("heuristic_close", "fail" if fires else "pass", summary, figures)


def no_better_than_random(model: Estimate, no_information: float, *, metric: str) -> Evidence:
    """Ask whether the model gains no more than 10 % over knowing nothing; the gain is its skill, see above.

    Raises:
        ConfigError: There is no metric of that name.
    """
    gain = metric_named(metric).skill(model.value, no_information)
    figures = {
        "metric": metric, "model": model.to_json(), "no_information": no_information, "gain": gain, "limit": LEAST_GAIN
    }  # fmt: skip
    values = f"{metric} {model.value:.4f} against {no_information:.4f} without information"
    if math.isnan(gain):
        return _evidence("no_better_than_random", "warn", f"cannot be judged; {values}", figures)
    fires = gain <= LEAST_GAIN
    relation = "not more than" if fires else "more than"
    summary = f"the model gains {_percent(gain)}, {relation} the {LEAST_GAIN:.0%} it must; {values}"
    return _evidence("no_better_than_random", "fail" if fires else "pass", summary, figures)


def quality_overdue(
    assessments: Sequence[Evidence], *, minimum: float, now: datetime, days: int = OVERDUE_DAYS
) -> Evidence:
    """Ask whether data quality is still below the gate after `days`.

    The days count from the first assessment of the present stretch below the gate; one that passed starts them anew.

    Args:
        assessments: Evidence `data.quality`, in any order; one not yet recorded counts as of now.
        minimum: The gate's least score.
        now: The present.
        days: The limit.
    """
    dated = sorted(((_time(one, now), one) for one in assessments), key=lambda pair: pair[0])
    below: list[datetime] = []
    for time, one in dated:
        below = [*below, time] if _below(one, minimum) else []
    figures: dict[str, Any] = {"minimum": minimum, "limit_days": days, "n_assessments": len(dated)}
    if not below:
        score = dated[-1][1].figures.get("score") if dated else None
        summary = f"data quality is at {score}, at least {minimum:g}" if dated else "data quality was not assessed yet"
        return _evidence("quality_overdue", "pass" if dated else "info", summary, {**figures, "days_below": 0})
    elapsed = now - below[0]
    score = dated[-1][1].figures.get("score")
    figures.update(score=score, days_below=elapsed / timedelta(days=1), below_since=below[0].isoformat())
    fires = elapsed > timedelta(days=days)
    summary = f"data quality {score} is below {minimum:g} since {below[0]:%Y-%m-%d}, {elapsed.days} days; limit {days}"
    return _evidence("quality_overdue", "fail" if fires else "pass", summary, figures)


def custom(criterion: KillCriterion | str, figures: Mapping[str, Any]) -> Evidence:
    """Ask a project's own criterion; it warns where a figure that it needs is missing or undefined.

    Args:
        criterion: The expression, named or by itself.
        figures: Nested figures, `evaluation.brier.value` being `figures["evaluation"]["brier"]["value"]`.

    Raises:
        ExpressionError: The expression is none, or asks figures for what they cannot give.
    """
    name, when = (criterion.name, criterion.when) if isinstance(criterion, KillCriterion) else (criterion, criterion)
    found = answer(when, figures)
    shown = {"expression": when, "truth": found.truth, "figures": dict(found.figures)}
    if found.truth is None:
        return _evidence(name, "warn", f"{when}: cannot be judged; {found.reason}", shown)
    holds = "holds" if found.truth else "does not hold"
    return _evidence(name, "fail" if found.truth else "pass", f"{when}: {holds}; {found.reason}", shown)


def judge(criteria: Sequence[KillCriterion | str], figures: Mapping[str, Any]) -> list[Evidence]:
    """Ask every criterion of the brief, in order.

    Raises:
        ExpressionError: As `custom` does.
    """
    return [custom(criterion, figures) for criterion in criteria]


def _evidence(name: str, verdict: Verdict, summary: str, figures: Mapping[str, Any]) -> Evidence:
    return Evidence(KIND, f"kill_criterion:{name}", verdict, summary, figures)


def _time(assessment: Evidence, now: datetime) -> datetime:
    return datetime.fromisoformat(assessment.time) if assessment.time else now


def _below(assessment: Evidence, minimum: float) -> bool:
    score = assessment.figures.get("score")
    return score is not None and score < minimum


def _percent(share: float) -> str:
    return "undefined" if math.isnan(share) else f"{share:.1%}"
