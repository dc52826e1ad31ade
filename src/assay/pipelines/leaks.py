"""Looking for leaks in the training frame: every check that needs features, in one place, and the order of the run.

Checks that need the label rows alone are made by the feature pipeline, before anything is built.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from assay.data import leakage, splits
from assay.features import materialize
from assay.features.definitions import FeatureView
from assay.features.frame import training_frame
from assay.features.layout import layout_of
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.pipelines.feature import FeatureOutcome, refuse_leak
from assay.pipelines.frames import Frames, known_at
from assay.pipelines.measuring import task_of
from assay.pipelines.run import Run, Step
from assay.pipelines.workspace import Workspace

TIME_TRAVEL_ROWS = 2_000


def check_leakage(run: Run, features: FeatureOutcome, train: LabelledFrame, validation: LabelledFrame) -> None:
    """Look for values from the future, for features that read other rows, and for the answer in disguise.

    Raises:
        LeakageFound: A check failed; all of them were recorded first.
    """
    run.progress(Step("leakage"))
    workspace, target = run.workspace, run.workspace.settings.target
    accepted, task = workspace.settings.leakage.accepted, task_of(workspace)
    columns = features.train.columns
    found = []
    if train.time is not None:
        found.append(
            leakage.check_time_travel(
                train,
                recompute=lambda moment, rows: features_as_of(
                    workspace, features.sources, moment, rows.select(columns)
                ),
                sample=TIME_TRAVEL_ROWS,
                rng=run.rng,
            )
        )
    found.extend(
        leakage.check_row_independence(view.function, train.rows, rng=run.rng)
        for view in workspace.definitions.request_views
    )
    found.append(check_lineage(run, features, train))  # names the cause, where the score only shows it
    found.append(leakage.check_target_derived(train, task=task, accepted=accepted))
    found.append(leakage.check_groups(train, validation, entities=target.entity_columns))
    found.append(
        leakage.check_generation(train, task=task, rng=run.rng, entities=target.entity_columns, accepted=accepted)
    )
    for one in run.record_all(found):
        refuse_leak(one)


def check_lineage(run: Run, features: FeatureOutcome, train: LabelledFrame) -> Evidence:
    """Change outcomes in the source of the label, and see which features move."""
    workspace, target = run.workspace, run.workspace.settings.target
    inputs = run.of_kind("leakage.inputs")
    outcomes = inputs[-1].figures["not_known_before"] if inputs else []
    reads = [view for view in workspace.definitions.views if target.source in view.sources]

    def recompute(source: pl.DataFrame, rows: pl.DataFrame, moment: datetime | None) -> pl.DataFrame:
        changed = features.sources | {target.source: source.lazy()}
        return features_as_of(workspace, changed, moment, rows.select(features.train.columns))

    if not reads:
        subject, summary = f"target:{target.label}", f"no feature view reads {target.source!r}, where the label is from"
        return Evidence("leakage.lineage", subject, "pass", summary, {"outcomes": list(outcomes)})
    source = features.sources[target.source].collect()
    return leakage.check_lineage(train, source, outcomes=outcomes, recompute=recompute, rng=run.rng)


def prove_order(run: Run, train: LabelledFrame, validation: LabelledFrame) -> Evidence:
    """See in the run's own records that the split came before whatever was learnt, and was kept to.

    Raises:
        LeakageFound: It did not, or was not.
    """
    frames = {"train": train, "validation": validation}
    used = {name: splits.keys_digest(frame.rows[frame.key]) for name, frame in frames.items()}
    found = run.record(leakage.check_order(run.workspace.ledger.find(run=run.id), used=used))
    refuse_leak(found)
    return found


def features_as_of(workspace: Workspace, sources: Frames, moment: datetime | None, rows: pl.DataFrame) -> pl.DataFrame:
    """The features of `rows` computed anew from nothing but what was known before `moment`; from everything for None.

    Each source is cut once, each view computed once however many roles its entity plays, and of its rows only those
    of the entities at hand are kept.
    """
    target, definitions = workspace.settings.target, workspace.definitions
    cut = (
        dict(sources)
        if moment is None
        else {name: known_at(one, moment).collect().lazy() for name, one in sources.items()}
    )
    columns: dict[str, set[str]] = {}
    for role, view in layout_of(target, definitions).joins:
        columns.setdefault(view.entity, set()).add(role.column)
    computed: dict[str, pl.DataFrame] = {}

    def rows_of(view: FeatureView) -> pl.LazyFrame:
        if view.name not in computed:
            entities = pl.concat([rows[column].alias(view.entity) for column in sorted(columns[view.entity])]).unique()
            computed[view.name] = materialize.compute(
                view, {name: cut[name] for name in view.sources}, entities=entities
            )
        return computed[view.name].lazy()

    joined, names = training_frame(rows, target=target, definitions=definitions, rows_of=rows_of)
    return joined.select(target.key, *names)
