"""Descent: from a record back to what it was made from, or forward to what was made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from assay.errors import UsageError
from assay.ledger.backend import READ_RECORDS, Session
from assay.ledger.chain import Row, believed
from assay.ledger.evidence import Evidence

CHUNK = 500  # records of one query

# UNION drops what was reached before, so that even a cycle made by hand ends; the nearest are reached first.
_WALK = """WITH RECURSIVE reached(sequence) AS (
    SELECT CAST(:origin AS BIGINT) UNION
    SELECT ledger_edges.{end} FROM ledger_edges JOIN reached ON ledger_edges.{start} = reached.sequence)
SELECT sequence FROM reached LIMIT :limit"""
_STEPS = {"back": _WALK.format(start="child", end="parent"), "forward": _WALK.format(start="parent", end="child")}


@dataclass(frozen=True, slots=True)
class Lineage:
    """A part of the graph of parents.

    Attributes:
        nodes: The record that was asked for and its relatives, in the order of recording.
        edges: Pairs (parent id, child id) between nodes, in the order of recording the child.
        complete: False where the limit cut it short; the nearest relatives are then the ones kept.
    """

    nodes: tuple[Evidence, ...]
    edges: tuple[tuple[str, str], ...]
    complete: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "nodes": [one.to_json() for one in self.nodes],
            "edges": [list(edge) for edge in self.edges],
            "complete": self.complete,
        }


def walk(session: Session, origin: int, *, direction: Literal["back", "forward"], limit: int) -> Lineage:
    """Every record that the edges lead to from record number `origin`, at most `limit` of them, itself counted."""
    if direction not in _STEPS:
        raise UsageError(f"lineage goes 'back' or 'forward', not {direction!r}.")
    if limit < 1:
        raise UsageError(f"a lineage of {limit} records: ask for 1 or more.")
    reached = session.rows(_STEPS[direction], {"origin": origin, "limit": limit + 1})
    found = [int(sequence) for (sequence,) in reached]
    nodes = tuple(_read(session, sorted(found[:limit])))
    ids = {node.id for node in nodes}
    edges = tuple((parent, node.id) for node in nodes for parent in dict.fromkeys(node.parents) if parent in ids)
    return Lineage(nodes, edges, complete=len(found) <= limit)


def _read(session: Session, sequences: list[int]) -> Iterator[Evidence]:
    for start in range(0, len(sequences), CHUNK):
        numbers = ",".join(map(str, sequences[start : start + CHUNK]))  # integers of our own, nothing to escape
        for row in map(Row._make, session.rows(f"{READ_RECORDS} WHERE sequence IN ({numbers}) ORDER BY sequence")):
            yield believed(row, session.place)
