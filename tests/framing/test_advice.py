"""Advice is looked up: every row can be reached, each fact of the specification is there, and reasons are given."""

from dataclasses import asdict

import pytest

from assay.config.settings import Brief
from assay.errors import UsageError
from assay.framing.advice import TOPICS, Facts, _tables, advise, evidence
from assay.metrics.expression import parse

TASKS = Brief.model_json_schema()["properties"]["ml_task_type"]["enum"]


def choice(topic: str, **facts: object) -> str:
    (found,) = advise(Facts(**{"task": "classification", **facts}), topics=[topic])
    return found.further.get("called", found.choose)


@pytest.mark.parametrize(
    ("topic", "facts", "expected"),
    [
        ("metric", {"positive_share": 0.04, "classes": 2}, "PR-AUC"),
        ("metric", {"positive_share": 0.05, "classes": 2}, "F1"),
        ("metric", {"classes": 3, "positive_share": 0.01}, "macro F1"),
        ("metric", {"task": "regression"}, "mean absolute error"),
        ("metric", {"task": "ranking"}, "NDCG@K"),
        ("metric", {"task": "anomaly_detection"}, "precision@K"),
        ("metric", {"task": "forecasting"}, "MASE with interval coverage"),
        ("model", {"rows": 9_999}, "gradient boosting"),
        ("model", {"kind": "image"}, "a fine-tuned ResNet or EfficientNet"),
        ("model", {"kind": "text", "rows": 200}, "a language model with a few examples in its prompt"),
        ("model", {"kind": "text", "rows": 20_000}, "a fine-tuned encoder"),
        ("tuning", {"rows": 50_000, "hyperparameters": 3}, "a grid"),
        ("tuning", {"rows": 50_000, "hyperparameters": 4}, "Bayesian, 50 to 100 trials with pruning"),
        ("tuning", {"rows": 200, "hyperparameters": 2}, "the defaults"),
        ("deployment", {"latency": "realtime", "model_mb": 499.0}, "embedded in the service"),
        ("deployment", {"latency": "realtime", "model_mb": 500.0}, "a model server"),
        ("deployment", {"latency": "batch"}, "a batch pipeline"),
        ("deployment", {"latency": "near_realtime"}, "an asynchronous queue"),
        ("gpu", {"job": "fine-tune", "parameters_b": 7.0}, "A10G 24 GB with LoRA or QLoRA"),
        ("gpu", {"job": "fine-tune", "parameters_b": 70.0}, "A100 80 GB"),
        ("gpu", {"job": "serve", "parameters_b": 7.0}, "T4"),
        ("gpu", {"job": "serve", "parameters_b": 70.0}, "A100 40 GB with quantised weights"),
        ("gpu", {"job": "pre-train"}, "H100"),
        ("llm", {"llm_task": "sql"}, "a model trained on code and fine-tuned on the schema"),
    ],
)
def test_the_choice_follows_from_the_facts(topic, facts, expected):
    assert choice(topic, **facts) == expected


@pytest.mark.parametrize("task", [one for one in TASKS if one])
def test_every_task_of_the_brief_is_told_a_metric_and_a_model(task):
    told = {one.topic: one for one in advise(Facts(task))}
    assert told["metric"].choose
    assert told["model"].choose
    assert told["model"].because


def test_what_is_not_known_is_named_and_does_not_hold():
    (found,) = advise(Facts("regression"), topics=["model"])
    assert found.unknown == ("categories_most",)
    assert "not known yet: categories_most" in str(found)


def test_only_generators_are_told_of_decoding():
    of = {
        task: {one.choose for one in advise(Facts(task), topics=["inference"])} for task in ("regression", "generation")
    }
    assert of["generation"] - of["regression"] == {"KV cache", "speculative decoding", "paged attention"}
    assert {"INT8 quantisation", "batching", "ONNX Runtime"} <= of["regression"]


def test_conditions_read_nothing_but_facts_and_rows_hold_nothing_unread():
    known = set(asdict(Facts("")))
    for topic, rows in _tables().items():
        assert topic in TOPICS
        for row in rows:
            assert set(row) <= {"when", "choose", "because", "called", "scale", "avoid", "speed", "cost"}
            assert all(isinstance(text, str) and text for text in row.values())
            assert set(parse(row.get("when", "1 == 1")).names) <= known
    assert "when" not in _tables()["tuning"][-1]


def test_an_unknown_topic_is_refused_by_name():
    with pytest.raises(UsageError, match="no advice on 'weather'"):
        advise(Facts("regression"), topics=["weather"])


def test_the_record_holds_the_facts_and_every_choice():
    facts = Facts("classification", "batch", rows=50_000)
    record = evidence(advise(facts), facts, project="churn", parents=["E-000003"])
    assert (record.kind, record.subject, record.parents) == ("framing.advice", "brief:churn", ("E-000003",))
    assert record.figures["facts"]["rows"] == 50_000
    assert {one["topic"] for one in record.figures["advice"]} == {
        "metric",
        "model",
        "tuning",
        "deployment",
        "inference",
    }
    assert "deployment: a batch pipeline" in record.summary
