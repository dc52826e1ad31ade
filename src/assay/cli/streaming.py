"""Verbs of streams: publish events, keep online values up to them, look at those that could not be used."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.shell import (
    HERE,
    JsonOption,
    ProjectOption,
    SetOption,
    open_project,
    show_evidence,
    show_json,
    show_table,
    verb,
)

if TYPE_CHECKING:
    from assay.pipelines.streaming import Flow

SHOWN_EVENT = 80
STANDARD_INPUT = Path("-")

TopicOption = Annotated[str, typer.Option("--topic", "-t", help="Topic, as the views name it.")]
deadletters = typer.Typer(name="deadletters", help="Events that could not be used.", no_args_is_help=True)


@verb
def publish(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, one event a line; - for stdin.")],
    topic: TopicOption,
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put events on a topic of the bus."""
    count = open_project(project, overrides).features.publish(topic, _events(source))
    if as_json:
        show_json({"topic": topic, "published": count})
    else:
        typer.echo(f"{topic}: {count:,} events published")


@verb
def stream(
    project: ProjectOption = HERE,
    overrides: SetOption = None,
    once: Annotated[bool, typer.Option("--once", help="End when the topics hold nothing more.")] = False,
    replay_from: Annotated[
        str | None,
        typer.Option("--replay-from", metavar="PLACE", help="Read a topic again from this place, or from start."),
    ] = None,
    topic: Annotated[list[str] | None, typer.Option("--topic", "-t", help="Only this topic; repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep online values up to the events of their topics, until Ctrl-C."""
    opened = open_project(project, overrides)
    ended = opened.features.stream(
        once=once, replay_from=replay_from, topics=topic or (), is_over=_told_to_end(), watch=_watcher()
    )
    show_evidence(ended, as_json=as_json)


@deadletters.command("list")
@verb
def list_letters(
    topic: TopicOption, project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False
) -> None:
    """Events of a topic that could not be used, with the reason."""
    letters = open_project(project, overrides).features.dead_letters(topic)
    if as_json:
        show_json(letters)
    elif letters:
        rows = [(one.position, one.time, one.reason, one.to_json()["event"][:SHOWN_EVENT]) for one in letters]
        show_table(("place", "put aside", "reason", "event"), rows)
    else:
        typer.echo(f"{topic}: no dead letters", err=True)


@deadletters.command("requeue")
@verb
def requeue_letters(
    topic: TopicOption, project: ProjectOption = HERE, overrides: SetOption = None, as_json: JsonOption = False
) -> None:
    """Put the dead letters of a topic back on it, once what was wrong is mended."""
    count = open_project(project, overrides).features.requeue(topic)
    if as_json:
        show_json({"topic": topic, "requeued": count})
    else:
        typer.echo(f"{topic}: {count:,} dead letters put back")


def _events(source: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        DataError: A line holds none; names file and line.
    """
    if source == STANDARD_INPUT:
        yield from _objects("stdin", iter(sys.stdin.buffer))
        return
    with source.open("rb") as file:
        yield from _objects(str(source), iter(file))


def _objects(name: str, lines: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    import orjson

    from assay.errors import DataError

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise DataError(f"{name}, line {number}: not JSON: {error}. The lines before it are published.") from error
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise DataError(f"{name}, line {number}: a {kind}, not an object. The lines before it are published.")
        yield value


def _told_to_end() -> Callable[[], bool]:
    """Whether Ctrl-C or a request to terminate has come; the batch at hand is finished first."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda given, _frame: told.append(given))
    return lambda: bool(told)


def _watcher() -> Callable[[Flow], None]:
    """One line a topic on stderr: written over on a terminal, only when something has changed elsewhere."""
    last: dict[str, tuple[int, str]] = {}
    is_terminal = sys.stderr.isatty()

    def show(flow: Flow) -> None:
        state = (flow.n_messages, flow.problem)
        if not is_terminal and last.get(flow.topic) == state:
            return
        last[flow.topic] = state
        doing = flow.problem or f"{flow.per_second:,.0f} events/s, {flow.backlog:,} waiting"
        line = f"{flow.topic}  {flow.n_messages:,} events, {doing}, {flow.n_dead:,} dead letters"
        typer.echo(f"\r{line}\033[K" if is_terminal else line, err=True, nl=not is_terminal)

    return show
