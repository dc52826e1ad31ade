"""A search tries defaults first, is repeatable, and goes on after a kill without repeating a finished trial."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from assay.errors import ConfigError, DataError
from assay.ledger.evidence import plain
from assay.training.search import search

BOTH = ("logistic", "lightgbm")


def run(train, validation, **choices):
    settings = {"estimators": BOTH, "task": "classification", "trials": 6, "seed": 5}
    return search(train, validation, **(settings | choices))


def told(outcome):
    """What two equal searches share: everything but the seconds."""
    return [(one.number, one.estimator, one.params, one.value, one.was_pruned, one.details) for one in outcome.trials]


@pytest.fixture(scope="module")
def outcome(train, validation):
    return run(train, validation)


def test_the_best_trial_on_validation_wins(outcome, validation):
    values = [trial.value for trial in outcome.trials]
    best = outcome.trials[values.index(min(values))]
    assert (outcome.estimator, outcome.params) == (best.estimator, best.params)
    assert outcome.metric == "log_loss"
    assert outcome.best.predict(validation.inputs).shape == (600,)
    assert len(outcome.trials) == 6


def test_without_trials_the_defaults_are_compared(train, validation):
    outcome = run(train, validation, trials=0)
    assert [(trial.estimator, trial.number) for trial in outcome.trials] == [("logistic", 0), ("lightgbm", 1)]


def test_equal_seeds_search_alike_and_others_do_not(outcome, train, validation):
    again = run(train, validation)
    assert told(again) == told(outcome)
    assert again.best.scorer.to_bytes() == outcome.best.scorer.to_bytes()
    assert told(run(train, validation, seed=6)) != told(outcome)


class Interrupt:
    """Presses Ctrl-C after some trials."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, progress) -> None:
        if progress.done == self.after:
            raise KeyboardInterrupt


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(outcome, train, validation, tmp_path):
    for after in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            run(train, validation, study_path=tmp_path, progress=Interrupt(after))
    seen = []
    resumed = run(train, validation, study_path=tmp_path, progress=lambda one: seen.append(one.done))
    assert seen == [3, 4, 5, 6]
    assert told(resumed) == told(outcome)
    assert resumed.best.scorer.to_bytes() == outcome.best.scorer.to_bytes()
    assert resumed.evidence.figures["n_resumed"] == 3


def test_a_finished_search_is_not_repeated_but_its_model_is_the_same(outcome, train, validation, tmp_path):
    run(train, validation, study_path=tmp_path)
    again = run(train, validation, study_path=tmp_path)
    assert again.evidence.figures["n_resumed"] == 6
    assert again.best.scorer.to_bytes() == outcome.best.scorer.to_bytes()


def test_more_trials_go_on_from_the_finished_ones(outcome, train, validation, tmp_path):
    run(train, validation, study_path=tmp_path, trials=4)
    assert told(run(train, validation, study_path=tmp_path)) == told(outcome)


def test_fewer_trials_take_the_first_of_the_finished_ones(train, validation, tmp_path):
    run(train, validation, study_path=tmp_path, trials=6)
    assert told(run(train, validation, study_path=tmp_path, trials=3)) == told(run(train, validation, trials=3))


def test_other_rows_begin_another_study(train, validation, tmp_path):
    run(train, validation, study_path=tmp_path, trials=2)
    moved = train.take(train.rows.with_columns(x0=pl.col("x0") + 0.1))
    assert run(moved, validation, study_path=tmp_path, trials=2).evidence.figures["n_resumed"] == 0
    assert len(list(tmp_path.iterdir())) == 2


KILLED = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from conftest import make_frame
    from assay.training.search import search

    search(make_frame(1_500, seed=1), make_frame(600, seed=2), estimators=("logistic", "lightgbm"),
           task="classification", trials=1_000, seed=5, study_path=Path(sys.argv[2]))
    """
)


def test_a_killed_process_loses_no_finished_trial(outcome, train, validation, tmp_path):
    here = str(Path(__file__).parent)
    process = subprocess.Popen([sys.executable, "-c", KILLED, here, str(tmp_path)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while sum(path.read_bytes().count(b"\n") for path in tmp_path.iterdir()) < 4:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = sum(path.read_bytes().count(b"\n") for path in tmp_path.iterdir())
    seen = []
    resumed = run(train, validation, study_path=tmp_path, trials=kept + 2, progress=lambda one: seen.append(one.done))
    assert seen == [kept, kept + 1, kept + 2]
    assert [trial.number for trial in resumed.trials] == list(range(kept + 2))
    assert told(resumed)[:6] == told(outcome)[: len(resumed.trials)][:6]


def test_progress_tells_how_far_how_good_and_how_long(train, validation):
    ticks = iter(float(second) for second in range(1_000))
    seen = []
    run(train, validation, trials=4, progress=seen.append, clock=lambda: next(ticks))
    assert [(one.done, one.of) for one in seen] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert seen[0].best is None
    assert seen[-1].seconds_left == 0
    # the loop reads the clock once to ask for the time, twice to time the trial, once to report: 4 ticks a trial
    assert seen[2].trials_per_second == pytest.approx(0.25, rel=0.15)
    assert seen[2].seconds_left == pytest.approx(8, rel=0.15)
    assert seen[2].note.startswith("best log_loss 0.")
    assert "s left" in seen[2].note


def test_no_trial_begins_after_the_timeout_but_every_default_is_tried(train, validation):
    outcome = run(train, validation, trials=50, timeout=timedelta(0))
    assert len(outcome.trials) == 2
    assert outcome.evidence.figures["n_planned"] == 50


def test_fixed_hyperparameters_are_fitted_once(train, validation):
    outcome = run(train, validation, fixed=("lightgbm", {"num_leaves": 20}))
    assert outcome.estimator == "lightgbm"
    assert outcome.params["num_leaves"] == 20
    assert outcome.params["learning_rate"] == 0.05
    assert len(outcome.trials) == 1


def test_what_a_search_found_can_be_fitted_again(outcome, train, validation):
    again = run(train, validation, fixed=(outcome.estimator, outcome.params))
    assert again.best.scorer.to_bytes() == outcome.best.scorer.to_bytes()


def test_another_metric_may_decide(train, validation):
    outcome = run(train, validation, metric="roc_auc", trials=4)
    assert outcome.evidence.figures["value"] == max(trial.value for trial in outcome.trials)
    assert not any(trial.was_pruned for trial in outcome.trials)


def test_numbers_are_searched_by_mean_absolute_error(regression_train, regression_validation):
    outcome = run(regression_train, regression_validation, task="regression", trials=3)
    assert outcome.metric == "mae"
    assert {trial.estimator for trial in outcome.trials} == {"ridge", "lightgbm"}
    assert outcome.estimator == "lightgbm"


def test_evidence_tells_the_search(outcome):
    evidence = outcome.evidence
    assert (evidence.kind, evidence.verdict) == ("training.search", "pass")
    assert "is the best of 6 trials" in evidence.summary
    figures = plain(evidence.figures)
    assert figures["n_trials"] == len(figures["trials"]) == 6
    assert set(figures["best_by_estimator"]) == set(BOTH)
    assert next(iter(figures["importance"])) == "x0"
    assert figures["trials"][0]["value"] == figures["value"]


def test_a_feature_without_a_value_is_a_warning_that_names_it(train, validation):
    empty = train.take(train.rows.with_columns(x2=pl.lit(None, dtype=pl.Float64)))
    evidence = run(empty, validation, trials=0).evidence
    assert evidence.verdict == "warn"
    assert "x2" in evidence.summary


def test_bad_requests_are_refused_before_any_fit(train, validation):
    with pytest.raises(ConfigError, match="lightgmb"):
        run(train, validation, estimators=("lightgmb",))
    with pytest.raises(ConfigError, match="made for regression"):
        run(train, validation, metric="mae")
    with pytest.raises(DataError, match="no validation rows"):
        run(train, validation.take(validation.rows.clear()))
