"""The search for a model: each estimator's defaults first, then Bayesian proposals, the best on validation wins.

Finished trials survive a kill and are not repeated. What to try next is `sampler.py`, how to fit it is `estimators/`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from assay.config.settings import Training
from assay.ledger.evidence import Evidence
from assay.metrics.index import PRIMARY, metric_named
from assay.metrics.metric import Metric
from assay.models.frame import LabelledFrame
from assay.models.signature import Task
from assay.training.estimators import estimator_named, estimators_named
from assay.training.estimators.space import Estimator, Trainer
from assay.training.fitted import Fitted
from assay.training.matrices import DEFAULT, Matrices, matrices
from assay.training.prepare import Prepared
from assay.training.progress import Progress
from assay.training.sampler import propose
from assay.training.search_evidence import library_versions, search_evidence
from assay.training.selection import selection_evidence
from assay.training.trials import Journal, Trial, best_trial


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """The best model of a search, and the search.

    Attributes:
        best: The fitted winner, not calibrated.
        estimator: Its name.
        params: All its hyperparameters.
        metric: The figure that decided.
        trials: Every finished trial, in order.
        importance: Share of each input in the winner, most important first.
        prepared: The transforms that were fitted, and the training rows' columns that they gave.
        evidence: Kind `training.search`.
        selection: Kind `features.selection`; None where nothing is declared to be made of the inputs.
    """

    best: Fitted
    estimator: str
    params: Mapping[str, Any]
    metric: str
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]
    prepared: Prepared
    evidence: Evidence
    selection: Evidence | None = None


def silent(_progress: Progress) -> None:
    """Listen to no progress."""


def search(
    train: LabelledFrame,
    validation: LabelledFrame,
    *,
    estimators: Sequence[str],
    task: Task,
    trials: int,
    seed: int,
    metric: str | None = None,
    study_path: Path | None = None,
    study_name: str = "search",
    progress: Callable[[Progress], None] = silent,
    timeout: timedelta | None = None,
    training: Training = DEFAULT,
    fixed: tuple[str, Mapping[str, Any]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SearchOutcome:
    """Fit estimators on `train`, judge them on `validation`, and return the best.

    Args:
        estimators: Names from the index, each tried with its defaults first.
        trials: How many settings to try, the defaults included; every default is tried even where this is less.
        seed: Of the proposals and of the fits. Equal seeds and rows give the same trials and the same model.
        metric: The figure to search by; the task's primary one where None.
        study_path: Folder for finished trials. A search of the same rows, names, seed and libraries goes on from them.
        study_name: Tells studies apart that would otherwise be the same.
        progress: Called before the first trial and after each; an exception from it, as from Ctrl-C, ends the search
            and loses no finished trial.
        timeout: No trial is begun after it, once every default has been tried.
        training: Its transforms are fitted on `train` first; nothing else of it is read.
        fixed: An estimator and its hyperparameters, fitted once instead of searching.
        clock: Seconds that never run backwards.

    Raises:
        DataError: The rows cannot be learnt from; the message names the column.
        ConfigError: An estimator or a metric is unknown, or a transform does not fit the inputs.
        UsageError: `fixed` holds an unknown hyperparameter.
    """
    figure = metric_named(metric or PRIMARY[task], task=task)
    rows = matrices(train, validation, task=task, training=training)
    if fixed is not None:
        candidates: tuple[Estimator, ...] = (estimator_named(fixed[0], task=task),)
        planned: Mapping[str, Any] | None = candidates[0].complete(fixed[1])
    else:
        candidates, planned = estimators_named(estimators, task=task), None
    study = _Study(rows, candidates, figure, seed=seed)
    journal = Journal(_study_file(study_path, study, study_name) if planned is None else None)
    of = 1 if planned is not None else max(trials, len(candidates))
    n_resumed, started = min(of, len(journal.trials)), clock()
    progress(_progress(journal.trials[:of], figure, of=of, n_new=0, seconds=0.0))
    while len(journal.trials) < of and not _is_late(timeout, clock() - started, journal.trials, candidates):
        journal.add(study.attempt(journal.trials, planned, clock))
        n_new = len(journal.trials) - n_resumed
        progress(_progress(journal.trials, figure, of=of, n_new=n_new, seconds=clock() - started))
    finished = tuple(journal.trials[:of])  # an earlier search of these rows may have gone further
    winner = study.fitted(best_trial(finished, figure))
    return SearchOutcome(
        winner,
        winner.estimator,
        winner.params,
        figure.name,
        finished,
        winner.importance(),
        rows.prepared,
        search_evidence(
            winner, finished, rows, figure, study_name=study_name, seed=seed, n_resumed=n_resumed, planned=of,
            seconds=clock() - started,
        ),
        _selection(rows, winner),
    )  # fmt: skip


class _Study:
    """One set of rows, the trainers that have prepared them, and the best fit of this process."""

    def __init__(self, rows: Matrices, candidates: Sequence[Estimator], figure: Metric, *, seed: int) -> None:
        self._rows = rows
        self._candidates = candidates
        self._figure = figure
        self._seed = seed
        self._trainers: dict[str, Trainer] = {}
        self._best: tuple[int, Fitted] | None = None

    def attempt(
        self, finished: Sequence[Trial], planned: Mapping[str, Any] | None, clock: Callable[[], float]
    ) -> Trial:
        """Fit the planned setting, or the next proposal, and judge it."""
        started = clock()
        if planned is not None:
            estimator, params = self._candidates[0], dict(planned)
        else:
            estimator, params = propose(
                self._candidates, finished, seed=self._seed, higher_is_better=self._figure.higher_is_better
            )
        best = best_trial(finished, self._figure) if finished else None
        to_beat = best.value if best is not None and not self._figure.higher_is_better else None
        fitted = self._trainer(estimator).fit(params, to_beat=to_beat)
        value = self._figure(self._rows.validation_truth, fitted.scorer.score(self._rows.validation))
        if best is None or self._figure.is_better(value, best.value):
            self._best = (len(finished), fitted)
        seconds = round(clock() - started, 4)
        return Trial(len(finished), estimator.name, params, value, seconds, fitted.was_pruned, fitted.details)

    def fitted(self, trial: Trial) -> Fitted:
        """The model of a trial: kept if this process fitted it last as the best, fitted again if it was resumed."""
        if self._best is not None and self._best[0] == trial.number:
            return self._best[1]
        estimator = next(one for one in self._candidates if one.name == trial.estimator)
        return self._trainer(estimator).fit(trial.params)

    def digest(self, name: str) -> str:
        """What makes two studies the same: their trials may then be shared."""
        parts = {
            "name": name,
            "rows": self._rows.digest(),
            "metric": self._figure.name,
            "seed": self._seed,
            "spaces": {one.name: repr(dict(one.space)) for one in self._candidates},
            "versions": library_versions(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _trainer(self, estimator: Estimator) -> Trainer:
        if estimator.name not in self._trainers:
            self._trainers[estimator.name] = estimator.prepare(self._rows, self._seed, self._figure.name)
        return self._trainers[estimator.name]


def _selection(rows: Matrices, winner: Fitted) -> Evidence | None:
    chosen = rows.prepared.chosen
    if chosen is None:
        return None
    return selection_evidence(chosen, winner.column_importance(), label=rows.signature.label)


def _study_file(folder: Path | None, study: _Study, name: str) -> Path | None:
    return None if folder is None else folder / f"{study.digest(name)[:24]}.jsonl"


def _is_late(
    timeout: timedelta | None, seconds: float, finished: Sequence[Trial], candidates: Sequence[Estimator]
) -> bool:
    return timeout is not None and len(finished) >= len(candidates) and seconds >= timeout.total_seconds()


def _progress(finished: Sequence[Trial], figure: Metric, *, of: int, n_new: int, seconds: float) -> Progress:
    if not finished:
        return Progress(0, of, figure.name)
    best = best_trial(finished, figure)
    rate = n_new / seconds if n_new and seconds > 0 else None
    left = (of - len(finished)) / rate if rate else None
    return Progress(len(finished), of, figure.name, best.value, best.estimator, rate, left)
