"""Verbs that watch production: drift, monitor, goals, report, retrain."""

from __future__ import annotations

from typing import Annotated

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
    show_table,
    verb,
)


@verb
def drift(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only predictions from then on.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what production sees with what it was trained on."""
    found = open_project(project, overrides).drift(since=moment(since, "--since"))
    if as_json:
        show_json(found.to_json())
        return
    typer.echo(found.line())
    columns = sorted(found.figures.get("columns", {}).items(), key=lambda column: -(column[1]["psi"] or 0.0))
    if not columns:
        return
    show_table(
        ("column", "psi", "level", "watched", "likely cause"),
        [(name, one["psi"], one["level"], "yes" if one["watched"] else "no", one["cause"]) for name, one in columns],
    )


@verb
def monitor(project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Drift, performance on the labels that arrived, and whether to retrain."""
    show_evidence(open_project(project, overrides).monitor(), as_json=as_json)


@verb
def goals(project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """How each goal of assay.yaml stands: met, at risk, missed, or without a figure yet."""
    found = open_project(project, overrides).goals()
    if as_json:
        show_json([one.to_json() for one in found])
        return
    headings = ("goal", "state", "figure", "target", "window", "owner", "source")
    show_table(headings, [tuple(one.figures[name] or None for name in headings) for one in found])


@verb
def report(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From then on; a day or a week by default.")] = None,
    if_due: Annotated[bool, typer.Option("--if-due", help="Only where the last one is older than that.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Goals, alerts and changes since the last report, as one page and one JSON file."""
    opened = open_project(project, overrides)
    found = opened.report(since=moment(since), if_due=if_due)
    if as_json:
        show_json(found.to_json() if found is not None else None)
    elif found is None:
        typer.echo("no report is due")
    else:
        typer.echo(found.line())
        for name in ("page", "document"):
            typer.echo(f"  wrote {opened.workspace.folder / found.figures[name]}")


@verb
def retrain(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    reason: Annotated[str, typer.Option(help="Why, where no trigger waits; recorded.")] = "",
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> int:
    """Train a new version through the same gates, because a trigger or a person says so."""
    with progress() as listener:
        outcome = open_project(project, overrides).retrain(reason=reason, as_of=moment(as_of), progress=listener)
    if as_json:
        show_json(outcome)
    else:
        typer.echo(f"{outcome.run}: {outcome.verdict}, {outcome.model or outcome.reason}")
        typer.echo(f"  report {outcome.report}")
    return outcome.exit_code
