"""Verbs over the ledger: log, show, verify, lineage, export."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.shell import HERE, JsonOption, ProjectOption, SetOption, open_project, show_evidence, show_json, verb

if TYPE_CHECKING:
    from assay.pipelines.descent import Trace
    from assay.project import Project

ledger = typer.Typer(name="ledger", help="The tamper-evident record of everything.", no_args_is_help=True)


@ledger.command("log")
@verb
def log(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind; `leakage.*` takes a family.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only this subject.")] = None,
    run: Annotated[str | None, typer.Option(help="Only this run.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The newest records, oldest of them first."""
    found = open_project(project, overrides).ledger.find(
        kind=kind, subject=subject, run=run, limit=limit, newest_first=True
    )
    show_evidence(found[::-1], as_json=as_json)


@ledger.command("show")
@verb
def show(
    evidence_id: Annotated[str, typer.Argument(help="As in E-000042.")],
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """One record in full."""
    found = open_project(project, overrides).ledger.get(evidence_id)
    if as_json:
        show_json(found.to_json())
    else:
        typer.echo(found.full())


@ledger.command("verify")
@verb
def verify(project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False) -> int:
    """Check every record, artifact, snapshot and sealed segment against its digest."""
    proof = open_project(project, overrides).verify()
    if as_json:
        show_json(proof)
    else:
        for line in proof.lines():
            typer.echo(line)
    return 0 if proof.ok else 1


@ledger.command("lineage")
@verb
def lineage(
    start: Annotated[str, typer.Argument(help="A prediction, name@version, EXP-…, RUN-…, source:NAME or a record.")],
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    forward: Annotated[bool, typer.Option(help="What came of it, instead of what it came from.")] = False,
    rows: Annotated[
        str, typer.Option(metavar="FIRST:LAST", help="With --forward: rows of a source's newest snapshot, from 0.")
    ] = "",
    where: Annotated[
        str, typer.Option(metavar="SQL", help="With --forward: rows by a condition, such as \"plan = 'basic'\".")
    ] = "",
    records: Annotated[bool, typer.Option(help="List the records behind the story too.")] = False,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --forward: write every prediction touched, as CSV.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write story, graph and records as one page.")
    ] = None,
    openlineage: Annotated[
        str | None, typer.Option(metavar="FILE|URL", help="Send the runs behind it as OpenLineage events.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What something was made from, down to rows of a source; or what came of it."""
    _refuse_without_forward(forward, rows or where or predictions)
    opened = open_project(project, overrides)
    if forward:
        impact = opened.ledger.impact(start, rows=rows, where=where)
        trace = impact.trace
        if predictions is not None:
            impact.predictions.write_csv(predictions)
    else:
        trace = opened.ledger.trace(start)
    if html is not None:
        html.write_text(opened.ledger.page(trace), encoding="utf-8")
        typer.echo(f"wrote {html}", err=True)
    if openlineage is not None:
        _send(opened, trace, to=openlineage)
    if as_json:
        show_json(trace)
        return
    for line in trace.lines():
        typer.echo(line)
    if records:
        show_evidence(trace.graph.nodes, as_json=False)
        if not trace.graph.complete:
            typer.echo(f"these are the nearest {len(trace.graph.nodes):,} records; there are more", err=True)


def _send(project: Project, trace: Trace, *, to: str) -> None:
    from assay.integrations.openlineage_delivery import deliver

    key = os.environ.get("OPENLINEAGE_API_KEY", "")
    n_events = deliver(project.workspace.ledger, trace.graph.nodes, project=project.name, to=to, api_key=key)
    typer.echo(f"{n_events:,} OpenLineage events sent to {to}", err=True)


def _refuse_without_forward(forward: bool, given: object) -> None:
    if given and not forward:
        from assay.errors import UsageError

        raise UsageError("--rows, --where and --predictions ask what came of rows: add --forward.")


@ledger.command("export")
@verb
def export(
    output: Annotated[Path, typer.Argument(help="JSON lines file to write.")],
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every record as JSON lines, verifiable without Assay (docs/verify_export.py)."""
    n_records = open_project(project, overrides).ledger.export(output)
    if as_json:
        show_json({"records": n_records, "output": str(output)})
    else:
        typer.echo(f"wrote {n_records:,} records to {output}")
