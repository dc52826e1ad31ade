"""Which keys exist where: the settings models walked as a tree, for suggestions and for the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from assay.config.settings import Section, Settings

ANY_NAME = "<name>"
ANY_INDEX = "<index>"


def section_at(path: Sequence[str | int]) -> type[Section] | None:
    """The model whose keys stand directly below `path`; None where that is no section."""
    annotation: Any = Settings
    for step in path:
        annotation = _below(annotation, step)
    return next((one for one in _choices(annotation) if _is_section(one)), None)


@cache
def all_sections() -> tuple[tuple[tuple[str, ...], type[Section]], ...]:
    """Every section with its path, top first; `<name>` and `<index>` stand for what a project chooses."""
    return tuple(_sections(Settings, ()))


def homes_of(key: str) -> list[str]:
    """Paths of the sections that know `key`, dotted; the top level is ""."""
    return [".".join(path) for path, section in all_sections() if key in section.model_fields]


def _sections(annotation: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[Section]]]:
    for choice in _choices(annotation):
        if _is_section(choice):
            yield path, choice
            for name, field in choice.model_fields.items():
                yield from _sections(field.annotation, (*path, name))
        elif get_origin(choice) is dict:
            yield from _sections(get_args(choice)[1], (*path, ANY_NAME))
        elif get_origin(choice) is tuple:
            yield from _sections(get_args(choice)[0], (*path, ANY_INDEX))


def _below(annotation: Any, step: str | int) -> Any:
    """The annotation of what stands at `step` in a value of this annotation; None where nothing can."""
    for choice in _choices(annotation):
        if _is_section(choice) and step in choice.model_fields:
            return choice.model_fields[str(step)].annotation
        if get_origin(choice) is dict:
            return get_args(choice)[1]
        if get_origin(choice) is tuple and isinstance(step, int):
            return get_args(choice)[0]
    return None


def _choices(annotation: Any) -> list[Any]:
    """The alternatives of a union, metadata stripped; one for anything else."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return [choice for one in get_args(annotation) for choice in _choices(one)]
    return [annotation]


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
