"""The quality gate: each source held against what was declared of it, all of them scored, and bad data turned away.

Rules are asked of every row; the score looks at nothing that was known after the holdout begins but how old the
newest row is.
"""

from __future__ import annotations

import polars as pl

from assay.data import expectations, quality, splits
from assay.errors import GateRefused, KillCriterionFired
from assay.framing import kill_criteria
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.pipelines.frames import Frames, known_at, newest_known
from assay.pipelines.quality_watch import compare_with_last
from assay.pipelines.run import Run, Step


def meet_expectations(run: Run, frames: Frames) -> list[Evidence]:
    """Hold each source against what was declared of it."""
    checked = []
    for name, frame in frames.items():
        source = run.workspace.settings.sources[name]
        truth = frames[source.truth.source] if source.truth else None
        checked.append(expectations.check(name, frame, source, now=run.as_of, truth=truth))
    return run.record_all(checked)


def refuse_broken(checked: list[Evidence]) -> None:
    """Stop where rows break a declared rule of severity error.

    Raises:
        GateRefused: With each such rule, how many rows break it, and the first of them.
    """
    broken = {f"{one.subject.partition(':')[2]} [{one.id}]": expectations.refusals(one) for one in checked}
    if any(broken.values()):
        said = "; ".join(f"{name}: {'; '.join(rules)}" for name, rules in broken.items() if rules)
        raise GateRefused(
            f"expectations gate: {said}. Correct the rows at the source, or declare the rule with `severity: warning`."
        )


def pass_quality_gate(run: Run, frames: Frames, cut: splits.Cut) -> Evidence:
    """Stop the run where the data is too poor to learn from.

    Raises:
        KillCriterionFired: It has been too poor for a fortnight.
        GateRefused: The score is below `gates.quality_minimum`.
    """
    assessment = assess_quality(run, frames, cut)
    minimum = run.workspace.settings.gates.quality_minimum
    history = run.workspace.ledger.find(kind="data.quality")
    overdue = run.record(kill_criteria.quality_overdue(history, minimum=minimum, now=run.workspace.clock()))
    if overdue.verdict == "fail":
        raise KillCriterionFired(f"{overdue.summary} [{overdue.id}]")
    if assessment.verdict == "fail":
        raise GateRefused(f"quality gate: {assessment.summary} [{assessment.id}]")
    return assessment


def assess_quality(run: Run, frames: Frames, cut: splits.Cut | None) -> Evidence:
    """Score what was known before the holdout begins; relevance is judged on the training rows, where there are any."""
    settings = run.workspace.settings
    target = settings.target
    run.progress(Step("quality"))
    labels = None if cut is None else LabelledFrame(cut.train, target.key, target.label, (), target.time)
    assessment = run.record(
        quality.assess(
            {name: _before_holdout(frame, cut) for name, frame in frames.items()},
            settings.sources,
            labels=labels,
            now=run.as_of,
            minimum=settings.gates.quality_minimum,
            newest={name: newest_known(frame) for name, frame in frames.items()},
            truths=frames,
        )
    )
    compare_with_last(run, assessment)
    return assessment


def _before_holdout(frame: pl.LazyFrame, cut: splits.Cut | None) -> pl.LazyFrame:
    """The part of a source that was known before the first holdout row."""
    return frame if cut is None or cut.holdout_from is None else known_at(frame, cut.holdout_from)
