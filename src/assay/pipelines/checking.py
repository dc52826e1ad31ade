"""`assay check`: would a run work here? Everything that a run rests on is tried, and nothing is changed.

Reads settings, definitions, sources and stores. Every part answers for itself: one look shows all that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import polars as pl

from assay.data import expectations, sources
from assay.engines import require_installed
from assay.errors import AssayError, NotFound, UsageError
from assay.features.layout import layout_of
from assay.features.partitions import partition_columns
from assay.framing import brief
from assay.ledger.evidence import Evidence
from assay.metrics.index import metric_named
from assay.pipelines import behaving, topics
from assay.pipelines.frames import label_columns
from assay.pipelines.measuring import primary_metric, refuse_unknown_slices, task_of
from assay.pipelines.workspace import Workspace
from assay.training.estimators import estimators_named
from assay.training.prepare import refuse_unknown_inputs

STORES = ("ledger", "artifacts", "tables", "online")
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
        found.append(_tried("check.target", f"target:{settings.target.label}", lambda: _target(workspace)))
        if settings.evaluation.behaviour:
            found.append(_tried("check.behaviour", f"settings:{behaving.FIELD}", lambda: _behaviour(workspace)))
        found.append(_tried("check.engine", f"engine:{workspace.engine.name}", lambda: _engine(workspace)))
    streaming = _topics(workspace)
    found += [
        _tried("check.stream", f"topic:{topic}", partial(topics.describe, workspace, topic)) for topic in streaming
    ]
    stores = (*STORES, "bus") if streaming else STORES
    return found + [_tried("check.store", f"store:{name}", partial(_opened, workspace, name)) for name in stores]


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
    unknown = {name for view in views for name in view.sources} - set(workspace.settings.sources)
    if unknown:
        raise UsageError(f"views read sources that assay.yaml does not declare: {sorted(unknown)}.")
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
    target = workspace.settings.target
    return label_columns(
        workspace, sources.read(target.source, workspace.settings.sources[target.source], workspace.folder)
    )


def _target(workspace: Workspace) -> str:
    target = workspace.settings.target
    rows = _rows(workspace)
    features = layout_of(target, workspace.definitions)
    refuse_unknown_slices(
        workspace.settings.evaluation.slices, (*rows.columns, *features.joined_columns, *features.model_features)
    )
    return f"{rows.height:,} rows to predict, {len(rows.columns)} columns"


def _behaviour(workspace: Workspace) -> str:
    return behaving.try_declarations(workspace, _rows(workspace).columns)


def _engine(workspace: Workspace) -> str:
    """Its library is installed, and columns that views declare for partitions are there; no cluster is asked."""
    require_installed(workspace.engine.name)
    views, declared = workspace.definitions.views, workspace.settings.sources
    schemas = {name: sources.read(name, one, workspace.folder).collect_schema() for name, one in declared.items()}
    cut = [view for view in views if partition_columns(view, schemas)]
    return f"{len(cut)} of {len(views)} views can be computed in partitions"


def _opened(workspace: Workspace, name: str) -> str:
    store = getattr(workspace, name)
    if name == "artifacts":
        with suppress(NotFound):
            store.get(NO_DIGEST)
    if name == "tables":
        store.version("assay_check")
    return type(store).__name__
