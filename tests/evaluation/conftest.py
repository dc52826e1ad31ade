"""A realistic run as evidence: measured by the room itself, told in the shapes that the other rooms record."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from assay.evaluation.compare import compare
from assay.evaluation.evaluate import evaluate
from assay.ledger.evidence import Evidence

EXPERIMENT = "experiment:EXP-2026-11-21-001"
MODEL = "model:win-probability@1.2.0"


@dataclass
class Recorder:
    """Numbers evidence as the ledger does."""

    run: str = "RUN-2026-11-21-001"
    all: list[Evidence] = field(default_factory=list)

    def __call__(self, *evidences: Evidence) -> Evidence:
        for one in evidences:
            number = len(self.all) + 7
            time = f"2026-11-21T10:{number // 60:02}:{number % 60:02}.000000Z"
            self.all.append(replace(one, id=f"E-{number:06}", time=time, run=self.run))
        return self.all[-1]


def frame(record, *, quality=26.4):
    """Brief, snapshots, quality."""
    brief = {
        "business_objective": "Price tickets and plan broadcasts by how open a game is",
        "success_metric": "log loss at least 10 % below the home rate",
        "baseline": "rules:home_rate",
        "ml_task_type": "classification",
        "prediction_target": "Whether the home team wins, before tip-off",
        "prediction_consumer": "api",
        "latency_requirement": "realtime",
        "data_available": "63,157 games, 1946 to 2015",
        "data_gaps": "No injuries, no line-ups",
        "ethical_considerations": "Games only; nobody is ranked or refused anything",
        "kill_criteria": [],
        "signals": {},
    }
    record(
        Evidence("run.started", f"run:{record.run}", "info", "win-probability, as of 2026-11-21 10:21 UTC"),
        Evidence("framing.brief", "brief:project", "pass", "brief complete: 10 of 10 fields", {"brief": brief}),
        Evidence("framing.rules_or_ml", "brief:project", "pass", "machine learning: 3 signals for it, 1 for rules"),
        Evidence(
            "data.snapshot", "source:games", "info", "games: 63,157 rows, 1946-11-01 to 2015-06-16",
            {"digest": "9f2c" * 16, "rows": 63157, "schema": {}, "first": "1946-11-01T00:00:00Z", "last": "2015-06-16"},
        ),
        Evidence("data.expectations", "source:games", "pass", "games: 7 of 7 rules hold over 63,157 rows"),
        Evidence(
            "data.split", "split:rows", "info",
            "cut by time: train 57,004, validation 2,637, holdout 3,516; validation from 2011-10-01",
            {"by": "time", "train": 57004, "validation": 2637, "holdout": 3516},
        ),
    )  # fmt: skip
    scores = {
        "completeness": 4.9,
        "accuracy": 4.6,
        "consistency": 4.8,
        "timeliness": None,
        "relevance": 3.4,
        "volume": 5,
    }
    if quality < 18:
        scores |= {"completeness": 0.8, "accuracy": 2.1, "consistency": 1.9}
    record(
        Evidence(
            "data.quality", "sources:games", "pass" if quality >= 18 else "fail",
            f"data quality {quality:.1f} of 30 (minimum 18)" + ("" if quality >= 18 else "; fix first: fill 'pts'"),
            {
                "score": quality, "of": 30, "minimum": 18,
                "dimensions": {
                    name: {"score": score, "of": 5, "figures": {}, "why": f"games: what was seen of {name}"}
                    for name, score in scores.items()
                },
                "fixes": [{"dimension": "relevance", "points": 1.6, "why": "weak", "what": "Add rest days and travel"}],
            },
        )
    )  # fmt: skip


def check_leakage(record):
    record(
        Evidence("leakage.inputs", "source:games", "pass", "3 inputs do not move when later columns are shuffled"),
        Evidence("features.build", "view:team_form", "info", "team_form: 126,314 rows, version 1"),
        Evidence(
            "leakage.time_travel", "features:train", "pass", "2,000 rows recomputed from what was known: no change"
        ),
        Evidence("leakage.row_independence", "view:gaps", "pass", "10 tries, no row changed"),
        Evidence("leakage.target_derived", "features:train", "warn", "elo_gap alone reaches an AUC of 0.71"),
    )


def train(record):
    rng = np.random.default_rng(4)
    trials = [
        {"number": number, "estimator": "logistic" if number % 3 == 0 else "lightgbm", "value": value, "seconds": 1.0}
        for number, value in enumerate(0.602 + 0.05 * rng.beta(1, 4, 22) - 0.0006 * np.arange(22))
    ]
    params = {"learning_rate": 0.043217, "num_leaves": 23, "min_data_in_leaf": 61, "feature_fraction": 0.72}
    record(
        Evidence(
            "training.search", "experiment:search", "info", "lightgbm wins 22 trials with a log loss of 0.5949",
            {"metric": "log_loss", "value": 0.5949, "estimator": "lightgbm", "params": params, "trials": trials},
        ),
        Evidence("leakage.fitted", "model:preprocessing", "pass", "12 arrays equal those of a refit on train"),
    )  # fmt: skip


def scored(n_rows=3_516, seed=8):
    """Truth, the candidate's, the rule's and no information's scores, and segments."""
    rng = np.random.default_rng(seed)
    logits = 0.45 + 0.95 * rng.normal(size=n_rows)
    truth = (rng.random(n_rows) < 1 / (1 + np.exp(-logits))).astype(float)
    ours = 1 / (1 + np.exp(-(logits + 0.1 * rng.normal(size=n_rows))))
    rule = 1 / (1 + np.exp(-(0.4 + 0.45 * (logits - 0.45) + 0.3 * rng.normal(size=n_rows))))
    weekday = np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])[rng.integers(0, 7, n_rows)]
    playoffs = np.where(rng.random(n_rows) < 0.07, "playoffs", "season")
    truth[playoffs == "playoffs"] = (rng.random((playoffs == "playoffs").sum()) < 0.5).astype(float)
    return truth, ours, rule, np.full(n_rows, 0.62), {"weekday": weekday, "phase": playoffs}


def judge(record, *, part, subject=EXPERIMENT, resamples=200):
    truth, ours, rule, constant, segments = scored()
    choices = {"task": "classification", "primary": "log_loss", "resamples": resamples, "part": part}
    rng = np.random.default_rng(1)
    heuristic = evaluate(
        truth, rule, subject="rule:home_rate", rng=rng, role="heuristic", no_information=constant, **choices
    )
    record(heuristic.evidence)
    evaluation = evaluate(
        truth, ours, subject=subject, rng=rng, role="candidate", slices=segments, no_information=constant, **choices
    )
    record(evaluation.evidence)
    for name, theirs in (("no-information", constant), ("home_rate", rule), ("win-probability@1.1.0", ours**1.12)):
        record(
            compare(
                truth, ours, theirs, metric="log_loss", rng=rng, resamples=resamples, names=(subject, name), part=part
            ).evidence
        )


def condition(name, verdict, reason, *evidence):
    return {"name": name, "verdict": verdict, "reason": reason, "evidence": list(evidence), "override": None}


def release(record):
    record(
        Evidence("framing.kill_criterion", "kill:no_better_than_random", "pass", "the model gains 13.1 % over 0.6640"),
        Evidence(
            "model.registered", MODEL, "info", "win-probability@1.2.0 registered, bundle 4c9d…",
            {"name": "win-probability", "version": "1.2.0", "bundle": "4c9d" * 16},
        ),
        Evidence("model.golden", MODEL, "pass", "256 rows, one by one as in a batch"),
        Evidence("model.size", MODEL, "pass", "0.4 MB of 500 MB"),
        Evidence("model.latency", MODEL, "pass", "p99 0.21 ms of 100 ms over 1,000 calls"),
    )  # fmt: skip
    override = {"by": "R. Auer", "reason": "elo_gap is public before the game"}
    calibration = "expected calibration error 0.0179 (limit 0.05)"
    conditions = [
        condition("beats production", "pass", "see E-000024", "E-000024"),
        condition("leakage clean", "warn", "5 checks found none", "E-000014", "E-000016") | {"override": override},
        condition("calibration", "pass", calibration, "E-000023"),
    ]
    figures = {"gate": "staging", "conditions": conditions}
    record(
        Evidence("gate.staging", MODEL, "warn", "staging gate: 3 of 3 conditions hold; overridden: leakage", figures),
        Evidence("model.stage", MODEL, "info", "win-probability@1.2.0: development to staging by policy"),
        Evidence("release.load_test", MODEL, "pass", "1,840 requests, p99 4.1 ms, no error"),
        Evidence(
            "gate.production", MODEL, "pass", "production gate: 3 of 3 conditions hold", {"conditions": conditions[:1]}
        ),
        Evidence("model.stage", MODEL, "info", "win-probability@1.2.0: staging to production by policy"),
    )


@pytest.fixture(scope="session")
def promoted_run():
    """(outcome, evidences) of a run that went all the way."""
    record = Recorder()
    frame(record)
    check_leakage(record)
    train(record)
    judge(record, part="validation")
    record(
        Evidence(
            "training.experiment", EXPERIMENT, "info", "iterate: lightgbm, log loss 0.5949",
            {"id": "EXP-2026-11-21-001", "estimator": "lightgbm", "features": ["elo_gap", "team_points_10g_mean"]},
        ),
        Evidence("data.holdout_opened", "holdout:77aa", "info", "sealed holdout of 3,516 rows opened: final exam"),
    )  # fmt: skip
    judge(record, part="holdout")
    release(record)
    outcome = {
        "run": record.run, "verdict": "promoted", "stage": "release", "model": "win-probability@1.2.0",
        "reason": f"production gate: 3 of 3 conditions hold [{record.all[-2].id}]", "seconds": 71.3,
        "ledger_head": "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184", "ledger_length": 412,
    }  # fmt: skip
    return outcome, tuple(record.all)


@pytest.fixture(scope="session")
def refused_run():
    """(outcome, evidences) of a run that the quality gate stopped."""
    record = Recorder()
    frame(record, quality=14.2)
    record(Evidence("run.finished", f"run:{record.run}", "fail", "stopped in features: data quality 14.2 of 30"))
    return {"run": record.run, "verdict": "stopped", "stage": "features", "seconds": 3.1, "model": ""}, tuple(
        record.all
    )


@pytest.fixture(scope="session")
def killed_run():
    """(outcome, evidences) of a run that a kill criterion ended."""
    record = Recorder()
    frame(record)
    check_leakage(record)
    train(record)
    judge(record, part="validation")
    fired = record(
        Evidence(
            "framing.kill_criterion", "kill:heuristic_close", "fail",
            "the heuristic reaches 97 % of the model, more than 90 %; skill: model 12.1 %, heuristic 11.8 %",
        )
    )  # fmt: skip
    reason = f"{fired.summary} [{fired.id}]"
    return {"run": record.run, "verdict": "kill", "stage": "training", "reason": reason, "model": ""}, tuple(record.all)
