"""Verbs that make a model and judge it: train, evaluate, run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.shell import (
    HERE,
    AsOfOption,
    JsonOption,
    ProjectOption,
    SetOption,
    moment,
    open_project,
    progress,
    show_facts,
    show_json,
    show_table,
    verb,
)

if TYPE_CHECKING:
    from assay.ledger.evidence import Evidence
    from assay.project import Project

JunitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the behavioural tests as JUnit XML.")
]
TrialsOption = Annotated[int | None, typer.Option("--trials", "-n", min=0, max=10_000, help="Settings to try.")]


@verb
def train(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    trials: TrialsOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Features and a candidate model, judged on validation; the holdout stays closed."""
    with progress() as listener:
        trained = open_project(project, overrides).train(trials=trials, as_of=moment(as_of), progress=listener)
    if as_json:
        show_json(trained)
        return
    typer.echo(f"{trained.experiment}: {trained.search.estimator}, on validation")
    show_facts({name: str(estimate) for name, estimate in trained.evaluation.metrics.items()})


@verb
def evaluate(
    model: Annotated[str, typer.Argument(help="name@version; the one in production by default.")] = "",
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    junit: JunitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a version on the validation rows, beside the baselines, and try how it behaves."""
    with progress() as listener:
        opened = open_project(project, overrides)
        evaluation = opened.evaluate(model or None, progress=listener)
    tried = opened.ledger.find(kind="model.behaviour", run=evaluation.run)
    _write_junit(opened, evaluation.run, junit)
    if as_json:
        show_json(evaluation.to_json())
        return
    from assay.metrics.estimate import Estimate

    typer.echo(evaluation.summary)
    show_facts({name: str(Estimate.from_json(one)) for name, one in evaluation.to_json()["figures"]["metrics"].items()})
    for one in tried:
        show_behaviour(one)


def show_behaviour(tried: Evidence) -> None:
    """The behavioural tests of one record, a line each."""
    figures = tried.to_json()["figures"]["tests"]
    show_table(("behaviour", "verdict", "found"), [(one["name"], one["verdict"], one["found"]) for one in figures])


def _write_junit(project: Project, run: str, to: Path | None) -> None:
    if to is None:
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(project.junit(run), encoding="utf-8")


@verb
def run(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    trials: TrialsOption = None,
    as_of: AsOfOption = None,
    junit: JunitOption = None,
    as_json: JsonOption = False,
) -> int:
    """The whole loop once: features, training and release, with every gate."""
    with progress() as listener:
        opened = open_project(project, overrides)
        outcome = opened.run(trials=trials, as_of=moment(as_of), progress=listener)
    _write_junit(opened, outcome.run, junit)
    if as_json:
        show_json(outcome)
        return outcome.exit_code
    typer.echo(f"{outcome.run}: {outcome.verdict} in {outcome.seconds:.0f} s")
    if outcome.reason:
        typer.echo(f"  {outcome.reason}")
    facts: dict[str, object] = {}
    if outcome.model:
        facts["model"] = outcome.model
    facts |= {name: str(estimate) for name, estimate in outcome.metrics.items()}
    facts |= {f"{outcome.primary}, {name}": value for name, value in outcome.baselines.items()}
    if outcome.quality is not None:
        facts["data quality"] = f"{outcome.quality:.1f} of 30"
    facts["evidence"] = f"{len(outcome.evidence)} records; `assay ledger verify` proves them"
    facts["report"] = Path(outcome.report)
    show_facts(facts)
    return outcome.exit_code
