"""Parentage: which earlier records of its run a new record rests on, where the stage that made it does not say.

A room returns evidence without knowing what else was recorded; only the run sees both. One table says what each kind
is computed from, so that every record can be followed back to the start of its run, and no stage can forget to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from assay.config.settings import Settings
from assay.features.definitions import FeatureView
from assay.ledger.evidence import Evidence

STARTED, SNAPSHOT, SPLIT, BUILD = "run.started", "data.snapshot", "data.split", "features.build"
EVALUATION, EXPERIMENT, REGISTERED = "model.evaluation", "training.experiment", "model.registered"
LABEL_ROWS = ("data.split", "leakage.duplicates")  # computed from the source of the rows to predict alone
ENDINGS = ("run.finished", "run.failed")  # rest on whatever was recorded last

LAST_EVALUATION = ("model.business_value", "framing.kill_criterion")
BY_SUBJECT: Mapping[str, tuple[str, ...]] = {
    "kill_criterion:quality_overdue": ("data.quality",),
    "kill_criterion:heuristic_close": (EVALUATION,),
    "reconciliation:parts": (SPLIT,),
    "reconciliation:frames": (SPLIT, BUILD),
    "reconciliation:holdout": ("data.holdout_opened", BUILD),
}
"""What a record of a kind with several meanings rests on, by its subject."""

RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "framing.brief": (STARTED,),
    "framing.rules_or_ml": ("framing.brief", SPLIT),
    "framing.kill_criterion": (EVALUATION,),
    SNAPSHOT: (STARTED,),
    "data.quality": (SNAPSHOT, "data.expectations", SPLIT),
    "data.holdout_opened": (SPLIT, EXPERIMENT),
    "data.understanding": (SPLIT,),
    "data": (SNAPSHOT,),
    "leakage.split": (SPLIT,),
    "leakage.fitted": ("training.search",),
    "leakage.model_score": (EVALUATION,),
    "leakage.target_encoding": ("training.search",),
    "features.selection": ("training.search",),
    "leakage": (SPLIT, BUILD),
    "features": (SNAPSHOT,),
    "training": (SPLIT, BUILD),
    EVALUATION: ("training.search", SPLIT, BUILD),
    "model.comparison": (EVALUATION,),
    "model.business_value": (EVALUATION,),
    "model.behaviour": (EVALUATION,),
}
"""By kind, or by its first word, the kinds that it is computed from."""


def parents_of(
    evidence: Evidence,
    earlier: Sequence[Evidence],
    *,
    settings: Settings,
    views: Iterable[FeatureView],
    registered: Callable[[str], Evidence | None],
) -> tuple[str, ...]:
    """Ids of what `evidence` rests on among the records that its run made `earlier`.

    Args:
        evidence: A record to be, without parents of its own.
        earlier: The run's records so far, the first of them `run.started`.
        settings: Name the source of the rows to predict.
        views: Name the sources that each view reads.
        registered: Gives the registration of a model's version by its subject; None where there is none.

    Returns:
        At least one id, unless the run has recorded nothing yet.
    """
    if not earlier:
        return ()
    if evidence.kind in ENDINGS:
        return (earlier[-1].id,)
    if evidence.subject.startswith("model:") and evidence.kind != EVALUATION:
        version = registered(evidence.subject)
        if version is not None:
            return (version.id,)
    found = _about_the_same(evidence, earlier, settings, views) or _by_kind(evidence, earlier)
    return tuple(one.id for one in found or earlier[:1])


def _about_the_same(
    evidence: Evidence, earlier: Sequence[Evidence], settings: Settings, views: Iterable[FeatureView]
) -> list[Evidence]:
    """The snapshots of the very source, or of the sources of the very view, that the evidence is about."""
    if evidence.kind == SNAPSHOT:
        return []
    sort, _, name = evidence.subject.partition(":")
    if evidence.kind in LABEL_ROWS:
        return _snapshots(earlier, [settings.target.source])
    if sort == "source":
        return _snapshots(earlier, [name])
    if sort == "view":
        read = [source for view in views if view.name == name for source in view.sources]
        return _snapshots(earlier, read)
    return []


def _snapshots(earlier: Sequence[Evidence], names: Sequence[str]) -> list[Evidence]:
    subjects = {f"source:{name}" for name in names}
    return [one for one in earlier if one.kind == SNAPSHOT and one.subject in subjects]


def _by_kind(evidence: Evidence, earlier: Sequence[Evidence]) -> list[Evidence]:
    wanted = BY_SUBJECT.get(evidence.subject)
    if wanted is None and evidence.kind in LAST_EVALUATION:
        return [one for one in earlier if one.kind == EVALUATION][-1:]
    if wanted is None and evidence.kind == EVALUATION and evidence.figures.get("part") == "holdout":
        wanted = ("data.holdout_opened", EXPERIMENT)
    if wanted is None:
        wanted = RESTS_ON.get(evidence.kind) or RESTS_ON.get(evidence.kind.partition(".")[0], (STARTED,))
    return [one for one in earlier if one.kind in wanted and _same_part(evidence, one)]


def _same_part(evidence: Evidence, other: Evidence) -> bool:
    """Whether both are about the same part of the rows, as far as they say: validation or holdout."""
    ours, theirs = evidence.figures.get("part"), other.figures.get("part")
    return ours is None or theirs is None or ours == theirs
