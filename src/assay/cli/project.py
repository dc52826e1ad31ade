"""Verbs that start a project and look at what it rests on: demo, init, check, frame, assess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

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
    show_evidence,
    show_json,
    verb,
)


@verb
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make it; continued if it is there.")] = Path("demo"),
    customers: Annotated[int, typer.Option(help="How many customers to simulate.", min=2_000, max=200_000)] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulation; the same seed tells the same story.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Make a project with simulated subscription data and run the whole loop on it."""
    from assay.demo.story import tell

    with progress() as listener:
        told = tell(folder, n_customers=customers, seed=seed, progress=listener, say=_say(as_json))
    if as_json:
        show_json(told)


@verb
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that holds your data.")],
    template: Annotated[str, typer.Option(help="churn or blank.")] = "blank",
    as_json: JsonOption = False,
) -> None:
    """Make a new project from a template."""
    from assay.demo.templates import create

    written = create(folder, template)
    if as_json:
        show_json([str(path) for path in written])
        return
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(f"Next: edit {folder / 'assay.yaml'}, then `assay check --project {folder}`.")


@verb
def check(project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False) -> int:
    """Validate assay.yaml, the definitions, the sources, the stores and the environment."""
    found = open_project(project, overrides).check()
    show_evidence(found, as_json=as_json)
    return 2 if any(one.verdict == "fail" for one in found) else 0


@verb
def frame(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="Ask for each field of the brief.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Judge the brief: completeness, rules or machine learning, kill criteria."""
    if interactive:
        from assay.framing.questionnaire import keep, questionnaire, read_brief

        keep(project, questionnaire(read_brief(project), _ask))
    found = open_project(project, overrides).frame()
    show_evidence(found, as_json=as_json)
    return 3 if any(one.verdict == "fail" for one in found) else 0


@verb
def assess(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> int:
    """Score the data (0-30), hold each source against its expectations, and write a data report for each."""
    with progress() as listener, open_project(project, overrides) as opened:
        found = opened.assess(as_of=moment(as_of), progress=listener)
        state = opened.workspace.state
    if as_json:
        show_evidence(found, as_json=True)
    else:
        for one in found:
            typer.echo(one.line())
        for name, dimension in found[-1].figures.get("dimensions", {}).items():
            score = "  –" if dimension["score"] is None else f"{dimension['score']:.1f}"
            typer.echo(f"  {name:<13} {score} of 5   {dimension['why']}")
        for fix in found[-1].figures.get("fixes", []):
            typer.echo(f"  fix: {fix['what']}")
        for one in found:
            if one.kind == "data.understanding" and "report" in one.figures:
                typer.echo(f"  report: {state / one.figures['report']}")
    return 3 if found[-1].verdict == "fail" else 0


@verb
def select(
    topics: Annotated[
        list[str] | None, typer.Argument(help="metric, model, tuning, deployment, gpu, inference, llm; default all.")
    ] = None,
    kind: Annotated[Literal["table", "text", "image"] | None, typer.Option(help="What the rows hold.")] = None,
    job: Annotated[Literal["fine-tune", "serve", "pre-train"] | None, typer.Option(help="What a GPU is for.")] = None,
    billions: Annotated[
        float | None, typer.Option("--parameters", min=0, help="Of a language model, billions.")
    ] = None,
    llm_task: Annotated[
        Literal["classification", "extraction", "answering", "summarisation", "sql", "code", "reasoning"] | None,
        typer.Option(help="What a language model is for."),
    ] = None,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Advice with reasons, from the brief and the assessed data: metric, model, tuning, deployment and more."""
    opened = open_project(project, overrides)
    found, record = opened.select(topics or (), kind=kind, job=job, parameters_b=billions, llm_task=llm_task)
    if as_json:
        show_json(record.to_json())
        return
    for one in found:
        typer.echo(f"{one.topic:<11} {one}")
    typer.echo(
        f"recorded as {record.id}, from {', '.join(record.parents) or 'the brief alone: `assay assess` tells more'}"
    )


def _say(quiet: bool) -> Callable[[str], None]:
    return (lambda _line: None) if quiet else typer.echo


def _ask(question: str, choices: tuple[str, ...], default: str) -> str:
    text = f"{question} [{' | '.join(choices)}]" if choices else question
    return str(typer.prompt(text, default=default, show_default=bool(default), err=True))
