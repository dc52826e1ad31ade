"""Reconciling: between any two stages the rows must add up, or the run stops there.

Counting is `data.reconciliation`; this names the stages of a run and what must equal what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from assay.config.settings import Source
from assay.data import reconciliation
from assay.data.reconciliation import Reconciled, Step, Tally, tally
from assay.data.splits import PARTS, Cut
from assay.errors import DataError
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.pipelines.run import Run


def source_step(name: str, source: Source, read: pl.LazyFrame, frozen: pl.LazyFrame) -> Step:
    """A source beside its snapshot: the same rows, by key, or by time where none is declared."""
    key = source.key or ((source.time,) if source.time else ())
    return Step(tally(f"source {name}", read, key), (tally(f"snapshot {name}", frozen, key),))


def reconcile_sources(run: Run, steps: Sequence[Step]) -> Evidence:
    """Nothing was lost or added while sources were frozen.

    Raises:
        DataError: A source and its snapshot differ: it was changed while it was read.
    """
    return _record(run, Reconciled(steps), "sources", "A source that is written to while it is read needs a copy.")


def reconcile_parts(run: Run, frames: Mapping[str, pl.LazyFrame], rows: pl.DataFrame, cut: Cut) -> Evidence:
    """Every row to predict comes from its source, unless the project makes rows itself, and is in exactly one part.

    Raises:
        DataError: Rows were lost, doubled or made up.
    """
    target = run.workspace.settings.target
    parts = tuple(tally(name, getattr(cut, name), [target.key]) for name in PARTS)
    step = Step(tally("label rows", rows, [target.key]), parts, cut.n_left_out)
    source = frames[target.source]
    unknown = {}
    if target.rows is None and target.key in source.collect_schema():
        unknown = {"label rows": reconciliation.strangers(rows, source, target.key)}
    return _record(run, Reconciled([step], unknown), "parts", "This is a defect in Assay; please report it.")


def reconcile_frames(run: Run, frames: Mapping[str, tuple[pl.DataFrame, LabelledFrame]]) -> Evidence:
    """Joining features neither loses a row nor doubles one.

    Args:
        run: The run to record under.
        frames: By name, the rows of a part and the frame that was made of them.

    Raises:
        DataError: A part and its frame differ.
    """
    key = run.workspace.settings.target.key
    steps = [
        Step(tally(name, rows, [key]), (tally(f"{name} with features", frame.rows, [key]),))
        for name, (rows, frame) in frames.items()
    ]
    return _record(run, Reconciled(steps), "frames", "A view must give one row an entity and moment.")


def reconcile_holdout(run: Run, rows: pl.DataFrame, frame: LabelledFrame, *, n_scores: int) -> Evidence:
    """What was opened is what was joined and predicted; that it is what was sealed, its digest proves.

    Raises:
        DataError: The numbers differ.
    """
    key = run.workspace.settings.target.key
    opened = tally("opened holdout", rows, [key])
    steps = [
        Step(opened, (tally("holdout with features", frame.rows, [key]),)),
        Step(Tally("holdout with features", len(frame)), (Tally("predictions", n_scores),)),
    ]
    return _record(run, Reconciled(steps), "holdout", "A view must give one row an entity and moment.")


def _record(run: Run, found: Reconciled, what: str, advice: str) -> Evidence:
    recorded = run.record(found.evidence(f"reconciliation:{what}"))
    if recorded.verdict == "fail":
        raise DataError(f"{recorded.summary} [{recorded.id}]. {advice}")
    return recorded
