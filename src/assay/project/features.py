"""Features: the catalogue, the stores and the streams of an open project, as `project.features` offers them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.pipelines.run import Progress, silent
from assay.pipelines.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from assay.features.joined import State
    from assay.features.streaming.dead_letters import DeadLetter
    from assay.ledger.evidence import Evidence
    from assay.pipelines.streaming import Flow

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

    def states(self, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, State]]:
        """For each row the views whose values are not simply there: `role.view` to missing, expired, stale, ..."""
        from assay.pipelines import inference

        return inference.states(self._workspace, keys)
