"""A project's Python as text, so that a worker on another machine runs the very definitions that the driver has.

No function is pickled: the files of the project's folder travel, are written down where the worker runs, and loaded
as the driver loads them. The digest of the view's code must come out the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from assay.errors import ConfigError
from assay.features.definitions import Definitions, FeatureView, load_definitions

MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class ShippedCode:
    """The Python files of a project.

    Attributes:
        files: Path below the project's folder and text of each, sorted.
        entry: Path of the definitions file among them.
    """

    files: tuple[tuple[str, str], ...]
    entry: str


@dataclass(frozen=True, slots=True)
class ShippedView:
    """A view of a project, by name, with the code that it comes from and the digest that it must have."""

    code: ShippedCode
    name: str
    digest: str


def pack(definitions: Path) -> ShippedCode:
    """Read the project's Python files: those in the folder of the definitions file, and in its packages.

    Raises:
        ConfigError: They are larger together than code should be.
    """
    folder = definitions.resolve().parent
    files = tuple((str(path.relative_to(folder)), path.read_text(encoding="utf-8")) for path in _python(folder))
    size = sum(len(text) for _, text in files)
    if size > MOST_BYTES:
        raise ConfigError(
            f"{folder} holds {size / 1e6:.0f} MB of Python, and at most {MOST_BYTES / 1e6:.0f} MB go to workers. Move "
            f"what does not belong to {definitions.name} elsewhere."
        )
    return ShippedCode(files, definitions.name)


def unpack(view: ShippedView) -> FeatureView:
    """The view, loaded from its code in this process.

    Raises:
        ConfigError: The code fails here, or gives another view than the driver has.
    """
    found = [one for one in _loaded(view.code).views if one.name == view.name]
    if not found or found[0].digest != view.digest:
        raise ConfigError(
            f"view '{view.name}' is not on this worker what it is on the driver: its definition depends on more than "
            "the project's Python files. Take constants from the code, not from the machine."
        )
    return found[0]


@lru_cache(maxsize=8)
def _loaded(code: ShippedCode) -> Definitions:
    """Run the definitions; their files are needed no longer than that."""
    with TemporaryDirectory(prefix="assay-code-") as folder:
        for name, text in code.files:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_definitions(Path(folder, code.entry))


def _python(folder: Path) -> Iterator[Path]:
    """Files `*.py` of the folder and of the packages in it, sorted; nothing hidden, no environment."""
    yield from sorted(folder.glob("*.py"))
    for package in sorted(path.parent for path in folder.glob("*/__init__.py")):
        if not package.name.startswith((".", "_")):
            yield from sorted(package.rglob("*.py"))
