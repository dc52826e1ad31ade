"""The whole loop once: brief, features, training, release; and how it ended, in one value.

A gate, a leak or a kill criterion that ends the loop is an outcome with its reason, not an accident.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from assay.errors import AssayError, GateRefused, KillCriterionFired, LeakageFound
from assay.evaluation.report import run_report
from assay.framing import brief, rules_or_ml
from assay.ledger.evidence import Evidence, Verdict, plain
from assay.metrics.estimate import Estimate
from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.pipelines import run as runs
from assay.pipelines.audit import find_version
from assay.pipelines.behaving import behave
from assay.pipelines.feature import FeatureOutcome, run_features
from assay.pipelines.measuring import measure, primary_metric
from assay.pipelines.release import ReleaseOutcome, run_release
from assay.pipelines.run import Progress, Run, silent
from assay.pipelines.training import TrainingOutcome, baselines_for, frames_for, run_training
from assay.pipelines.workspace import Workspace
from assay.stores.durable import write_whole

Ending = Literal["promoted", "staged", "archived", "kill", "stopped"]
ENDING_OF_STAGE: dict[str, Ending] = {"production": "promoted", "staging": "staged", "development": "archived"}
VERDICT_OF_ENDING: dict[Ending, Verdict] = {"promoted": "pass", "staged": "warn"}
EXIT_CODE: dict[Ending, int] = {"promoted": 0, "staged": 0, "archived": 3, "kill": 4, "stopped": 3}


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How one run of the loop ended.

    Attributes:
        run: Its id.
        verdict: `promoted`, `staged` (waits for approval), `archived` (a gate said no), `kill`, or `stopped`
            (before a version was registered).
        stage: The pipeline it ended in.
        reason: Why it ended so, in a sentence.
        model: `name@version`; empty where none was registered.
        primary: Name of the figure that decides.
        metrics: Figures on the sealed holdout, or on validation where the run ended before it was opened.
        baselines: The same primary figure for each baseline.
        quality: Score out of 30; None where the run ended before it was assessed.
        evidence: Everything it recorded, in order.
        report: The HTML report.
        seconds: Wall time.
    """

    run: str
    verdict: Ending
    stage: str
    reason: str
    model: str
    primary: str
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, float]
    quality: float | None
    evidence: tuple[Evidence, ...]
    report: Path
    seconds: float
    exit_code: int = field(default=0)

    def to_json(self) -> dict[str, Any]:
        """The outcome as the command line prints it with `--json`."""
        primary = self.metrics.get(self.primary)
        return {
            "run": self.run,
            "verdict": self.verdict,
            "stage": self.stage,
            "reason": self.reason,
            "model": self.model,
            "metrics": {
                "primary": {"name": self.primary, **(primary.to_json() if primary else {})},
                "baseline": plain(self.baselines),
                **{name: estimate.to_json() for name, estimate in self.metrics.items()},
            },
            "quality": {"score": self.quality, "of": 30},
            "leakage": [_decision(one) for one in self.evidence if one.kind.startswith("leakage.")],
            "kill_criteria": [_decision(one) for one in self.evidence if one.kind == "framing.kill_criterion"],
            "gates": [
                {**_decision(one), "conditions": plain(one.figures.get("conditions", []))}
                for one in self.evidence
                if one.kind.startswith("gate.")
            ],
            "evidence": [one.id for one in self.evidence],
            "report": str(self.report),
            "seconds": self.seconds,
        }


def run_loop(
    workspace: Workspace,
    *,
    trials: int | None = None,
    as_of: datetime | None = None,
    months: int | None = None,
    fixed: tuple[str, dict[str, Any]] | None = None,
    because: Evidence | None = None,
    progress: Progress = silent,
) -> RunOutcome:
    """Take the project from its brief as far towards production as the evidence carries it.

    Args:
        workspace: The project.
        trials: Hyperparameter settings to try; default from `training.trials`.
        as_of: Pretend that it is this moment: nothing that became known later is read.
        months: Learn from and judge on label rows of the last so many months; default from `training.months`.
        fixed: An estimator and its hyperparameters, to refit instead of searching.
        because: The trigger that asked for this run, where one did.
        progress: Told where the work stands.

    Raises:
        AssayError: The work could not be done (as opposed to: it was done, and the answer is no).
    """
    started = time.monotonic()
    with workspace.alone("assay run"):
        asked = asked_of_training(workspace, trials=trials, months=months, fixed=fixed)
        run = runs.begin(workspace, as_of=as_of, because=because, asked=asked, progress=progress)
        released: ReleaseOutcome | None = None
        verdict: Ending = "stopped"
        stage, reason = "framing", ""
        try:
            check_brief(run)
            stage = "features"
            features = run_features(run, months=asked["months"])
            ask_whether_rules_do(run, features)
            stage = "training"
            training = run_training(run, features, trials=asked["trials"], fixed=fixed)
            stage = "release"
            released = run_release(run, features, training)
            verdict = ENDING_OF_STAGE[released.stage]
            reason = released.gates[-1].summary
        except KillCriterionFired as ending:
            verdict, reason = "kill", str(ending)
        except (GateRefused, LeakageFound) as ending:
            reason = str(ending)
        except AssayError as failure:
            run.record(Evidence("run.failed", f"run:{run.id}", "fail", f"{stage}: {failure}"))
            raise
        return close(run, verdict=verdict, stage=stage, reason=reason, released=released, started=started)


def train_only(
    workspace: Workspace,
    *,
    trials: int | None = None,
    as_of: datetime | None = None,
    months: int | None = None,
    fixed: tuple[str, dict[str, Any]] | None = None,
    progress: Progress = silent,
) -> TrainingOutcome:
    """The loop up to a candidate; the holdout stays closed. Arguments are those of `run_loop`.

    Raises:
        GateRefused, LeakageFound, KillCriterionFired: The loop ended earlier.
    """
    with workspace.alone("assay train"):
        asked = asked_of_training(workspace, trials=trials, months=months, fixed=fixed)
        run = runs.begin(workspace, as_of=as_of, asked=asked, progress=progress)
        check_brief(run)
        features = run_features(run, months=asked["months"])
        return run_training(run, features, trials=asked["trials"], fixed=fixed)


def asked_of_training(
    workspace: Workspace, *, trials: int | None, months: int | None, fixed: tuple[str, dict[str, Any]] | None
) -> dict[str, Any]:
    """What a run is to train: arguments where they were given, settings where not; recorded, to be asked again."""
    training = workspace.settings.training
    return {
        "trials": training.trials if trials is None else trials,
        "months": months or training.months,
        "fixed": None if fixed is None else {"estimator": fixed[0], "params": fixed[1]},
    }


def evaluate_version(workspace: Workspace, reference: str | None, *, progress: Progress = silent) -> Evidence:
    """Measure a registered version on the validation rows as they are now, and try how it behaves on them."""
    with workspace.alone("assay evaluate"):
        version = find_version(workspace, reference)
        run = runs.begin(workspace, progress=progress)
        features = run_features(run, months=workspace.settings.training.months)
        train, validation = frames_for(run, features)
        no_information, _ = baselines_for(run, train)
        model = from_bundle(Bundle.load(workspace.artifacts, version.bundle))
        scores = model.predict(validation.inputs)
        evaluation = measure(
            run, validation, scores, subject=version.subject, floor=no_information, part="validation"
        ).evidence
        behave(run, model, validation, subject=version.subject, part="validation")
        return evaluation


def check_brief(run: Run) -> None:
    """Refuse to train on an incomplete brief.

    Raises:
        GateRefused: Fields of the brief are missing.
    """
    complete = run.record(brief.complete(run.workspace.settings.brief))
    if complete.verdict == "fail":
        raise GateRefused(f"{complete.summary} [{complete.id}]")


def ask_whether_rules_do(run: Run, features: FeatureOutcome) -> Evidence:
    """Rules or machine learning, now that the labelled rows are counted; advice, not a gate."""
    n_labelled = features.train.height + features.validation.height + features.sealed.n
    return run.record(rules_or_ml.decide(run.workspace.settings.brief, n_labelled=n_labelled))


def close(
    run: Run, *, verdict: Ending, stage: str, reason: str, released: ReleaseOutcome | None, started: float
) -> RunOutcome:
    """Record the ending and write the report."""
    evaluations = run.of_kind("model.evaluation")
    ours = [one for one in evaluations if one.figures["role"] == "candidate"]
    metric = primary_metric(run.workspace)
    seconds = round(time.monotonic() - started, 2)
    run.record(
        Evidence(
            kind="run.finished",
            subject=f"run:{run.id}",
            verdict=VERDICT_OF_ENDING.get(verdict, "fail"),
            summary=f"{verdict} in {stage}: {reason}" if reason else verdict,
            figures={"verdict": verdict, "stage": stage, "seconds": seconds},
            parents=tuple(one.id for one in run.of_kind("gate.")),
        )
    )
    quality = run.of_kind("data.quality")
    outcome = RunOutcome(
        run=run.id,
        verdict=verdict,
        stage=stage,
        reason=reason,
        model=released.version.reference if released else "",
        primary=metric,
        metrics=_estimates(ours[-1]) if ours else {},
        baselines=_baselines(run, metric, ours[-1].figures["part"]) if ours else {},
        quality=quality[-1].figures["score"] if quality else None,
        evidence=tuple(run.evidence),
        report=run.report,
        seconds=seconds,
        exit_code=EXIT_CODE[verdict],
    )
    write_report(run, outcome)
    return outcome


def write_report(run: Run, outcome: RunOutcome) -> None:
    """Write the self-contained HTML report, whole or not at all."""
    head = run.workspace.ledger.head()
    page = run_report(
        title=run.workspace.settings.name,
        outcome={**outcome.to_json(), "ledger_head": head.digest, "ledger_length": head.sequence},
        evidences=run.workspace.ledger.find(run=run.id),
    )
    write_whole(outcome.report, [page.encode()])


def _baselines(run: Run, metric: str, part: str) -> dict[str, float]:
    """The primary figure of each model that the candidate was compared with on the same rows."""
    compared = [one.figures for one in run.of_kind("model.comparison")]
    others = [one["other"] for one in compared if one["metric"] == metric and one["part"] == part]
    return {other["name"]: other["value"] for other in others}


def _estimates(evaluation: Evidence) -> dict[str, Estimate]:
    return {name: Estimate.from_json(figure) for name, figure in evaluation.figures["metrics"].items()}


def _decision(one: Evidence) -> dict[str, Any]:
    reasons = [c["reason"] for c in plain(one.figures.get("conditions", [])) if c["verdict"] == "fail"]
    return {"name": one.kind, "verdict": one.verdict, "reasons": reasons or [one.summary], "evidence": one.id}
