"""The `assay` command: the list of verbs, and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from assay.cli import experiments, features, ledger, models, monitoring, project, serving, shell, training


class Verbs(TyperGroup):
    """The verbs under their headings, as plain text: rich would double the time that `--help` takes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 the signature is click's
        """Write one section a panel, in the order the verbs were registered."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.commands:
            command = self.commands[name]
            panel = getattr(command, "rich_help_panel", None) or "Commands"
            sections.setdefault(str(panel), []).append((name, command.get_short_help_str(90)))
        for panel, rows in sections.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


app = typer.Typer(
    name="assay",
    cls=Verbs,
    rich_markup_mode=None,
    add_completion=False,
    help="From a problem brief to a monitored model, with the proof kept.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

START, WORK, RELEASE, WATCH = "Start", "Build and train", "Release and serve", "Watch and prove"

app.command(rich_help_panel=START)(project.demo)
app.command(rich_help_panel=START)(project.init)
app.command(rich_help_panel=START)(project.check)
app.command(rich_help_panel=START)(project.frame)
app.command(rich_help_panel=START)(project.select)
app.command(rich_help_panel=WORK)(project.assess)
app.add_typer(features.features, name="features", rich_help_panel=WORK)
app.command(rich_help_panel=WORK)(training.train)
app.command(rich_help_panel=WORK)(training.evaluate)
app.add_typer(experiments.experiments, name="experiments", rich_help_panel=WORK)
app.command(rich_help_panel=WORK)(experiments.reproduce)
app.command(rich_help_panel=WORK)(training.run)
app.command(rich_help_panel=RELEASE)(models.models)
app.command(rich_help_panel=RELEASE)(models.promote)
app.command(rich_help_panel=RELEASE)(models.rollback)
app.command(rich_help_panel=RELEASE)(models.card)
app.command(rich_help_panel=RELEASE)(serving.serve)
app.command(rich_help_panel=RELEASE)(serving.predict)
app.command(rich_help_panel=WATCH)(monitoring.drift)
app.command(rich_help_panel=WATCH)(monitoring.monitor)
app.command(rich_help_panel=WATCH)(monitoring.goals)
app.command(rich_help_panel=WATCH)(monitoring.report)
app.command(rich_help_panel=WATCH)(monitoring.retrain)
app.add_typer(ledger.ledger, name="ledger", rich_help_panel=WATCH)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """From a problem brief to a monitored model, with the proof kept."""
    if version:
        from assay import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point of the console script; a wrong call, too, is one JSON document where one was asked for."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = 1
    except Exception as wrong:
        code = _tell_usage(wrong)
    sys.exit(code if isinstance(code, int) else 0)


def _tell_usage(wrong: Exception) -> int:
    """Say what was wrong with the call: typer's own exceptions, whose class has moved between its releases."""
    if not (hasattr(wrong, "format_message") and hasattr(wrong, "show")):
        raise wrong
    wrong.show()
    code = int(getattr(wrong, "exit_code", 2))
    if "--json" in sys.argv:
        shell.show_json(shell.Refusal("UsageError", str(wrong.format_message()), code))
    return code
