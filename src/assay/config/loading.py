"""Reading assay.yaml: bytes, document, overrides, variables, types, cross-checks; every problem told at once.

Each step has its own file; this one is the order they come in and the message that ends a bad one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from assay.config.checks import check
from assay.config.document import MAX_BYTES, Node, Problem, Unreadable, plain_values, read_document
from assay.config.overrides import apply, from_environment, from_flags
from assay.config.problems import explain, node_at, place_of
from assay.config.settings import Settings
from assay.config.variables import expand
from assay.errors import ConfigError

FILE_NAME = "assay.yaml"
MOST_SHOWN = 30


def load(folder: Path, *, overrides: Sequence[str] = (), environment: Mapping[str, str]) -> Settings:
    """Read the project's settings; a flag wins over a variable, a variable over the file, the file over defaults.

    Args:
        folder: The project; holds assay.yaml.
        overrides: `key.path=value` each, the value in YAML; list items by index: `sources.games.key.0=game_id`.
        environment: Where `${VAR}` and `ASSAY__KEY__PATH` are looked up.

    Raises:
        ConfigError: The file is missing or wrong; the message lists every problem with line, field and remedy.
    """
    return load_text(read_text(folder), folder=folder, overrides=overrides, environment=environment)


def read_text(folder: Path) -> str:
    """The text of the folder's assay.yaml.

    Raises:
        ConfigError: There is none, or it is not a text file of reasonable size.
    """
    path = folder / FILE_NAME
    try:
        if not path.is_file():
            raise ConfigError(_absence(folder))
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes; this is no settings file.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). Correct its permissions or its path.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}  not UTF-8 text; save the file in that encoding.") from None


def load_text(
    text: str, *, folder: Path = Path(), overrides: Sequence[str] = (), environment: Mapping[str, str]
) -> Settings:
    """Read settings from the text of an assay.yaml; `folder` only appears in messages.

    Raises:
        ConfigError: The text is wrong; see `load`.
    """
    try:
        root, problems = read_document(text, name=FILE_NAME)
    except Unreadable as error:
        raise ConfigError(render([error.problem], folder)) from None
    if not isinstance(root.value, dict):
        refusal = Problem(root.place, (), "must hold keys such as `name:` and `brief:`, not a single value or a list.")
        raise ConfigError(render([refusal], folder))
    flags, found = from_flags(overrides)
    problems.extend(found)
    root, found = apply(root, [*from_environment(environment), *flags])
    problems.extend(found)
    root, unset = expand(root, environment)
    settings, found = _validate(root)
    unknown = {one.path for one in unset}  # what an unset variable would have held cannot be judged
    problems.extend([*unset, *(one for one in found if one.path not in unknown)])
    if settings is None or problems:
        raise ConfigError(render(problems, folder))
    return settings


def render(problems: Sequence[Problem], folder: Path) -> str:
    """Every problem on a line, in the order of the file, flags and variables last."""
    unique = list(dict.fromkeys(problems))
    ordered = sorted(unique, key=lambda one: (not one.place.line, one.place.line, one.place.column))
    lines = [f"  {one}" for one in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        lines.append(f"  and {len(ordered) - MOST_SHOWN} more")
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    return "\n".join([f"{folder / FILE_NAME}: {count}", *lines])


def _validate(root: Node) -> tuple[Settings | None, list[Problem]]:
    """Type the tree; what the types refuse is left out once, so that the cross-checks can judge the rest."""
    try:
        settings = Settings.model_validate(plain_values(root))
        return settings, _cross_check(settings, root, [])
    except ValidationError as error:
        refused = explain(error, root)
    values = plain_values(root)
    for path in reversed(dict.fromkeys(refused.paths)):  # from the end, so that the indices of a list hold
        _leave_out(values, path, refused.meant.get(path))
    try:
        settings = Settings.model_validate(values)
    except ValidationError:
        return None, refused.problems
    unread = [path for path in refused.paths if path not in refused.meant]
    return None, refused.problems + _cross_check(settings, root, unread)


def _cross_check(settings: Settings, root: Node, refused: Sequence[tuple[str | int, ...]]) -> list[Problem]:
    """Problems between keys, without those that rest on a value which the types refused already."""
    return [
        Problem(place_of(root, one.path), one.path, one.message)
        for one in check(settings)
        if not any(_touches(path, read, root) for path in refused for read in (one.path, *one.reads))
    ]


def _touches(refused: tuple[str | int, ...], read: tuple[str | int, ...], root: Node) -> bool:
    """Whether a refused value holds what was read, or may be the misspelt name of an absent key that was read."""
    if refused == read[: len(refused)]:
        return True
    return refused[:-1] == read[:-1] and node_at(root, read) is None


def _leave_out(values: object, path: Sequence[str | int], meant: str | None) -> None:
    """Take what stands at `path` out of the values, or give it the key that was meant."""
    for step in path[:-1]:
        if isinstance(values, dict):
            values = values.get(step)
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
    if isinstance(values, dict) and path:
        value = values.pop(path[-1], None)
        if meant is not None:
            values[meant] = value
    elif isinstance(values, list) and path and isinstance(path[-1], int) and path[-1] < len(values):
        del values[path[-1]]


def _absence(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: no such folder. Give the project's folder with --project."
    others = [name for name in ("assay.yml", "assay.json", "Assay.yaml") if (folder / name).exists()]
    if others:
        return f"{folder}: holds {others[0]}, but the file must be called {FILE_NAME}; rename it."
    return (
        f"{folder}: holds no {FILE_NAME}. Go to a project's folder, name one with --project, or make one: `assay init`."
    )
