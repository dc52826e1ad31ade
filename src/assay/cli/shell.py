"""What every verb shares: its common options, opening the project, errors as exit codes, progress on stderr.

Decides nothing. Heavy imports happen inside the verbs, so that `assay --help` stays under 0.2 s.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

if TYPE_CHECKING:
    from assay.errors import AssayError
    from assay.ledger.evidence import Evidence
    from assay.pipelines.run import Progress
    from assay.project import Project

P = ParamSpec("P")

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="Folder with assay.yaml.", show_default=False)]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="KEY.PATH=VALUE", help="Override assay.yaml; repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="Pretend it is this moment: later rows are not read.")
]
HERE = Path()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as `--json` prints it."""

    kind: str
    message: str
    exit_code: int

    def to_json(self) -> dict[str, Any]:
        return {"error": self.kind, "message": self.message, "exit_code": self.exit_code}


def verb(function: Callable[P, int | None]) -> Callable[P, None]:
    """Turn what a verb returns or raises into an exit code, with errors on stderr (and on stdout under --json)."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        from assay.errors import AssayError

        try:
            code = function(*args, **kwargs) or 0
        except BrokenPipeError:
            sys.stderr.close()
            code = 1
        except (AssayError, OSError) as error:
            from assay.ledger.rendering import harmless

            refusal = _refusal(error)
            typer.echo(f"error: {harmless(refusal.message)}", err=True)
            if kwargs.get("as_json"):
                show_json(refusal)
            code = refusal.exit_code
        except Exception as error:
            traceback.print_exc()
            defect = Refusal(
                "Defect", f"a defect in Assay or in the project's code: {type(error).__name__}: {error}", 1
            )
            typer.echo(f"error: {defect.message}. Where is shown above.", err=True)
            if kwargs.get("as_json"):
                show_json(defect)
            code = defect.exit_code
        except KeyboardInterrupt:
            typer.echo("interrupted; what was finished is kept, and the same command goes on from there", err=True)
            code = 130
        raise typer.Exit(code)

    return guarded


def _refusal(error: AssayError | OSError) -> Refusal:
    if isinstance(error, OSError):
        message = f"the system refused: {error}. Check that the path exists, may be written and has room."
        return Refusal("SystemRefused", message, 1)
    return Refusal(type(error).__name__, str(error), error.exit_code)


def open_project(folder: Path, overrides: Sequence[str] | None = None) -> Project:
    """Open the project; the only place where the command line reads the environment."""
    from assay.project import Project

    return Project.open(folder, overrides=overrides or (), environment=os.environ)


def moment(text: str | None, option: str = "--as-of") -> datetime | None:
    """Read the value of an option: an ISO date or time, UTC where no zone is given.

    Raises:
        UsageError: It is neither.
    """
    if text is None:
        return None
    from assay.errors import UsageError

    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text!r} is not a date or time such as 2025-06-30 or 2025-06-30T12:00") from None


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    from assay.ledger.evidence import plain

    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def show_evidence(evidences: Sequence[Evidence], *, as_json: bool) -> None:
    """Evidence as aligned lines, or as a JSON list."""
    if as_json:
        show_json([one.to_json() for one in evidences])
        return
    for one in evidences:
        typer.echo(one.line())


def show_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows under headings, columns as wide as their widest cell; numbers to the right."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(cells[i]) for cells in (list(headings), *texts)) for i in range(len(headings))]
    numeric = [all(isinstance(row[i], int | float) for row in rows) and bool(rows) for i in range(len(headings))]
    for cells in (list(headings), *texts):
        aligned = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cells, widths, numeric, strict=True)]
        typer.echo("  ".join(aligned).rstrip())


def show_facts(facts: Mapping[str, Any]) -> None:
    """One fact a line, names aligned."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        typer.echo(f"  {name.ljust(width)}  {_cell(value)}")


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal; one line a stage where it is not."""
    from assay.pipelines.run import Step

    if not sys.stderr.isatty():
        last = ""

        def line(step: Step) -> None:
            nonlocal last
            if step.stage != last:
                last = step.stage
                typer.echo(f"… {step.stage}", err=True)

        yield line
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description:<16}"), BarColumn(24), MofNCompleteColumn())
    ending = (TimeElapsedColumn(), TextColumn("[dim]{task.fields[note]}"))
    with Bars(*columns, *ending, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(step: Step) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bars.add_task(step.stage, total=step.of or None, note="")
            bars.update(tasks[step.stage], completed=step.done, total=step.of or None, note=step.note)

        yield show


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    from assay.ledger.rendering import harmless

    return harmless(str(value))
