"""Verbs over experiments: the list, some of them side by side, and one made again: experiments, reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.shell import (
    HERE,
    JsonOption,
    ProjectOption,
    SetOption,
    open_project,
    progress,
    show_json,
    show_table,
    verb,
)

if TYPE_CHECKING:
    from assay.evaluation.side_by_side import Row, SideBySide

MOST_CHARACTERS = 48  # of a cell; the page shows all
TIMES = ("recorded", "now")

experiments = typer.Typer(name="experiments", help="Every experiment; `compare` puts some side by side.")


@experiments.callback(invoke_without_command=True)
def every(
    context: typer.Context,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every experiment: what was tried, what it reached, what became of it; `compare` puts some side by side."""
    if context.invoked_subcommand is None:
        show_all(project=project, overrides=overrides, as_json=as_json)


@verb
def show_all(*, project: Path, overrides: list[str] | None, as_json: bool) -> None:
    """Print one line an experiment, the newest first."""
    rows = open_project(project, overrides).experiments()
    if as_json:
        show_json(rows)
        return
    headings = ("experiment", "estimator", "metric", "value", "verdict", "seconds")
    show_table(headings, [tuple(row.get(name) for name in headings) for row in rows])


@experiments.command("compare")
@verb
def compare(
    names: Annotated[list[str], typer.Argument(metavar="EXP...", help="Two experiments or more.")],
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with the curves.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Experiments side by side: what differs, metrics with intervals, curves."""
    opened = open_project(project, overrides)
    compared = opened.compare_experiments(names)
    if html is not None:
        from assay.evaluation import side_by_side_page

        html.write_text(side_by_side_page.html(compared, title=opened.name), encoding="utf-8")
        typer.echo(f"wrote {html}", err=True)
    if as_json:
        show_json(compared)
    else:
        _show(compared)


def _show(compared: SideBySide) -> None:
    def table(heading: str, rows: tuple[Row, ...]) -> None:
        cells = [(row.name, *(_cell(value) for value in row.values)) for row in rows]
        show_table((heading, *compared.names), cells)

    table("outcome", compared.outcomes)
    typer.echo()
    if compared.differences:
        table("what differs", compared.differences)
    typer.echo(f"{compared.n_same} further settings, features, snapshots and versions are the same")
    for part, metrics in compared.metrics.items():
        typer.echo()
        table(f"on {part} rows", (*metrics, *compared.readings[part]))
    for doubt in compared.doubts:
        typer.echo(f"note: {doubt}")


def _cell(value: Any) -> Any:
    """A figure with its interval in words, long texts cut; what is a number stays one, to be aligned."""
    if value is None or isinstance(value, int | float):
        return value
    text = " ".join(str(value).split())
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


@verb
def reproduce(
    name: Annotated[str, typer.Argument(metavar="EXP", help="An experiment; `assay experiments` lists them.")],
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> int:
    """Train an experiment again from its snapshots: is the model the same, and if not, what differs?"""
    with progress() as listener:
        found = open_project(project, overrides).reproduce(name, progress=listener)
    figures = found.to_json()["figures"]
    if as_json:
        show_json(found.to_json())
        return int(not figures["equal"])
    typer.echo(found.line())
    if not figures["equal"]:
        rows = [
            (one, *(_value(both[when]) for when in ("recorded", "now"))) for one, both in figures["metrics"].items()
        ]
        show_table(("metric", "recorded", "now"), rows)
    if figures["differences"]:
        cells = [(one["what"], *(_cell(one[time]) for time in TIMES)) for one in figures["differences"]]
        show_table(("what differs", *TIMES), cells)
    return int(not figures["equal"])


def _value(estimate: dict[str, Any] | None) -> float | None:
    return None if estimate is None else estimate["value"]
