"""Verbs that build features and train: features, train, evaluate, run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    show_facts,
    show_json,
    show_table,
    verb,
)

if TYPE_CHECKING:
    from assay.ledger.evidence import Evidence
    from assay.project import Project

features = typer.Typer(name="features", help="The feature catalogue and the stores.", no_args_is_help=True)

JunitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the behavioural tests as JUnit XML.")
]
TrialsOption = Annotated[int | None, typer.Option("--trials", "-n", min=0, max=10_000, help="Settings to try.")]


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
        show_facts(entry)


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
    else:
        rows = asking.row_of(_pairs(keys)) if file is None else asking.rows_in(file)
        found = features.get(rows, at="row" if at == "row" else moment(at))
        if file is not None and not as_json:
            typer.echo(found.write_csv(), nl=False)
            return
        values = found.row(0, named=True) if file is None else found.to_dicts()
    if as_json:
        show_json(values)
    else:
        show_facts(values)


def _pairs(keys: list[str] | None) -> dict[str, str]:
    from assay.errors import UsageError

    if not keys:
        raise UsageError("name a row, as in customer_id=C000123, or a file of rows with --keys FILE.")
    return dict(pair.partition("=")[::2] for pair in keys)


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
    found = open_project(project, overrides).features.skew(since=moment(since))
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
