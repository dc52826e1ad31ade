"""Project: a folder with assay.yaml, opened; each stage of its life is one method.

Wires nothing itself and computes nothing: the workspace opens the stores, the pipelines tell the stories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from assay.pipelines.run import Progress, silent
from assay.pipelines.workspace import Workspace, utc_now
from assay.project.features import Features
from assay.project.ledger import ProjectLedger

if TYPE_CHECKING:
    import polars as pl

    from assay.evaluation.side_by_side import SideBySide
    from assay.framing.advice import Advice
    from assay.ledger.evidence import Evidence
    from assay.pipelines.audit import Proof
    from assay.pipelines.loop import RunOutcome
    from assay.pipelines.training import TrainingOutcome


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

    def junit(self, run: str) -> str:
        """The behavioural tests of a run, `RUN-2026-11-21-001`, as JUnit XML; no suite where none was tried."""
        from assay.evaluation.behaviour.junit import junit

        tried = self.workspace.ledger.find(kind="model.behaviour", run=run)
        return junit(tried, project=self.name)

    def experiments(self) -> list[dict[str, Any]]:
        """Every experiment with what became of it, newest first; one whose process was killed is told of too."""
        from assay.pipelines.experiment import settle_interrupted
        from assay.training.experiments import experiments

        settle_interrupted(self.workspace)
        return experiments(self.workspace.ledger.find(kind="training.experiment"))

    def compare_experiments(self, names: Sequence[str]) -> SideBySide:
        """Put experiments side by side: what differs, metrics with intervals, curves.

        Raises:
            NotFound: There is no experiment of that name.
            UsageError: Fewer than two are named, or one twice.
        """
        from assay.pipelines import comparing

        return comparing.compare(self.workspace, names)

    def reproduce(self, name: str, *, progress: Progress = silent) -> Evidence:
        """Train an experiment again from its snapshots, and record whether bundle and metrics are equal.

        Raises:
            NotFound: There is no experiment of that name.
            UsageError: It left no model, or its run did not record what was asked of it.
        """
        from assay.pipelines import reproducing

        return reproducing.reproduce(self.workspace, name, progress=progress)

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
        """The model card of a version, or its technical file, from evidence.

        Args:
            version: `name@number`; the one in production by default.
            form: `md`, `html` or `hf` (Hugging Face) for the card, `annex-iv` or `annex-iv-html` for the file.
        """
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

    def goals(self) -> list[Evidence]:
        """How each goal of the settings stands: met, at risk, missed, or without a figure yet."""
        from assay.pipelines import goals

        return goals.look_at_goals(self.workspace)

    def report(self, *, since: datetime | None = None, if_due: bool = False) -> Evidence | None:
        """Write what happened since a moment as HTML and JSON; gives its record, None where none is due.

        Args:
            since: From when; a day or a week ago by default, as `reporting.every` says.
            if_due: Write nothing where the last report is younger than that.
        """
        from assay.pipelines import reporting

        return reporting.write_report(self.workspace, since=since, if_due=if_due)

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
