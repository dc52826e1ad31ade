"""Tracing forward: from rows of a source, or from a record, to every run, version, deployment and prediction touched.

What is read from the ledger is recorded; what `reach` computes anew is exact; all else is an upper bound and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assay.data import selection, snapshots
from assay.data.event_time import KNOWN_AT
from assay.data.selection import Selection
from assay.errors import AssayError, NotFound, UsageError
from assay.features.provenance import ranges
from assay.ledger.evidence import Evidence
from assay.ledger.lineage import Lineage
from assay.pipelines.descent import Step, Trace, counted, readable, row_numbers, span
from assay.pipelines.reach import Marked, Reach, can_have_read, reach_of
from assay.pipelines.touched_predictions import prediction_steps, predictions_of
from assay.pipelines.trace import graph_of, origin_of
from assay.pipelines.workspace import Workspace
from assay.release.versions import Period

MOST_SNAPSHOTS = 200  # distinct versions of a source that are looked through, the newest
MOST_COMPUTED = 20  # runs whose features are computed anew, the newest; of earlier ones an upper bound is given
MOST_RECORDS = 2_000  # of the graph
MOST_TOLD = 50  # steps of one kind, the newest; the others are one step


@dataclass(frozen=True, slots=True)
class Impact:
    """What came of something.

    Attributes:
        trace: The story, nearest first, and its records.
        predictions: Every prediction touched, oldest first: `id`, `time`, `model` and `because`: `version` made by a
            version that learnt from it, `features` with features of its own that may have come from it, or `both`.
    """

    trace: Trace
    predictions: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Taken:
    """A version of the source with selected rows in it, and the runs that took it."""

    digest: str
    records: tuple[Evidence, ...]
    picked: pl.DataFrame


def trace_forward(
    workspace: Workspace, start: str, *, chosen: Selection | None = None, limit: int = MOST_RECORDS
) -> Impact:
    """Tell what came of `start`, and for a source of the chosen rows of it.

    Args:
        workspace: The project.
        start: `source:name`, or what `trace_back` takes.
        chosen: Rows of the source; all by default. Numbers are those of its newest snapshot.
        limit: Most records of the graph.

    Raises:
        NotFound: There is nothing of that name, or no snapshot holds such rows.
        UsageError: Rows are chosen of something that is no source.
    """
    if start.startswith("source:"):
        return _of_source(workspace, start, chosen or Selection(), limit)
    if chosen is not None and (chosen.rows or chosen.where):
        raise UsageError(f"rows can be chosen of a source only, such as source:purchases; {start!r} is none.")
    origin = origin_of(workspace, start, direction="forward")
    graph = graph_of(workspace, origin, direction="forward", limit=limit)
    runs = [one.run for one in graph.nodes if one.kind == "training.experiment"]
    about = [origin] if origin.kind == "model.registered" else []
    later, predictions = _versions_on(workspace, list(dict.fromkeys(runs)), about, ())
    experiments = {one.run: one for one in reversed(graph.nodes) if one.kind == "training.experiment"}
    steps = [*told(list(_trainings(experiments, runs, {}, {}))), *later]
    return Impact(Trace(start, "forward", tuple(steps), graph, origin.id), predictions)


def _of_source(workspace: Workspace, start: str, chosen: Selection, limit: int) -> Impact:
    taken = _taken(workspace, start, chosen)
    started = {one.run: one for one in workspace.ledger.find(kind="run.started")}
    readers = {
        record.run: (one, _seen(one.picked, started[record.run]))
        for one in taken
        for record in one.records
        if record.run in started
    }
    runs = [run for run, (_, seen) in sorted(readers.items()) if seen]
    trained = {one.run: one for one in workspace.ledger.find(kind="training.experiment", newest_first=True)}
    computed = [run for run in runs if run in trained][-MOST_COMPUTED:] or runs[-1:]
    name = start.partition(":")[2]
    reaches = {run: _reach(workspace, started[run], name, readers[run][0].picked) for run in computed}
    newest = reaches.get(computed[-1]) if computed else None
    marked = newest.views if newest else ()
    learnt = [run for run in runs if _may_have_learnt(reaches.get(run))]
    later, predictions = _versions_on(workspace, learnt, [], marked)
    steps = told([_snapshot_step(one, runs) for one in reversed(taken)])
    steps += [_feature_step(one, readers[computed[-1]][0].picked) for one in marked]
    steps += told(list(_trainings(trained, runs, {run: seen for run, (_, seen) in readers.items()}, reaches)))
    records = [record for one in taken for record in one.records if record.run in runs or not record.run]
    graph = _together(workspace, records or list(taken[0].records), limit)
    return Impact(Trace(f"{start}, {chosen}", "forward", (*steps, *later), graph, graph.nodes[0].id), predictions)


def _taken(workspace: Workspace, start: str, chosen: Selection) -> list[Taken]:
    """Versions of the source that hold chosen rows, newest first."""
    records = workspace.ledger.find(kind="data.snapshot", subject=start)
    if not records:
        raise NotFound(f"no snapshot of {start!r} was recorded. `assay ledger log --kind data.snapshot` shows them.")
    by_digest: dict[str, list[Evidence]] = {}
    for record in reversed(records):
        by_digest.setdefault(record.figures["digest"], []).append(record)
    root = workspace.state / "snapshots"
    digests = list(by_digest)[:MOST_SNAPSHOTS]
    reference = selection.selected(snapshots.load(digests[0], root), chosen)
    found = []
    for digest in digests:
        frame = snapshots.load(digest, root)
        anew = chosen.rows is None or digest == digests[0]
        picked = selection.selected(frame, chosen) if anew else selection.found_again(reference, frame)
        if not picked.is_empty():
            found.append(Taken(digest, tuple(reversed(by_digest[digest])), picked))
    if not found:
        raise NotFound(f"{start}: no snapshot holds {chosen}; the newest has {records[-1].figures['rows']:,} rows.")
    return found


def _seen(picked: pl.DataFrame, started: Evidence) -> int:
    """How many of the rows a run could read: those known before its moment."""
    if KNOWN_AT not in picked.columns:
        return picked.height
    moment = datetime.fromisoformat(started.figures["as_of"])
    return picked.filter(pl.col(KNOWN_AT) < moment).height


def _reach(workspace: Workspace, started: Evidence, source: str, picked: pl.DataFrame) -> Reach | None:
    """None where the run's snapshots or views are no longer there to compute with."""
    try:
        return reach_of(workspace, started, source, picked)
    except (AssayError, KeyError):
        return None


def _may_have_learnt(reach: Reach | None) -> bool:
    """False where it is certain that no row to learn from or be judged on holds anything of the source rows."""
    return reach is None or not reach.is_exact or reach.n_touched > 0


def _snapshot_step(taken: Taken, runs: Sequence[str]) -> Step:
    numbers = taken.picked[selection.ROW].to_list()
    readers = [one.run for one in taken.records if one.run in runs]
    newest = taken.records[-1]
    says = f"{taken.picked.height:,} of {newest.figures['rows']:,} rows: {row_numbers(numbers)}; "
    says += f"read by {counted(len(readers), 'run')}" + (f", last {readers[-1]}" if readers else "")
    figures = {"digest": taken.digest, "n_rows": taken.picked.height, "rows": ranges(numbers)[:1_000], "runs": readers}
    return Step("snapshot", taken.digest[:12], says, newest.id, "exact", figures)


def _feature_step(one: Marked, picked: pl.DataFrame) -> Step:
    touched, of = one.touched, one.rows.height
    n_entities = touched[one.view.entity].n_unique()
    at_most = one.rows.filter(can_have_read(one.rows, picked)).height
    says = f"{touched.height:,} of {of:,} feature rows of {counted(n_entities, one.view.entity)}"
    if KNOWN_AT in touched.columns and not touched.is_empty():
        first, last = span(touched, KNOWN_AT)
        says += f", known {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    says += " would be otherwise" if one.is_exact else " can have read them"
    says += f"; not more than {at_most:,} can have read them" if one.is_exact else ""
    figures = {"touched": touched.height, "of": of, "entities": n_entities, "can_have_read": at_most}
    return Step("features", one.view.name, says, "", "exact" if one.is_exact else "at most", figures)


def _trainings(
    experiments: Mapping[str, Evidence],
    runs: Iterable[str],
    seen: Mapping[str, int],
    reaches: Mapping[str, Reach | None],
) -> Iterator[Step]:
    """One step for each run with an experiment that read the rows, oldest first."""
    for run in dict.fromkeys(runs):
        if run not in experiments:
            continue
        record, reach = experiments[run], reaches.get(run)
        read = f"{counted(seen[run], 'row')} read; " if run in seen else ""
        name = record.subject.partition(":")[2]
        if reach is None:
            yield Step("training", name, f"{read}{record.summary}", record.id, "at most" if seen else "recorded")
            continue
        says = f"{read}{reach.n_touched:,} of {reach.n_labels:,} rows to learn from or be judged on hold such a value"
        figures = {"run": run, "rows": reach.n_rows, "labels": reach.n_labels, "touched": reach.n_touched}
        yield Step("training", name, says, record.id, "exact" if reach.is_exact else "at most", figures)


def told(steps: list[Step]) -> list[Step]:
    """The newest of many steps of one kind, oldest first, after one that stands for those before them."""
    earlier, newest = steps[:-MOST_TOLD], steps[-MOST_TOLD:]
    if not earlier:
        return newest
    certainty = "at most" if any(one.certainty == "at most" for one in earlier) else earlier[0].certainty
    says = f"before the newest {MOST_TOLD}, from {earlier[0].name} to {earlier[-1].name}"
    figures = {"names": [one.name for one in earlier]}
    return [Step(earlier[0].what, f"{len(earlier):,} more", says, "", certainty, figures), *newest]


def _versions_on(
    workspace: Workspace, runs: Sequence[str], registered: Sequence[Evidence], marked: tuple[Marked, ...]
) -> tuple[list[Step], pl.DataFrame]:
    """Versions made by the runs, when they served, and what they or touched features predicted."""
    wanted = set(runs)
    made = [one for one in workspace.ledger.find(kind="model.registered") if one.run in wanted] if wanted else []
    versions = {one.subject.partition(":")[2]: one for one in [*registered, *made]}
    steps = told(
        [Step("version", name, one.summary.removeprefix(name).strip(), one.id) for name, one in versions.items()]
    )
    names = {name.partition("@")[0] for name in versions}
    periods = [one for name in sorted(names) for one in workspace.registry.served(name) if one.reference in versions]
    steps += told([_deployment_step(one) for one in periods])
    predictions = predictions_of(workspace, set(versions), marked)
    return [*steps, *prediction_steps(predictions)], predictions


def _deployment_step(one: Period) -> Step:
    until = f"until {readable(one.until)}" if one.until else "and still is"
    says = f"in production from {readable(one.since)} {until}"
    return Step("deployment", one.reference, says, one.evidence, figures={"since": one.since, "until": one.until})


def _together(workspace: Workspace, records: Sequence[Evidence], limit: int) -> Lineage:
    """The graphs from several records as one, those of the newest first, until there are `limit` records."""
    nodes: dict[str, Evidence] = {}
    complete = True
    for record in sorted(records, key=lambda one: one.time, reverse=True):
        if len(nodes) >= limit:
            complete = False
            break
        part = graph_of(workspace, record, direction="forward", limit=limit - len(nodes))
        nodes |= {one.id: one for one in part.nodes}
        complete = complete and part.complete
    ordered = sorted(nodes.values(), key=lambda one: (one.time, one.id))
    edges = tuple((parent, one.id) for one in ordered for parent in dict.fromkeys(one.parents) if parent in nodes)
    return Lineage(tuple(ordered), edges, complete)
