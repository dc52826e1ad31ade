"""What can be asked of a project without changing it: what versions has it, and what proves them.

Reads settings, the ledger and the stores. Only `judge_brief` records something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.data import holdout, snapshots
from assay.errors import IntegrityError, NotFound, UsageError
from assay.evaluation import cards, hugging_face, technical_pages
from assay.evaluation.technical_file import WATCHED, technical_file
from assay.framing import brief, rules_or_ml
from assay.ledger.evidence import Evidence
from assay.ledger.lineage import Lineage
from assay.models.bundle import Bundle
from assay.pipelines import run as runs
from assay.pipelines import trace
from assay.pipelines.workspace import Workspace
from assay.release.versions import REGISTERED, STAGE, ModelVersion
from assay.serving import prediction_log

CARD_FORMS = ("md", "html", "hf", "annex-iv", "annex-iv-html")


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether everything is as it was recorded.

    Attributes:
        n_records: Ledger records walked.
        head_digest: Digest of the last one.
        n_files: Artifacts, snapshots, sealed holdouts and log segments read.
        broken: What is not as recorded, one sentence each, the ledger's own first.
    """

    n_records: int
    head_digest: str
    n_files: int
    broken: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.broken

    def lines(self) -> list[str]:
        """The proof for a terminal."""
        if self.ok:
            return [
                f"ledger intact: {self.n_records:,} records, head {self.head_digest[:16]}",
                f"files intact: {self.n_files:,} artifacts, snapshots, holdouts and log segments",
            ]
        return [f"BROKEN: {one}" for one in self.broken]

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "records": self.n_records,
            "head": self.head_digest,
            "files": self.n_files,
            "broken": list(self.broken),
        }


def judge_brief(workspace: Workspace) -> list[Evidence]:
    """Completeness of the brief, and whether rules would do; recorded."""
    run = runs.begin(workspace)
    return run.record_all(
        [brief.complete(workspace.settings.brief), rules_or_ml.decide(workspace.settings.brief, n_labelled=None)]
    )


def list_models(workspace: Workspace) -> list[dict[str, Any]]:
    """Every version, newest first, with its stage and its primary figure on the holdout."""
    rows = []
    for version in reversed(workspace.registry.versions(workspace.settings.name)):
        exam = exam_of(workspace, version)
        primary = exam.figures["primary"] if exam else ""
        figure = exam.figures["metrics"][primary] if exam else {}
        rows.append(
            {
                "model": version.reference,
                "stage": version.stage,
                "registered": workspace.ledger.get(version.registered).time[:19],
                "metric": primary,
                "value": figure.get("value"),
                "low": figure.get("low"),
                "high": figure.get("high"),
                "bundle": version.bundle[:12],
                "run": version.run,
            }
        )
    return rows


def model_card(workspace: Workspace, reference: str | None, *, form: str) -> str:
    """The card or the technical file of a version, from the evidence of its run.

    Raises:
        NotFound: There is no such version.
        UsageError: `form` is none of those there are.
    """
    if form not in CARD_FORMS:
        raise UsageError(f"a card is written as one of {', '.join(CARD_FORMS)}, not {form!r}.")
    version = find_version(workspace, reference)
    evidences = workspace.ledger.find(run=version.run)
    made = cards.card(version.to_json(), evidences, workspace.settings)
    if form == "hf":
        return hugging_face.write(made, evidences, workspace.settings)
    if form.startswith("annex-iv"):
        file = technical_file(made, evidences, _life(workspace), workspace.settings)
        return technical_pages.html(file) if form.endswith("html") else technical_pages.markdown(file)
    return cards.html(made) if form == "html" else cards.markdown(made)


def _life(workspace: Workspace) -> list[Evidence]:
    """What became of every version, and what monitoring saw last, in order."""
    versions = [one for kind in (REGISTERED, STAGE) for one in workspace.ledger.find(kind=kind)]
    seen = filter(None, (workspace.ledger.latest(kind) for kind in WATCHED))
    return sorted([*versions, *seen], key=lambda one: (len(one.id), one.id))


def find_version(workspace: Workspace, reference: str | None) -> ModelVersion:
    """A version by `name@number` or alias; without a reference the one in production, or else the newest.

    Raises:
        NotFound: There is none.
    """
    registry, name = workspace.registry, workspace.settings.name
    if reference:
        return registry.get(reference, name=name)
    found = registry.production(name) or next(iter(reversed(registry.versions(name))), None)
    if found is None:
        raise NotFound(f"{name} has no version yet. `assay run` makes one.")
    return found


def verify(workspace: Workspace) -> Proof:
    """Walk the chain; then read every file that a record names by digest, and name each that changed."""
    chain = workspace.ledger.verify()
    broken = [] if chain.broken is None else [f"ledger record {chain.broken.id}: {chain.broken.reason}"]
    checked = list(_bundles(workspace)) + list(_files(workspace))
    broken.extend(problem for problem in checked if problem)
    return Proof(chain.n_records, chain.head_digest, len(checked), tuple(broken))


def lineage(workspace: Workspace, start: str, *, direction: Literal["back", "forward"]) -> Lineage:
    """Walk the graph from a record, a version, an experiment, a run, a source or a prediction.

    Raises:
        NotFound: There is nothing of that name.
    """
    origin = trace.origin_of(workspace, start, direction=direction)
    return trace.graph_of(workspace, origin, direction=direction)


def exam_of(workspace: Workspace, version: ModelVersion) -> Evidence | None:
    """The evaluation on the holdout of the run that made the version."""
    evaluations = workspace.ledger.find(kind="model.evaluation", run=version.run)
    return next((one for one in reversed(evaluations) if one.figures["part"] == "holdout"), None)


def _bundles(workspace: Workspace) -> Iterable[str]:
    """One entry a bundle of an experiment or a version: empty where it is whole."""
    subjects = {}
    for record in workspace.ledger.find(kind="training.experiment"):
        if bundle := record.figures["artifacts"].get("bundle"):
            subjects[bundle] = record
    subjects |= {record.figures["bundle"]: record for record in workspace.ledger.find(kind="model.registered")}
    for bundle, record in subjects.items():
        try:
            Bundle.load(workspace.artifacts, bundle)
            yield ""
        except (IntegrityError, NotFound, UsageError) as error:
            yield f"{record.subject} [{record.id}]: {error}"


def _files(workspace: Workspace) -> Iterable[str]:
    """One entry a recorded snapshot, holdout or sealed segment: empty where its bytes are those recorded."""
    loaders: dict[str, Callable[[str], object]] = {
        "data.snapshot": lambda digest: snapshots.load(digest, workspace.state / "snapshots"),
        "data.holdout_opened": lambda digest: holdout.check(digest, workspace.state),
    }
    for kind, load in loaders.items():
        subjects = {one.figures["digest"]: f"{one.subject} [{one.id}]" for one in workspace.ledger.find(kind=kind)}
        for digest, subject in subjects.items():
            try:
                load(digest)
                yield ""
            except (IntegrityError, NotFound) as error:
                yield f"{subject}: {error}"
    opened = {one.figures["digest"] for one in workspace.ledger.find(kind="data.holdout_opened")}
    closed = [path for path in holdout.verify(workspace.state) if Path(path).stem not in opened]
    yield from (f"sealed holdout {path} is not as it was sealed" for path in closed)
    files = prediction_log.sealed_segments(workspace.predictions)
    sealed = workspace.ledger.find(kind="serving.segment")
    strange = prediction_log.unrecorded(files, sealed)
    yield from (f"log segment {path} is in no record of the ledger" for path in strange)
    damaged = prediction_log.damaged_segments(workspace.predictions, sealed)
    yield from (f"log segment {path} is gone, or not as it was sealed" for path in damaged)
    yield from [""] * (len(sealed) - len(damaged))
