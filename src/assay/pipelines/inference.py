"""The inference pipeline: versions and online features become predictions, one by one, by file or over HTTP.

Every way to predict goes through the same `Predictor`; what it answers, and on what, is in the prediction log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from assay.data.guard import Guard
from assay.errors import DataError, NotFound, ServiceUnreachable
from assay.features import frame as joined_features
from assay.features import offline
from assay.features.joined import State
from assay.features.layout import Layout
from assay.features.online import OnlineFeatures, Vector
from assay.ledger.evidence import Evidence
from assay.models.bundle import Bundle
from assay.models.model import Model, from_bundle
from assay.pipelines import outages, values
from assay.pipelines.audit import find_version
from assay.pipelines.building import join_of
from assay.pipelines.run import Progress, Step, silent
from assay.pipelines.workspace import Workspace
from assay.release.versions import ModelVersion
from assay.serving import batch, server
from assay.serving.http import create_app
from assay.serving.prediction_log import PredictionLog
from assay.serving.predictor import EntityMissing, Features, LookedUp, Predictor
from assay.serving.rows import row_schema
from assay.serving.service import Production, RequestLimits, Service

MEGABYTE = 1_000_000
DEFAULT_THRESHOLD = 0.5


def predictor_for(
    workspace: Workspace, version: ModelVersion, *, model: Model | None = None, degrades: bool = False
) -> Predictor:
    """Load a version, every byte of it verified, and connect it to the online store, refilled where it was lost.

    Args:
        workspace: The project.
        version: Which one.
        model: The same, if it is loaded already.
        degrades: Whether answers go on, by `serving.unavailable`, while the online store's server is away.
    """
    outages.fill(workspace, workspace.online)
    target = workspace.settings.target
    loaded = model or from_bundle(Bundle.load(workspace.artifacts, version.bundle))
    return Predictor(
        model=loaded,
        version=version.reference,
        features_for=features_reader(workspace, degrades=degrades),
        schema=row_schema(
            loaded.signature,
            entities=target.entity_columns,
            inputs=target.inputs,
            key=target.key,
            time=target.time,
        ),
        deployment=version.deployment,
        threshold=loaded.metadata.get(values.THRESHOLD, DEFAULT_THRESHOLD),
    )


def features_reader(workspace: Workspace, *, degrades: bool = False) -> Features:
    """A function from request rows to the model's inputs, which applies the policies on what is unknown or away."""
    serving = workspace.settings.serving
    reader = OnlineFeatures(
        target=workspace.settings.target,
        definitions=workspace.definitions,
        store=workspace.online,
        fallback=outages.fallback(workspace) if degrades else None,
    )
    reader.prepare()
    columns = {role.name: role.column for role, _ in reader.layout.joins}

    def read(rows: Sequence[Mapping[str, Any]]) -> list[LookedUp]:
        vectors = reader.vectors(rows, now=workspace.clock())
        if serving.missing == "error":
            for number, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
                _refuse_unknown(row, vector, columns, number)
        return [LookedUp(vector.values, vector.states) for vector in vectors]

    return read


def serve(
    workspace: Workspace,
    *,
    host: str | None = None,
    port: int | None = None,
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> None:
    """Answer over HTTP with whatever is in production, until told to stop; the log is sealed at the end.

    Raises:
        ConfigError: The address is beyond loopback and there are no API keys.
        UsageError: The address is taken.
    """
    settings = workspace.settings.serving
    keys = frozenset(settings.api_keys)
    service = Service(
        log=PredictionLog(
            workspace.predictions,
            strict=settings.log == "strict",
            record=workspace.ledger.record,
            clock=workspace.clock,
        ),
        limits=_limits(workspace),
        api_keys=keys,
        models=lambda: [one.to_json() for one in workspace.registry.versions(workspace.settings.name)],
        clock=workspace.clock,
        guard=guard_for(workspace) if settings.expectations != "off" else None,
        enforces=settings.expectations == "enforce",
    )
    outages.watch(workspace, service.measures)
    say(f"serving {workspace.settings.name}; Ctrl-C stops, drains and seals the log")
    try:
        server.serve(
            create_app(service, production=production_of(workspace)),
            host=host or settings.host,
            port=settings.port if port is None else port,
            api_keys=keys,
            announce=announce,
        )
    finally:
        if workspace.online_guard is not None:
            workspace.online_guard.close()


def guard_for(workspace: Workspace) -> Guard:
    """What is declared of the target's source, as far as a request row brings its columns."""
    target = workspace.settings.target
    columns = {target.key, *target.entity_columns, *target.inputs}
    return Guard(workspace.settings.sources[target.source], columns, times=[target.time] if target.time else [])


def production_of(workspace: Workspace) -> Production:
    """How the service learns which version should answer: the ledger's head tells when to look again."""
    name, registry = workspace.settings.name, workspace.registry

    def current() -> tuple[str, str] | None:
        version = registry.production(name)
        return (version.reference, version.deployment) if version else None

    return Production(
        head=workspace.ledger.head,
        current=current,
        load=lambda reference, _deployment: predictor_for(workspace, registry.get(reference), degrades=True),
    )


@contextmanager
def serving_candidate(workspace: Workspace, model: Model, version: ModelVersion) -> Iterator[str]:
    """Serve a version that is not in production from this process, for a trial; its log is thrown away.

    Yields:
        The address of its `/predict`.
    """
    with TemporaryDirectory(prefix="assay-trial-") as folder:
        service = Service(log=PredictionLog(Path(folder)), limits=_limits(workspace), clock=workspace.clock)
        service.swap(predictor_for(workspace, version, model=model))
        with server.background(create_app(service)) as url:
            yield f"{url}/predict"


def request_rows(workspace: Workspace, rows: pl.DataFrame, features: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as a client would send them that knows every feature itself, with their entities beside."""
    return rows.select(list(dict.fromkeys([*workspace.settings.target.entity_columns, *features]))).to_dicts()


def predict_frame(workspace: Workspace, rows: pl.DataFrame, reference: str | None) -> pl.DataFrame:
    """The rows with `value`, `probability` and `model` beside them; their order and columns are kept.

    Raises:
        DataError: A column that is needed to look features up is missing.
    """
    return batch.predict_frame(predictor_for(workspace, find_version(workspace, reference)), rows)


def predict_file(
    workspace: Workspace, source: Path, output: Path, reference: str | None, *, progress: Progress = silent
) -> Evidence:
    """Score a file into a file, and record which version scored how many rows."""
    version = find_version(workspace, reference)
    predictor = predictor_for(workspace, version)
    done = batch.predict_file(
        source, output, predictor=predictor, progress=lambda rows: progress(Step("predicting", rows))
    )
    return workspace.ledger.record(
        Evidence(
            kind="serving.batch",
            subject=version.subject,
            verdict="info",
            summary=f"{done.rows:,} rows of {source.name} scored by {version.reference} into {output.name}",
            figures={"rows": done.rows, "resumed_rows": done.resumed_rows, "output": output.name},
            parents=(version.deployment,),
        )
    )


def history(workspace: Workspace, keys: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Join the named features, or all, to rows with the target's time and entity columns, as they were known then."""
    target = workspace.settings.target
    joined, features = joined_features.training_frame(
        keys,
        target=target,
        definitions=workspace.definitions,
        rows_of=lambda view: offline.stored(view, workspace.tables),
        join_rows=join_of(workspace),
    )
    return joined.select(*keys.columns, *(_known(names, features) or features))


def latest(workspace: Workspace, keys: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The model's inputs for rows with the target's entity columns, as a request would see them now.

    Raises:
        DataError: A row has a column that no request has.
        NotFound: A name is no feature.
    """
    reader, vectors = _looked_up(workspace, keys)
    wanted = _known(names, reader.layout.model_features) or reader.layout.model_features
    return [{name: vector.values[name] for name in wanted} for vector in vectors]


def states(workspace: Workspace, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, State]]:
    """Which views' values are not simply there for each row: `role.view` to its state; the errors of `latest`."""
    return [dict(vector.states) for vector in _looked_up(workspace, keys)[1]]


def _looked_up(workspace: Workspace, keys: Sequence[Mapping[str, Any]]) -> tuple[OnlineFeatures, list[Vector]]:
    reader = OnlineFeatures(target=workspace.settings.target, definitions=workspace.definitions, store=workspace.online)
    _refuse_unknown_columns(keys, reader.layout, key=workspace.settings.target.key)
    return reader, reader.vectors(keys, now=workspace.clock())


def _limits(workspace: Workspace) -> RequestLimits:
    settings = workspace.settings.serving
    return RequestLimits(
        max_rows=settings.max_rows,
        max_body_bytes=int(settings.max_body_mb * MEGABYTE),
        deadline_seconds=settings.deadline.total_seconds(),
    )


def _refuse_unknown(row: Mapping[str, Any], vector: Vector, columns: Mapping[str, str], number: int) -> None:
    """Raise where every view of a role is missing its entity, or nobody can say whether it is."""
    by_role: dict[str, list[str]] = {}
    for place, state in vector.states.items():
        by_role.setdefault(place.partition(".")[0], []).append(state)
    for role, states in by_role.items():
        if all(state == "unavailable" for state in states):
            raise ServiceUnreachable(f"the online store is away, and nothing is remembered of {columns[role]}.")
        if all(state == "missing" for state in states):
            column = columns[role]
            raise EntityMissing(row=number, field=column, key=row.get(column))


def _refuse_unknown_columns(rows: Sequence[Mapping[str, Any]], layout: Layout, *, key: str) -> None:
    """Raise where a row has a column that neither names an entity nor brings an input or a feature."""
    entities = list(dict.fromkeys(role.column for role, _ in layout.joins))
    also = [*layout.inputs, *([layout.time] if layout.time else []), key]
    unknown = sorted({column for row in rows for column in row} - {*entities, *also, *layout.joined_columns})
    if unknown:
        raise DataError(
            f"no column of a row is called {unknown}. Entities: {', '.join(entities)}; a row may also have "
            f"{', '.join(dict.fromkeys(also))}, or a feature under its own name."
        )


def _known(names: Sequence[str], features: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in features]
    if unknown:
        raise NotFound(f"no feature is called {unknown}. `assay features list` shows those there are.")
    return list(names)
