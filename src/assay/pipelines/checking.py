"""`assay check`: would a run work here? Everything that a run rests on is tried, and nothing is changed.

Reads settings, definitions, sources and stores. Every part answers for itself: one look shows all that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial

import polars as pl

from assay.data import expectations, sources
from assay.engines import require_installed
from assay.errors import AssayError, NotFound, UsageError
from assay.features.definitions import FeatureView
from assay.features.frame import training_frame
from assay.features.layout import layout_of
from assay.features.materialize import compute
from assay.features.partitions import partition_columns
from assay.framing import brief
from assay.ledger.evidence import Evidence
from assay.metrics.index import metric_named
from assay.models.frame import LabelledFrame
from assay.pipelines import behaving, topics
from assay.pipelines.frames import label_columns
from assay.pipelines.measuring import primary_metric, refuse_unknown_slices, task_of
from assay.pipelines.run import without_passwords
from assay.pipelines.workspace import Workspace
from assay.training.estimators import estimators_named
from assay.training.prepare import refuse_unknown_inputs

STORES = ("ledger", "artifacts", "tables", "online")
SHOWN_TYPES = 4  # features of a view on its line
NO_DIGEST = "0" * 64  # of nothing: asking for it shows whether the store answers


def check(workspace: Workspace) -> list[Evidence]:
    """Try everything that a run rests on, and say of each part whether it is ready."""
    settings = workspace.settings
    found = [
        _tried("check.settings", "settings:assay.yaml", lambda: f"{settings.name}, {len(settings.sources)} sources")
    ]
    found.append(brief.complete(settings.brief))
    found.append(_tried("check.definitions", f"file:{settings.features}", lambda: _definitions(workspace)))
    found.append(_tried("check.training", "settings:training", lambda: _training(workspace)))
    found += [_tried("check.source", f"source:{name}", partial(_source, workspace, name)) for name in settings.sources]
    if all(one.verdict != "fail" for one in found):
        found += _together(workspace)
    streaming = _topics(workspace)
    found += [
        _tried("check.stream", f"topic:{topic}", partial(topics.describe, workspace, topic)) for topic in streaming
    ]
    stores = (*STORES, "bus") if streaming else STORES
    return found + [_tried("check.store", f"store:{name}", partial(_opened, workspace, name)) for name in stores]


def _together(workspace: Workspace) -> list[Evidence]:
    """Does what is sound by itself fit together? Asked only then, for else one mistake would be told many times."""
    settings = workspace.settings
    declared = settings.sources.items()
    schemas = {name: sources.read(name, one, workspace.folder).collect_schema() for name, one in declared}
    empty = {name: pl.LazyFrame(schema=schema) for name, schema in schemas.items()}
    rows = cache(partial(_rows, workspace))
    found = [_tried("check.target", f"target:{settings.target.label}", lambda: _target(workspace, rows()))]
    if settings.evaluation.behaviour:
        found.append(_tried("check.behaviour", f"settings:{behaving.FIELD}", lambda: _behaviour(workspace, rows())))
    found.append(_tried("check.engine", f"engine:{workspace.engine.name}", lambda: _engine(workspace, schemas)))
    found += [
        _tried("check.view", f"view:{view.name}", partial(_view, view, empty)) for view in workspace.definitions.views
    ]
    if all(one.verdict != "fail" for one in found):
        found.append(
            _tried("check.features", "features:training frame", lambda: _frame(workspace, rows().clear(), empty))
        )
    return found


def _topics(workspace: Workspace) -> list[str]:
    """Topics of the views; none where the definitions cannot be read, which was said already."""
    with suppress(AssayError):
        return topics.streaming_topics(workspace)
    return []


def _tried(kind: str, subject: str, work: Callable[[], str]) -> Evidence:
    try:
        return Evidence(kind, subject, "pass", f"{subject.partition(':')[2]}: {work()}")
    except AssayError as error:
        return Evidence(kind, subject, "fail", str(error))


def _definitions(workspace: Workspace) -> str:
    definitions = workspace.definitions
    views, request_views = definitions.views, definitions.request_views
    n_features = sum(len(one.features) for one in views) + sum(len(one.features) for one in request_views)
    declared = workspace.settings.sources
    unknown = [f"{view.place}: view '{view.name}' reads source '{name}'" for view in views for name in view.sources
               if name not in declared]  # fmt: skip
    if unknown:
        raise UsageError(f"{'; '.join(unknown)}. assay.yaml declares {', '.join(declared)}. Correct one or the other.")
    features = layout_of(workspace.settings.target, definitions).model_features
    ignored = [name for name in workspace.settings.monitoring.ignore if name not in features]
    if ignored:
        raise UsageError(f"monitoring.ignore: {ignored} are no features of the model; it reads {list(features)}.")
    return f"{n_features} documented features in {len(views) + len(request_views)} views"


def _training(workspace: Workspace) -> str:
    """Estimators, metrics, the inputs of transforms and the rule of the brief, by name."""
    settings, task = workspace.settings, task_of(workspace)
    estimators = estimators_named(settings.training.estimators, task=task)
    for metric in (primary_metric(workspace), *settings.evaluation.secondary):
        metric_named(metric, task=task)
    if settings.training.transforms:
        inputs = layout_of(settings.target, workspace.definitions).model_features
        refuse_unknown_inputs(settings.training, inputs)
    if settings.brief.baseline.startswith("rules:"):
        module = settings.rules.removesuffix(".py")
        workspace.function(f"{module}:{settings.brief.baseline.removeprefix('rules:')}", field="brief.baseline")
    return f"{', '.join(one.name for one in estimators)} judged by {primary_metric(workspace)}"


def _source(workspace: Workspace, name: str) -> str:
    """The columns are there, and every rule fits them; the rows themselves are judged by `assay assess`."""
    source = workspace.settings.sources[name]
    frame = sources.read(name, source, workspace.folder)
    expectations.check(name, frame.head(0), source)
    return f"{len(frame.collect_schema())} columns, {len(source.expectations)} expectations"


def _rows(workspace: Workspace) -> pl.DataFrame:
    name = workspace.settings.target.source
    return label_columns(workspace, sources.read(name, workspace.settings.sources[name], workspace.folder))


def _target(workspace: Workspace, rows: pl.DataFrame) -> str:
    target = workspace.settings.target
    features = layout_of(target, workspace.definitions)
    refuse_unknown_slices(
        workspace.settings.evaluation.slices, (*rows.columns, *features.joined_columns, *features.model_features)
    )
    truth = LabelledFrame(rows, target.key, target.label, (), target.time).truth  # refuses text now, not after a build
    return f"{len(truth):,} rows to predict, {len(rows.columns)} columns"


def _behaviour(workspace: Workspace, rows: pl.DataFrame) -> str:
    return behaving.try_declarations(workspace, rows.columns)


def _view(view: FeatureView, empty: Mapping[str, pl.LazyFrame]) -> str:
    """Its function runs, on no rows: the columns that it reads are there, and those that it declares come out."""
    types = compute(view, empty).schema
    rest = len(view.features) - SHOWN_TYPES
    shown = ", ".join(f"{name} {types[name]}" for name in list(view.features)[:SHOWN_TYPES])
    return shown + (f" (and {rest} more)" if rest > 0 else "")


def _frame(workspace: Workspace, rows: pl.DataFrame, empty: Mapping[str, pl.LazyFrame]) -> str:
    """The views join to the rows to predict, and the request views run on what that gives; again on no rows."""
    target, definitions = workspace.settings.target, workspace.definitions
    _, names = training_frame(
        rows, target=target, definitions=definitions, rows_of=lambda view: compute(view, empty).lazy()
    )
    return f"{len(names)} columns for the model"


def _engine(workspace: Workspace, schemas: Mapping[str, pl.Schema]) -> str:
    """Its library is installed, and columns that views declare for partitions are there; no cluster is asked."""
    require_installed(workspace.engine.name)
    views = workspace.definitions.views
    cut = [view for view in views if partition_columns(view, schemas)]
    return f"{len(cut)} of {len(views)} views can be computed in partitions"


def _opened(workspace: Workspace, name: str) -> str:
    store = getattr(workspace, name)
    if name == "artifacts":
        with suppress(NotFound):
            store.get(NO_DIGEST)
    if name == "tables":
        store.version("assay_check")
    configured = getattr(workspace.settings.stores, name)
    return without_passwords(configured) if configured else "in .assay, this project's own"
