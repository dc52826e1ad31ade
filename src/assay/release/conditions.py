"""The default conditions of the two gates, each answered from recorded evidence.

A condition whose evidence was never recorded fails: silence is not proof. Measuring is done in `checks.py` and
`trials.py`, deciding in `gates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import UsageError
from assay.ledger.evidence import Evidence
from assay.metrics.expression import evaluate
from assay.release.gates import Condition
from assay.release.versions import ModelVersion


def staging_conditions(
    *,
    comparisons: Sequence[Evidence],
    production: ModelVersion | None,
    leakage: Sequence[Evidence],
    evaluation: Evidence | None,
    kill_criteria: Sequence[Evidence],
    measured: Sequence[Evidence],
    max_calibration_error: float,
    custom: Sequence[str] = (),
    tests: Sequence[Evidence] = (),
    behaviour: Evidence | None = None,
    max_worst_slice_gap: float | None = None,
) -> list[Condition]:
    """The gate from development to staging.

    Args:
        comparisons: Paired comparisons on the primary metric with the baselines and with production.
        production: What serves now; None before the first promotion, when the baselines are the ones to beat.
        leakage: Every leakage check of the run.
        evaluation: The candidate's figures on the holdout.
        kill_criteria: Every kill criterion that was judged.
        measured: `model.golden`, `model.size` and `model.latency`.
        max_calibration_error: Highest expected calibration error; not asked of a regression.
        custom: The project's own conditions, as expressions over evidence figures.
        tests: Fairness and further tests, where the project has made them.
        behaviour: The behavioural tests; None where the project declares none.
        max_worst_slice_gap: Largest gap of the primary metric between a slice and the whole; None: not judged.
    """
    by_kind = {one.kind: one for one in measured}
    conditions = [
        *beats_all(comparisons, production=production),
        held("golden set", by_kind.get("model.golden"), missing="model.golden"),
        clean(leakage),
        calibrated(evaluation, limit=max_calibration_error),
        held("size", by_kind.get("model.size"), missing="model.size"),
        held("latency", by_kind.get("model.latency"), missing="model.latency"),
        quiet(kill_criteria),
        *(held(one.kind, one, missing=one.kind) for one in tests),
        behaves(behaviour),
        *slices_hold(evaluation, limit=max_worst_slice_gap),
    ]
    seen = [*comparisons, *leakage, *kill_criteria, *measured, *tests, *filter(None, (behaviour, evaluation))]
    return conditions + [declared(expression, seen) for expression in custom]


def production_conditions(
    *,
    measured: Sequence[Evidence],
    version: ModelVersion,
    production: ModelVersion | None,
    approval: str,
    approved_by: str = "",
    custom: Sequence[str] = (),
) -> list[Condition]:
    """The gate from staging to production.

    Args:
        measured: `release.load_test` and `release.integration_test`.
        version: The one that asks to enter.
        production: What serves now; None where nothing does.
        approval: The policy: `person`, `minor` or `automatic`.
        approved_by: The person who approves; empty when automation asks.
        custom: The project's own conditions, as expressions over evidence figures.
    """
    by_kind = {one.kind: one for one in measured}
    conditions = [
        held("load test", by_kind.get("release.load_test"), missing="release.load_test"),
        held("integration test", by_kind.get("release.integration_test"), missing="release.integration_test"),
        approved(approval, version=version, production=production, approved_by=approved_by),
    ]
    return conditions + [declared(expression, measured) for expression in custom]


def held(name: str, evidence: Evidence | None, *, missing: str) -> Condition:
    """The condition is what the evidence says; without evidence it fails."""
    if evidence is None:
        return Condition(name, "fail", f"no {missing} was recorded for this version")
    return Condition(name, evidence.verdict, evidence.summary, (evidence.id,))


def behaves(behaviour: Evidence | None) -> Condition:
    """The declared behavioural tests hold; a project that declares none is not judged by any."""
    name = "behavioural tests hold"
    if behaviour is None:
        return Condition(name, "info", "none are declared under evaluation.behaviour")
    return held(name, behaviour, missing=behaviour.kind)


def beats_all(comparisons: Sequence[Evidence], *, production: ModelVersion | None) -> list[Condition]:
    """One condition for each that was compared with; what serves in production must be among them."""
    if not comparisons:
        return [Condition("beats baseline", "fail", "no model.comparison was recorded for this version")]
    conditions = [_beats(one) for one in comparisons]
    if production is not None and not any(one.name == f"beats {production.reference}" for one in conditions):
        reason = "no model.comparison with it was recorded: does it read features that are gone?"
        conditions.append(Condition(f"beats {production.reference}", "fail", reason))
    return conditions


def clean(leakage: Sequence[Evidence]) -> Condition:
    """No leakage check failed, and at least one was made."""
    leaks = [one for one in leakage if one.verdict == "fail"]
    ids = tuple(one.id for one in leaks or leakage)
    if leaks:
        return Condition("leakage clean", "fail", "; ".join(one.summary for one in leaks), ids)
    if not leakage:
        return Condition("leakage clean", "fail", "no leakage check was recorded for this version")
    return Condition("leakage clean", "pass", f"{len(leakage)} checks found none", ids)


def calibrated(evaluation: Evidence | None, *, limit: float) -> Condition:
    """The expected calibration error is within the limit; a regression has none and is not judged."""
    if evaluation is None:
        return Condition("calibration", "fail", "no model.evaluation was recorded for this version")
    estimate: Mapping[str, Any] | None = (
        evaluation.to_json()["figures"].get("metrics", {}).get("expected_calibration_error")
    )
    if estimate is None:
        return Condition("calibration", "info", "no probability, so not judged", (evaluation.id,))
    value = estimate["value"]
    within = value is not None and value <= limit
    shown = "undefined" if value is None else f"{value:.4f}"
    reason = f"expected calibration error {shown} (limit {limit:g})"
    return Condition("calibration", "pass" if within else "fail", reason, (evaluation.id,))


def slices_hold(evaluation: Evidence | None, *, limit: float | None) -> list[Condition]:
    """No declared slice is significantly worse, and worse by more than the limit (EV-5); nothing without a limit."""
    if limit is None:
        return []
    if evaluation is None:
        return [Condition("slices", "fail", "no model.evaluation was recorded for this version")]
    figures = evaluation.to_json()["figures"]
    whole, judged = figures["metrics"][figures["primary"]]["value"], figures["slices"]
    gaps = {
        f"{one['column']} = {one['value']}": abs(one["estimate"]["value"] - whole) for one in judged if one["worse"]
    }
    beyond = {name: gap for name, gap in gaps.items() if gap > limit}
    if beyond:
        shown = ", ".join(f"{name} by {gap:.4f}" for name, gap in beyond.items())
        return [Condition("slices", "fail", f"worse than the whole: {shown} (limit {limit:g})", (evaluation.id,))]
    reason = f"none of {len(judged)} slices is surely worse than the whole by more than {limit:g}"
    return [Condition("slices", "pass", reason, (evaluation.id,))]


def quiet(kill_criteria: Sequence[Evidence]) -> Condition:
    """No kill criterion fired, and at least one was judged."""
    fired = [one for one in kill_criteria if one.verdict == "fail"]
    ids = tuple(one.id for one in fired or kill_criteria)
    if fired:
        return Condition("kill criteria", "fail", "; ".join(one.summary for one in fired), ids)
    if not kill_criteria:
        return Condition("kill criteria", "fail", "no framing.kill_criterion was judged for this version")
    return Condition("kill criteria", "pass", f"{len(kill_criteria)} judged, none fired", ids)


def approved(policy: str, *, version: ModelVersion, production: ModelVersion | None, approved_by: str) -> Condition:
    """Who must let the version in: a person always, a person for a new major, or automation.

    Nothing depends on the signature of a model that never served, so `minor` lets automation take the first version.
    """
    if approved_by.strip():
        return Condition("approval", "pass", f"approved by {approved_by}")
    is_new_major = production is not None and production.major != version.major
    if policy == "automatic" or (policy == "minor" and not is_new_major):
        return Condition("approval", "pass", f"policy {policy!r} lets automation promote {version.reference}")
    wanted = "a new major version" if policy == "minor" else "every version"
    return Condition("approval", "fail", f"policy {policy!r}: {wanted} needs a person's approval")


def declared(expression: str, seen: Sequence[Evidence]) -> Condition:
    """A condition of the project, such as `model.evaluation.metrics.brier.value < 0.2`; of a kind, the last counts."""
    last = {one.kind: one for one in seen}
    used = tuple(one.id for kind, one in last.items() if kind in expression)
    try:
        holds = bool(evaluate(expression, _tree(last)))
    except UsageError as problem:
        return Condition(expression, "fail", f"cannot be answered: {problem}", used)
    return Condition(expression, "pass" if holds else "fail", "holds" if holds else "does not hold", used)


def _tree(last: Mapping[str, Evidence]) -> dict[str, Any]:
    """Figures by the dotted parts of their kind: `model.size` becomes `{"model": {"size": {...}}}`."""
    tree: dict[str, Any] = {}
    for kind, evidence in last.items():
        room, _, what = kind.partition(".")
        tree.setdefault(room, {})[what] = {**evidence.to_json()["figures"], "verdict": evidence.verdict}
    return tree


def _beats(comparison: Evidence) -> Condition:
    other = comparison.figures["other"]["name"]
    better = comparison.figures.get("better") is True
    return Condition(f"beats {other}", "pass" if better else "fail", comparison.summary, (comparison.id,))
