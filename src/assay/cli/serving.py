"""Verbs that predict: serve, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.shell import (
    HERE,
    JsonOption,
    ProjectOption,
    SetOption,
    open_project,
    progress,
    show_json,
    verb,
)


@verb
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; loopback by default.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 picks a free one.")] = None,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer predictions over HTTP with the version in production; --json prints its address as a document."""

    def announce(url: str) -> None:
        if as_json:
            show_json({"url": url})
        else:
            typer.echo(f"listening on {url}")

    open_project(project, overrides).serve(
        host=host, port=port, say=lambda line: typer.echo(line, err=True), announce=announce
    )


@verb
def predict(
    source: Annotated[
        Path, typer.Option("--input", "-i", help="CSV, Parquet or JSON lines with one row a prediction.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV, Parquet or JSON lines to write.")],
    version: Annotated[str, typer.Option("--model", help="name@version; the one in production by default.")] = "",
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a file into a file."""
    with progress() as listener:
        scored = open_project(project, overrides).predict_file(source, output, version or None, progress=listener)
    if as_json:
        show_json(scored.to_json())
    else:
        typer.echo(scored.line())
