"""Verbs over versions: models, promote, rollback, card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.shell import HERE, JsonOption, ProjectOption, SetOption, open_project, show_json, show_table, verb

ActorOption = Annotated[str, typer.Option("--by", help="Who decides; recorded.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; recorded.", show_default=False)]


@verb
def models(project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Every version, its stage and its holdout figures."""
    rows = open_project(project, overrides).models()
    if as_json:
        show_json(rows)
        return
    headings = ("model", "stage", "registered", "metric", "value", "bundle")
    show_table(headings, [tuple(row.get(name) for name in headings) for row in rows])


@verb
def promote(
    version: Annotated[str, typer.Argument(help="name@version; the newest by default.")] = "",
    by: ActorOption = "",
    reason: ReasonOption = "",
    override: Annotated[bool, typer.Option(help="Pass a gate that said no; needs --by and --reason.")] = False,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a version into its next stage."""
    moved = open_project(project, overrides).promote(version or None, actor=by, reason=reason, override=override)
    if as_json:
        show_json(moved.to_json())
    else:
        typer.echo(moved.line())


@verb
def rollback(
    by: ActorOption = "",
    reason: ReasonOption = "",
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the previous production version back, in under a second."""
    moved = open_project(project, overrides).rollback(actor=by, reason=reason)
    if as_json:
        show_json(moved.to_json())
    else:
        typer.echo(moved.line())


@verb
def card(
    version: Annotated[str, typer.Argument(help="name@version; the one in production by default.")] = "",
    form: Annotated[
        str,
        typer.Option("--format", help="md, html, hf (Hugging Face), or annex-iv, annex-iv-html (EU AI Act)."),
    ] = "md",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of to stdout.")] = None,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """The model card, or the technical file of the EU AI Act, filled from evidence."""
    text = open_project(project, overrides).card(version or None, form=form)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if as_json:
        show_json({"format": form, "text": text, "output": str(output) if output else None})
    elif output is None:
        typer.echo(text)
