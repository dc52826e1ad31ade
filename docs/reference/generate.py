"""Writes the pages of the reference that are made from the code: command line, configuration, Python, decisions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mkdocs_gen_files
from typer.main import get_command

from assay.cli.main import app
from assay.config.reference import reference_page

ROOMS = (
    "framing", "data", "features", "training", "evaluation", "release", "serving", "monitoring",
    "models", "metrics", "pages", "ledger", "stores", "engines", "config", "pipelines", "integrations",
)  # fmt: skip
SOURCE = Path("src/assay")
DEFINITIONS = "assay.features.definitions"


def command_line() -> str:
    """The help of every verb, as the program prints it."""
    lines = [
        "# Command line\n",
        "Every verb takes `--project DIR`, `--set KEY.PATH=VALUE` (repeatable) and `--json`; results go to stdout,",
        "progress and errors to stderr.\n",
        "| exit code | means |\n| --- | --- |",
        "| 0 | done |\n| 1 | failed |\n| 2 | usage or configuration |\n| 3 | a gate said no |",
        "| 4 | a kill criterion fired |\n| 5 | a required service is unreachable |\n",
    ]
    for title, verb in _verbs("assay", get_command(app)):
        context = verb.make_context(title, [], resilient_parsing=True)
        lines.append(f"## {title}\n\n```text\n{verb.get_help(context)}\n```\n")
    return "\n".join(lines)


def _verbs(title: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every verb below a command with its whole name, groups within groups too."""
    if not hasattr(command, "commands") or (command.invoke_without_command and title != "assay"):
        yield title, command
    for name, part in getattr(command, "commands", {}).items():
        yield from _verbs(f"{title} {name}", part)


def python_reference() -> str:
    """Every room's modules, from their docstrings."""
    lines = ["# Python\n", "What users import is `assay` itself; the rooms can be used alone, in a notebook, say.\n"]
    lines += ["## assay\n", *map(_entry, modules_of("project")), _entry(DEFINITIONS)]
    for room in ROOMS:
        lines += [f"## assay.{room}\n", *(_entry(name) for name in modules_of(room) if name != DEFINITIONS)]
    return "\n".join(lines)


def modules_of(room: str) -> list[str]:
    """Dotted names of a room's modules, those of its inner rooms too."""
    paths = sorted(path for path in (SOURCE / room).rglob("*.py") if path.stem != "__init__")
    return [".".join(("assay", *path.relative_to(SOURCE).with_suffix("").parts)) for path in paths]


def _entry(module: str) -> str:
    return f"::: {module}\n"


def decisions() -> str:
    """The records of hard choices, oldest first."""
    lines = ["# Decisions\n", "What was hard to choose, why it was chosen so, and what else was weighed.\n"]
    for path in sorted(Path("docs/decisions").glob("[0-9]*.md")):
        title = path.read_text().splitlines()[0].lstrip("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines)


PAGES = {
    "reference/command-line.md": command_line,
    "reference/configuration.md": reference_page,
    "reference/python.md": python_reference,
    "decisions/index.md": decisions,
}
for page, write in PAGES.items():
    with mkdocs_gen_files.open(page, "w") as file:
        file.write(write())
