"""Tracing back: from a prediction, a version, an experiment or a record to everything that it was made from.

The ledger's graph leads to the records; for a prediction the stored rows are read too, and computed anew, so that the
answer ends at rows of a source. Who else was touched by such rows is the other direction: `impact`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from assay.errors import NotFound
from assay.ledger.evidence import Evidence
from assay.ledger.lineage import Lineage
from assay.pipelines import trace_rows
from assay.pipelines.descent import Direction, Step, Trace, readable
from assay.pipelines.workspace import Workspace
from assay.serving import prediction_log

WATCHED = "monitoring."  # what was seen of one version is why the next was made; what it saw is another story


def trace_back(workspace: Workspace, start: str, *, limit: int | None = None) -> Trace:
    """Tell what `start` was made from.

    Args:
        workspace: The project.
        start: A prediction's id, `name@version`, an experiment, a run, `source:name`, or a record.
        limit: Most records of the graph; by default the ledger's own limit.

    Raises:
        NotFound: There is nothing of that name.
    """
    origin = origin_of(workspace, start, direction="back")
    graph = graph_of(workspace, origin, direction="back", limit=limit)
    steps: list[Step] = []
    is_prediction = _is_prediction(start)
    if is_prediction:
        prediction = prediction_log.find(workspace.predictions, start)
        steps.append(_prediction_step(workspace, prediction))
    steps += list(_version_steps(workspace, origin))
    run = _run_of_the_model(workspace, origin)
    if run:
        steps += list(_run_steps(workspace, run, builds=not is_prediction))
    if is_prediction:
        steps += trace_rows.feature_rows(workspace, prediction)
    return Trace(start, "back", tuple(steps), graph, origin.id)


def graph_of(workspace: Workspace, origin: Evidence, *, direction: Direction, limit: int | None = None) -> Lineage:
    """The records that `origin` leads to; on the way back, not beyond what monitoring saw of an earlier version."""
    options = {} if limit is None else {"limit": limit}
    found = workspace.ledger.lineage(origin.id, direction=direction, **options)
    return found if direction == "forward" else _without_earlier_lives(found, origin.id)


def origin_of(workspace: Workspace, start: str, *, direction: Direction) -> Evidence:
    """The record that the walk from `start` begins with.

    Raises:
        NotFound: There is nothing of that name.
    """
    ledger = workspace.ledger
    if start.startswith("E-"):
        return ledger.get(start)
    if start.startswith("source:"):
        return _required(ledger.latest("data.snapshot", start), f"no snapshot of {start!r} was recorded.")
    if start.startswith("EXP-"):
        records = ledger.find(kind="training.experiment", subject=f"experiment:{start}", limit=1)
        return _required(
            next(iter(records), None), f"there is no experiment {start!r}: `assay experiments` lists them."
        )
    if start.startswith("RUN-"):
        ends = ledger.find(run=start, limit=1, newest_first=direction == "back")
        return _required(next(iter(ends), None), f"there is no run {start!r}.")
    if "@" in start:
        known = ledger.latest("model.registered", f"model:{start}")  # else an alias, or nothing
        subject = known.subject if known is not None else workspace.registry.get(start).subject
        return _version_record(workspace, subject, direction=direction)
    prediction = prediction_log.find(workspace.predictions, start)
    deployment = ledger.get(str(prediction["deployment"]))
    subject = f"model:{prediction['model']}"
    if deployment.subject == subject:
        return deployment
    return _version_record(workspace, subject, direction="back")  # an archived version: the record is its successor's


def _version_record(workspace: Workspace, subject: str, *, direction: Direction) -> Evidence:
    """The last record that moved a version by its own name, or the one that registered it."""
    moved = workspace.ledger.latest("model.stage", subject) if direction == "back" else None
    return _required(moved or workspace.ledger.latest("model.registered", subject), f"there is no {subject!r}.")


def _required(found: Evidence | None, why: str) -> Evidence:
    if found is None:
        raise NotFound(f"{why} `assay ledger log` shows what is.")
    return found


def _is_prediction(start: str) -> bool:
    return bool(prediction_log.segment_of(start))


def _without_earlier_lives(graph: Lineage, origin: str) -> Lineage:
    by_id = {one.id: one for one in graph.nodes}
    kept, waiting = {origin}, [origin]
    while waiting:
        node = by_id[waiting.pop()]
        if node.kind.startswith(WATCHED) and node.id != origin:
            continue
        fresh = [parent for parent in node.parents if parent in by_id and parent not in kept]
        kept.update(fresh)
        waiting += fresh
    return replace(
        graph,
        nodes=tuple(one for one in graph.nodes if one.id in kept),
        edges=tuple(edge for edge in graph.edges if kept.issuperset(edge)),
    )


def _prediction_step(workspace: Workspace, prediction: Mapping[str, Any]) -> Step:
    score = prediction.get("probability")
    shown = f"probability {score:.4g}" if score is not None else f"value {prediction['value']:.6g}"
    given = ", ".join(f"{name} {value}" for name, value in prediction["inputs"].items())
    says = f"{shown} at {readable(prediction['time'])} by {prediction['model']}" + (
        f", asked with {given}" if given else ""
    )
    segment = prediction_log.segment_of(prediction["id"])
    sealed = workspace.ledger.latest("serving.segment", f"segment:{prediction_log.PREDICTIONS}/{segment}")
    return Step("prediction", prediction["id"], says, sealed.id if sealed else "", figures=prediction)


def _version_steps(workspace: Workspace, origin: Evidence) -> Iterator[Step]:
    if origin.kind == "model.stage":
        yield _plain_step("deployment", origin)
    registered = _registration(workspace, origin)
    if registered is not None:
        yield _plain_step("version", registered)


def _registration(workspace: Workspace, origin: Evidence) -> Evidence | None:
    if not origin.subject.startswith("model:"):
        return None
    return workspace.ledger.latest("model.registered", origin.subject)


def _run_of_the_model(workspace: Workspace, origin: Evidence) -> str:
    """The run that made what `origin` is about: a version's, though it was moved later; otherwise its own."""
    registered = _registration(workspace, origin)
    return registered.run if registered is not None else origin.run


def _run_steps(workspace: Workspace, run: str, *, builds: bool) -> Iterator[Step]:
    """Experiment, run, code, brief and features of one run, then what it built and what it read."""
    records = workspace.ledger.find(run=run)
    for what, kind in (("experiment", "training.experiment"), ("run", "run.started")):
        yield from (_plain_step(what, one) for one in _first(records, kind))
    for started in _first(records, "run.started"):
        yield _code_step(workspace, started)
        yield from (_plain_step("trigger", workspace.ledger.get(one)) for one in started.parents)
    yield from (_plain_step("brief", one) for one in _first(records, "framing.brief"))
    for experiment in _first(records, "training.experiment"):
        names = experiment.figures["features"]
        if names:
            shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            yield Step("feature set", f"{len(names)} features", shown, experiment.id, figures={"features": names})
    if builds:
        yield from (_plain_step("build", one) for one in records if one.kind == "features.build")
    yield from (_plain_step("snapshot", one) for one in records if one.kind == "data.snapshot")


def _first(records: Iterable[Evidence], kind: str) -> list[Evidence]:
    return [one for one in records if one.kind == kind][:1]


def _plain_step(what: str, record: Evidence) -> Step:
    name = record.subject.partition(":")[2]
    return Step(what, name, record.summary.removeprefix(name).lstrip(": "), record.id, figures=record.figures)


def _code_step(workspace: Workspace, started: Evidence) -> Step:
    """The commit, and which definitions have changed since then."""
    code: Mapping[str, Any] = started.figures.get("code") or {}
    then: Mapping[str, str] = started.figures.get("definitions") or {}
    definitions = workspace.definitions
    now: dict[str, str] = {view.name: view.digest for view in definitions.views}
    now |= {view.name: view.digest for view in definitions.request_views}
    changed = sorted(name for name, digest in then.items() if now.get(name) != digest)
    commit = code.get("commit")
    where = f"commit {commit[:12]}" if commit else "not kept in git"
    if commit and code.get("changed"):
        where += ", with changes that were not committed"
    since = f"changed since: {', '.join(changed)}" if changed else "all the same today"
    says = f"{where}; {len(then)} definitions, {since}"
    return Step("code", commit[:12] if commit else "–", says, started.id, figures={**code, "changed_since": changed})
