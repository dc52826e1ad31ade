"""Assay: from a problem brief to a monitored model, with the proof kept.

Everything a user imports is here: `assay.open` for a project, `feature_view`, `request_view` and `Feature` for its
definitions, `behaviour_test` for its behavioural tests. Each name is imported when it is first used, so that
`import assay` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.evaluation.behaviour.declared import behaviour_test
    from assay.features.definitions import Feature, feature_view, request_view
    from assay.project import Project
    from assay.project import open_project as open  # noqa: A004 the public name is assay.open

__version__ = "0.1.0"
__all__ = ["Feature", "Project", "__version__", "behaviour_test", "feature_view", "open", "request_view"]

_HOMES = {
    "Feature": ("assay.features.definitions", "Feature"),
    "Project": ("assay.project", "Project"),
    "behaviour_test": ("assay.evaluation.behaviour.declared", "behaviour_test"),
    "feature_view": ("assay.features.definitions", "feature_view"),
    "open": ("assay.project", "open_project"),
    "request_view": ("assay.features.definitions", "request_view"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute {name!r}; it offers {', '.join(__all__)}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
