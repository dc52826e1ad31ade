"""Project: a folder with assay.yaml, opened; each stage of its life is one method.

Wires nothing itself and computes nothing: the workspace opens the stores, the pipelines tell the stories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from assay.pipelines.run import Progress, silent
from assay.pipelines.workspace import Workspace, utc_now

if TYPE_CHECKING:
    import polars as pl

    from assay.features.streaming.dead_letters import DeadLetter
    from assay.framing.advice import Advice
    from assay.ledger.evidence import Evidence
    from assay.ledger.lineage import Lineage
    from assay.pipelines.audit import Proof
    from assay.pipelines.impact import Impact
    from assay.pipelines.loop import RunOutcome
    from assay.pipelines.streaming import Flow
    from assay.pipelines.trace import Trace
    from assay.pipelines.training import TrainingOutcome


BUILD_PATIENCE_SECONDS = 600.0


class Features:
    """The features of a project: `project.features`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def search(self, words: str = "") -> list[dict[str, Any]]:
        """Every feature with its documentation; `words` are looked for in names and descriptions."""
        from assay.features import catalogue
        from assay.pipelines import cataloguing

        listed = cataloguing.entries(self._workspace)
        return [asdict(entry) for entry in (catalogue.search(words, listed) if words else listed)]

    def show(self, name: str) -> dict[str, Any]:
        """All that is known of a feature.

        Raises:
            NotFound: There is none of that name; the nearest is named.
        """
        from assay.features import catalogue
        from assay.pipelines import cataloguing

        return asdict(catalogue.show(name, cataloguing.entries(self._workspace)))

    def catalogue(self, output: str | Path | None = None) -> Path:
        """Write the catalogue as one HTML page; by default to `.assay/reports/features.html`."""
        from assay.pipelines import cataloguing

        default = self._workspace.state / "reports" / "features.html"
        return cataloguing.write_page(self._workspace, default if output is None else Path(output))

    def build(
        self, *, full: bool = False, as_of: datetime | None = None, progress: Progress = silent
    ) -> list[Evidence]:
        """Bring the offline and online stores up to date; builders of one project take turns.

        Raises:
            UsageError: Somebody else has been at work here for ten minutes.
        """
        from assay.pipelines import feature, run

        def waits(holder: str) -> None:
            progress(run.Step("waiting", note=holder))

        with self._workspace.alone("assay features build", patience_seconds=BUILD_PATIENCE_SECONDS, waits=waits):
            return feature.build_only(run.begin(self._workspace, as_of=as_of, progress=progress), full=full)

    def publish(self, topic: str, events: Iterable[Mapping[str, Any]]) -> int:
        """Put events on a topic that a view streams from; returns how many.

        Args:
            topic: The view's `stream`.
            events: Objects with columns of the view's source; one without an id is given one.
        """
        from assay.pipelines import publishing

        return publishing.publish(self._workspace, topic, events)

    def stream(
        self,
        *,
        once: bool = False,
        replay_from: str | None = None,
        topics: Sequence[str] = (),
        is_over: Callable[[], bool] = lambda: False,
        watch: Callable[[Flow], None] = lambda _flow: None,
    ) -> list[Evidence]:
        """Bring online values up to the events of their topics as they come, until `is_over`, or once.

        Args:
            once: End when there is nothing more to read.
            replay_from: Read one topic again from a place, or from `start`.
            topics: Which; all by default.
            is_over: Asked between two batches whether to end.
            watch: Told every few seconds where each stream stands.
        """
        from assay.pipelines import streaming

        return streaming.stream(
            self._workspace, once=once, replay_from=replay_from, topics=topics, is_over=is_over, watch=watch
        )

    def dead_letters(self, topic: str) -> list[DeadLetter]:
        """Events of a topic that could not be used, with the reason, oldest first."""
        from assay.pipelines import publishing

        return publishing.waiting_letters(self._workspace, topic)

    def requeue(self, topic: str) -> int:
        """Put the dead letters of a topic back on it; returns how many."""
        from assay.pipelines import publishing

        return publishing.requeue(self._workspace, topic)

    def get(self, rows: pl.DataFrame, *, at: datetime | Literal["row"] | None = None) -> pl.DataFrame:
        """Rows with every feature of the model beside them, as a request would see them now, or as they were known.

        Args:
            rows: The target's entity columns and inputs; its time too where `at` is `row`.
            at: A moment, or `row` for each row's own time; None: now.
        """
        from assay.pipelines import asking

        return asking.features_of(self._workspace, rows, at=at)

    def skew(self, *, since: datetime | None = None) -> Evidence:
        """Replay the vectors that production has served offline, and record every difference by feature.

        Args:
            since: Predictions from then on; by default those since the last replay.
        """
        from assay.pipelines import monitoring

        return monitoring.measure_skew(self._workspace, since=since)

    def history(self, keys: pl.DataFrame, names: Sequence[str] = ()) -> pl.DataFrame:
        """Join features to rows as they were known at each row's time.

        Args:
            keys: Rows with the target's key, time and entity columns.
            names: Features to keep; all by default.
        """
        from assay.pipelines import inference

        return inference.history(self._workspace, keys, names)

    def latest(self, keys: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The newest values of each row's entities, as a request would see them."""
        from assay.pipelines import inference

        return inference.latest(self._workspace, keys, names)


class ProjectLedger:
    """The ledger of a project: `project.ledger`; everything of `Ledger`, and lineage from more than records."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workspace.ledger, name)

    def lineage(self, start: str, *, direction: Literal["back", "forward"] = "back") -> Lineage:
        """What a record, a prediction or a version was made from, or what came of it.

        Raises:
            NotFound: There is nothing of that name.
        """
        from assay.pipelines import audit

        return audit.lineage(self._workspace, start, direction=direction)

    def trace(self, start: str, *, limit: int | None = None) -> Trace:
        """Tell what a prediction, a version, an experiment or a record was made from, down to rows of a source.

        Args:
            start: A prediction's id, `name@version`, an experiment, a run, `source:name`, or a record.
            limit: Most records of its graph; by default the ledger's own limit.

        Raises:
            NotFound: There is nothing of that name.
        """
        from assay.pipelines import trace

        return trace.trace_back(self._workspace, start, limit=limit)

    def impact(self, start: str, *, rows: str = "", where: str = "", limit: int | None = None) -> Impact:
        """Tell what came of a source's rows, or of a record: runs, versions, deployments, predictions.

        Args:
            start: `source:name`, or what `trace` takes.
            rows: Rows of the source's newest snapshot by number, `100:200`, both ends included.
            where: Or a condition on them in SQL: `known_at >= '2026-01-01' AND plan = 'basic'`.
            limit: Most records of the graph.

        Raises:
            NotFound: There is nothing of that name, or no snapshot holds such rows.
            UsageError: The rows are not named properly.
        """
        from assay.data.selection import selection
        from assay.pipelines import impact

        options = {} if limit is None else {"limit": limit}
        return impact.trace_forward(self._workspace, start, chosen=selection(rows, where), **options)

    def page(self, trace: Trace) -> str:
        """The story, the graph and the records of `trace`, or of `impact(…).trace`, as one page of HTML."""
        from assay.pages.lineage import lineage_page

        return lineage_page(
            project=self._workspace.settings.name,
            start=trace.start,
            direction=trace.direction,
            steps=[step.to_json() for step in trace.steps],
            lineage=trace.graph,
            origin=trace.origin,
            head=self._workspace.ledger.head().digest,
        )


class Project:
    """One project; open it with `assay.open(folder)` and close it, or use it in a `with` block."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        overrides: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Read `assay.yaml` in `folder`.

        Args:
            folder: The project's folder.
            overrides: `key.path=value` each, stronger than the file.
            environment: Where `${VAR}` and `ASSAY__KEY__PATH` are looked up; the process's own by default.
            clock: What tells the time; records and ages follow it.

        Raises:
            ConfigError: There is no assay.yaml, or it is wrong; the message names line and field.
        """
        if environment is None:
            import os

            environment = os.environ
        return cls(Workspace(Path(folder), overrides=overrides, environment=environment, clock=clock))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stores that were opened."""
        self.workspace.close()

    @property
    def name(self) -> str:
        return self.workspace.settings.name

    @property
    def ledger(self) -> ProjectLedger:
        """The project's ledger, for reading, and for recording evidence of one's own."""
        return ProjectLedger(self.workspace)

    # Framing and data

    def check(self) -> list[Evidence]:
        """Validate settings, definitions, sources and stores without changing anything."""
        from assay.pipelines import checking

        return checking.check(self.workspace)

    def frame(self) -> list[Evidence]:
        """Judge the brief and record the judgement."""
        from assay.pipelines import audit

        return audit.judge_brief(self.workspace)

    def select(self, topics: Sequence[str] = (), **given: Any) -> tuple[list[Advice], Evidence]:
        """Advice with reasons: metric, model, tuning, deployment, GPU, inference, language model.

        Args:
            topics: Which of these; all by default.
            given: Facts that you know better than the ledger, as `assay.framing.advice.Facts` names them.
        """
        from assay.pipelines import advising

        return advising.select(self.workspace, topics=topics, **given)

    def assess(self, *, as_of: datetime | None = None, progress: Progress = silent) -> list[Evidence]:
        """Score the data, hold it against its expectations and write a data report a source; the score comes last."""
        from assay.pipelines import feature, run

        with self.workspace.alone("assay assess"):
            return feature.assess_only(run.begin(self.workspace, as_of=as_of, progress=progress))

    @property
    def features(self) -> Features:
        """The catalogue and the stores."""
        return Features(self.workspace)

    # Training and release

    def train(
        self, *, trials: int | None = None, as_of: datetime | None = None, progress: Progress = silent
    ) -> TrainingOutcome:
        """Build features and a candidate, judged on validation; the holdout stays closed."""
        from assay.pipelines import loop

        return loop.train_only(self.workspace, trials=trials, as_of=as_of, progress=progress)

    def evaluate(self, version: str | None = None, *, progress: Progress = silent) -> Evidence:
        """Measure a version on the validation rows; the one in production by default."""
        from assay.pipelines import loop

        return loop.evaluate_version(self.workspace, version, progress=progress)

    def run(
        self, *, trials: int | None = None, as_of: datetime | None = None, progress: Progress = silent
    ) -> RunOutcome:
        """The whole loop once; see `RunOutcome` for how it can end."""
        from assay.pipelines import loop

        return loop.run_loop(self.workspace, trials=trials, as_of=as_of, progress=progress)

    def experiments(self) -> list[dict[str, Any]]:
        """Every experiment with what became of it, newest first."""
        from assay.training.experiments import experiments

        return experiments(self.workspace.ledger.find(kind="training.experiment"))

    def models(self) -> list[dict[str, Any]]:
        """Every version with its stage and what it reached on the holdout, newest first."""
        from assay.pipelines import audit

        return audit.list_models(self.workspace)

    def promote(self, version: str | None = None, *, actor: str, reason: str, override: bool = False) -> Evidence:
        """Move a version one stage on by a person's word.

        Raises:
            GateRefused: Its gate said no and no override was given.
            UsageError: The person or the reason is missing.
        """
        from assay.pipelines import promotion

        return promotion.promote(self.workspace, version, actor=actor, reason=reason, override=override)

    def rollback(self, *, actor: str, reason: str) -> Evidence:
        """Put the previous production version back."""
        from assay.pipelines import promotion

        return promotion.rollback(self.workspace, actor=actor, reason=reason)

    def card(self, version: str | None = None, *, form: str = "md") -> str:
        """The model card of a version, as Markdown (`md`), a page (`html`) or a Hugging Face card (`hf`)."""
        from assay.pipelines import audit

        return audit.model_card(self.workspace, version, form=form)

    # Inference

    def predict(self, rows: pl.DataFrame, version: str | None = None) -> pl.DataFrame:
        """Score rows: a frame in, the same frame with `prediction` and `model` out.

        Rows bring entity keys and inputs; features come from the online store unless a row brings them itself.
        """
        from assay.pipelines import inference

        return inference.predict_frame(self.workspace, rows, version)

    def predict_file(
        self, source: Path, output: Path, version: str | None = None, *, progress: Progress = silent
    ) -> Evidence:
        """Score a file into a file, in pieces, whole or not at all."""
        from assay.pipelines import inference

        return inference.predict_file(self.workspace, source, output, version, progress=progress)

    def serve(
        self,
        *,
        host: str | None = None,
        port: int | None = None,
        say: Callable[[str], None] = lambda _line: None,
        announce: Callable[[str], None] = lambda _url: None,
    ) -> None:
        """Answer over HTTP until told to stop; `announce` is called with the address once it listens."""
        from assay.pipelines import inference

        inference.serve(self.workspace, host=host, port=port, say=say, announce=announce)

    # Monitoring

    def drift(self, *, since: datetime | None = None) -> Evidence:
        """Compare what production has seen with what it was trained on."""
        from assay.pipelines import monitoring

        return monitoring.measure_drift(self.workspace, since=since)

    def monitor(self, *, since: datetime | None = None) -> list[Evidence]:
        """Drift, performance on arrived labels, and a retraining trigger where they call for one."""
        from assay.pipelines import monitoring

        return monitoring.run_monitoring(self.workspace, since=since)

    def retrain(self, *, reason: str = "", as_of: datetime | None = None, progress: Progress = silent) -> RunOutcome:
        """Train a new version through the same gates, for the waiting trigger or for a person's reason."""
        from assay.pipelines import monitoring

        return monitoring.run_retraining(self.workspace, reason=reason, as_of=as_of, progress=progress)

    # Proof

    def verify(self) -> Proof:
        """Check the chain, and every artifact, snapshot and segment that it names."""
        from assay.pipelines import audit

        return audit.verify(self.workspace)


def open_project(
    folder: str | Path = ".",
    *,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Project:
    """Open the project in `folder`; see `Project.open`."""
    return Project.open(folder, overrides=overrides, environment=environment, clock=clock)
