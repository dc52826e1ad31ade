"""The page of a lineage: its story in lines, its graph in boxes, and every record behind it.

Knows records and their parents, not how they were found. A lineage can be of any size and the page cannot, so what is
alike is folded into one box and said so: records of one room in one layer, runs other than the one it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.ledger.evidence import Evidence, plain
from assay.ledger.lineage import Lineage
from assay.ledger.rendering import render as lines_of
from assay.pages.graph import Box, graph, layers_of
from assay.pages.render import render

MOST_RECORDS = 300  # that a page is given; the nearest
ALONE_UP_TO = 8  # records of one kind in one layer that are drawn one by one, where their kind is worth it
RUNS_ALONE_UP_TO = 12  # other runs that are drawn one by one, the newest
ALONE = (
    "data.snapshot", "features.build", "training.experiment", "model.registered", "gate.staging", "gate.production",
    "model.stage",
)  # fmt: skip
TONES = ("info", "pass", "warn", "fail")  # from good to bad: a fold has the worst of its records
DETAIL_LINES = 60

_Edges = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fold:
    """Records that are drawn as one box.

    Attributes:
        key: What they have in common.
        records: Oldest first, never empty.
    """

    key: tuple[str, ...]
    records: tuple[Evidence, ...]

    @property
    def first(self) -> Evidence:
        return self.records[0]

    @property
    def tone(self) -> str:
        return max((one.verdict for one in self.records), key=TONES.index)


def lineage_page(
    *,
    project: str,
    start: str,
    direction: str,
    steps: Sequence[Mapping[str, Any]],
    lineage: Lineage,
    origin: str,
    head: str = "",
) -> str:
    """Tell a lineage as self-contained HTML, without script, for a screen and for paper.

    Args:
        project: Name of the project.
        start: What was asked about.
        direction: `back` or `forward`.
        steps: The story: `what`, `name`, `says`, `certainty` and `evidence` of each step.
        lineage: Its records, at most `MOST_RECORDS` of which are shown.
        origin: Id of the record that it starts from.
        head: Digest of the ledger's end when this was written.
    """
    nodes = lineage.nodes[:MOST_RECORDS] if direction == "forward" else lineage.nodes[-MOST_RECORDS:]
    known = {one.id for one in nodes}
    edges = [edge for edge in lineage.edges if known.issuperset(edge)]
    folds = folded(nodes, edges, origin=origin)
    return render(
        "assay.pages",
        "lineage.html",
        project=project,
        start=start,
        direction=direction,
        steps=steps,
        picture=_picture(folds, edges, origin=origin, direction=direction, start=start),
        records=nodes,
        details={one.id: _details(one) for one in nodes},
        known=frozenset(known),
        facts=_facts(nodes, folds, complete=lineage.complete and len(nodes) == len(lineage.nodes)),
        head=head,
    )


def folded(nodes: Sequence[Evidence], edges: _Edges, *, origin: str) -> list[Fold]:
    """Put records that are alike into one fold, in the order of their first records.

    The run that the lineage is about is told in full: its records of one room (the first word of their kind) in one
    layer make a fold, except for the few kinds that are landmarks. Every other run is one fold, and so are all runs
    beyond the newest few together.
    """
    about = next((one.run for one in nodes if one.id == origin), "") or _main_run(nodes)
    layers = layers_of([one.id for one in nodes], edges)
    others = list(dict.fromkeys(one.run for one in nodes if one.run and one.run != about))
    earlier = set(others[:-RUNS_ALONE_UP_TO])
    crowds: dict[tuple[str, int], int] = {}
    for one in nodes:
        crowds[one.kind, layers[one.id]] = crowds.get((one.kind, layers[one.id]), 0) + 1

    def key(one: Evidence) -> tuple[str, ...]:
        if one.id == origin:
            return ("record", one.id)
        if one.run in earlier:
            return ("runs",)
        if one.run and one.run != about:
            return ("run", one.run)
        if one.kind in ALONE and crowds[one.kind, layers[one.id]] <= ALONE_UP_TO:
            return ("record", one.id)
        return ("room", one.kind.partition(".")[0], str(layers[one.id]))

    groups: dict[tuple[str, ...], list[Evidence]] = {}
    for one in nodes:
        groups.setdefault(key(one), []).append(one)
    return [Fold(name, tuple(records)) for name, records in groups.items()]


def _main_run(nodes: Sequence[Evidence]) -> str:
    """The newest run, where the origin belongs to none: a rollback, a promotion by hand."""
    return next((one.run for one in reversed(nodes) if one.run), "")


def _picture(folds: Sequence[Fold], edges: _Edges, *, origin: str, direction: str, start: str) -> str:
    fold_of = {one.id: str(place) for place, fold in enumerate(folds) for one in fold.records}
    boxes = [_box(str(place), fold, origin=origin) for place, fold in enumerate(folds)]
    joined = {(fold_of[a], fold_of[b]) for a, b in edges}
    way = "back to what it was made from" if direction == "back" else "forward to what came of it"
    return graph(boxes, joined, says=f"{start}, {way}: {len(boxes)} boxes, older ones above.")


def _box(name: str, fold: Fold, *, origin: str) -> Box:
    first, n = fold.first, len(fold.records)
    href = f"#{first.id}"
    if fold.key[0] == "runs":
        n_runs = len({one.run for one in fold.records})
        return Box(name, f"{n_runs} other runs", f"{n:,} records", fold.tone, _says(fold), href, is_fold=True)
    if fold.key[0] == "run":
        number = fold.key[1].removeprefix("RUN-")
        return Box(name, number, f"a run, {n:,} records", fold.tone, _says(fold), href, is_fold=True)
    if n > 1:
        kinds = list(dict.fromkeys(_short(one.kind) for one in fold.records))
        title, line = (
            (kinds[0], first.subject.partition(":")[2]) if len(kinds) == 1 else (fold.key[1], ", ".join(kinds))
        )
        return Box(name, f"{n} × {title}", line, fold.tone, _says(fold), href, is_fold=True)
    says = f"{first.id} {first.kind}: {first.summary}"
    subject = first.subject.partition(":")[2]
    return Box(name, _short(first.kind), subject, first.verdict, says, href, is_origin=first.id == origin)


def _short(kind: str) -> str:
    """`leakage.time_travel` as `time travel`."""
    return (kind.partition(".")[2] or kind).replace("_", " ")


def _says(fold: Fold) -> str:
    """What is in a fold: the verdicts counted, and its first records."""
    counts = {tone: sum(one.verdict == tone for one in fold.records) for tone in reversed(TONES)}
    counted = ", ".join(f"{n} {tone}" for tone, n in counts.items() if n)
    listed = [f"{one.id} {one.kind}: {one.summary}" for one in fold.records[:5]]
    rest = [f"and {len(fold.records) - 5:,} more"] if len(fold.records) > 5 else []
    return "\n".join([counted, *listed, *rest])


def _facts(nodes: Sequence[Evidence], folds: Sequence[Fold], *, complete: bool) -> list[tuple[str, str, str]]:
    folds_of_many = [fold for fold in folds if len(fold.records) > 1]
    n_folded = sum(len(fold.records) for fold in folds_of_many)
    note = "all there are" if complete else "the nearest; `assay ledger lineage --json` gives the rest"
    boxes = f"{n_folded:,} records are folded into {len(folds_of_many):,} of them" if folds_of_many else "none folded"
    runs = {one.run for one in nodes if one.run}
    return [("Records", f"{len(nodes):,}", note), ("Boxes", f"{len(folds):,}", boxes), ("Runs", f"{len(runs):,}", "")]


def _details(record: Evidence) -> str:
    """The figures of a record as lines, cut where they are many."""
    lines = lines_of(plain(record.figures)) if record.figures else []
    kept: Iterable[str] = lines[:DETAIL_LINES]
    more = [f"… and {len(lines) - DETAIL_LINES:,} more lines: assay ledger show {record.id}"]
    return "\n".join([*(line[:160] for line in kept), *(more if len(lines) > DETAIL_LINES else [])])
