"""Verbs of features: the catalogue, builds, values of a row, skew; those of streams are in `streaming`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli import streaming
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
    show_facts,
    show_json,
    show_table,
    verb,
)

features = typer.Typer(name="features", help="The feature catalogue and the stores.", no_args_is_help=True)


STATES = {
    "missing": "nothing is stored of this entity",
    "expired": "the newest row is older than the view's ttl and is not used",
    "future": "the newest row becomes known only later",
    "stale": "older than the view's staleness, or read before the server went away",
    "unavailable": "the server is away, and nothing is remembered",
}


@features.command("list")
@verb
def features_list(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    search: Annotated[str, typer.Option(help="Only features whose name or description holds this.")] = "",
    html: Annotated[bool, typer.Option("--html", help="Write the catalogue as a page and say where.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Every feature with its view, entity and meaning."""
    features = open_project(project, overrides).features
    if html:
        written = features.catalogue()
        show_json({"page": str(written)}) if as_json else typer.echo(f"wrote {written}")
        return
    entries = features.search(search)
    if as_json:
        show_json(entries)
        return
    show_table(
        ("feature", "entity", "view", "refresh", "description"),
        [(e["name"], e["entity"], e["view"], e["refresh"], e["description"]) for e in entries],
    )


@features.command("show")
@verb
def features_show(
    name: Annotated[str, typer.Argument(help="A feature.")],
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """All that is known of one feature."""
    entry = open_project(project, overrides).features.show(name)
    if as_json:
        show_json(entry)
    else:
        show_facts({**entry, "sources": ", ".join(entry["sources"])})


@features.command("build")
@verb
def features_build(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    full: Annotated[bool, typer.Option(help="From the first row, not only what is new.")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the offline and online stores up to date."""
    with progress() as listener:
        built = open_project(project, overrides).features.build(full=full, as_of=moment(as_of), progress=listener)
    show_evidence(built, as_json=as_json)


@features.command("get")
@verb
def features_get(
    keys: Annotated[list[str] | None, typer.Argument(help="column=key, as in home=BOS or customer_id=C000123.")] = None,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    file: Annotated[Path | None, typer.Option("--keys", metavar="FILE", help="Many rows: CSV, Parquet, JSONL.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As known before then; `row`: before each row's own time.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Features of a row's entities: the latest, or as they were known; of a file's rows as CSV."""
    from assay.pipelines import asking

    features = open_project(project, overrides).features
    if file is None and at is None:
        values: Any = features.latest([_pairs(keys)])[0]
        for place, state in features.states([_pairs(keys)])[0].items():
            typer.echo(f"{place}: {state}, {STATES[state]}", err=True)
    else:
        rows = asking.row_of(_pairs(keys)) if file is None else asking.rows_in(file)
        found = features.get(rows, at="row" if at == "row" else moment(at, "--at"))
        if file is not None and not as_json:
            typer.echo(found.write_csv(), nl=False)
            return
        values = found.row(0, named=True) if file is None else found.to_dicts()
    if as_json:
        show_json(values)
    else:
        show_facts(values)


@features.command("skew")
@verb
def features_skew(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Predictions from then on, not the last replay.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay what was served offline: does it equal what training would have had?"""
    found = open_project(project, overrides).features.skew(since=moment(since, "--since"))
    if as_json:
        show_json(found.to_json())
        return
    typer.echo(found.line())
    rows = [
        (name, one["n_different"], one["largest"], ", ".join(one["examples"]))
        for name, one in found.figures["skew"].items()
    ]
    if rows:
        show_table(("feature", "differ", "largest", "predictions"), rows)


features.command("publish")(streaming.publish)
features.command("stream")(streaming.stream)
features.add_typer(streaming.deadletters, name="deadletters")


def _pairs(keys: list[str] | None) -> dict[str, str]:
    from assay.errors import UsageError

    if not keys:
        raise UsageError("name a row, as in customer_id=C000123, or a file of rows with --keys FILE.")
    return dict(pair.partition("=")[::2] for pair in keys)
