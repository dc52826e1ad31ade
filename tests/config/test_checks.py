"""Keys that do not go together are told with the key to correct and the remedy."""

import copy
from typing import Any

import pytest

from assay.config.checks import check
from assay.config.settings import Settings

BASE: dict[str, Any] = {
    "name": "shop",
    "brief": {},
    "sources": {"games": {"path": "games.csv", "time": "date"}},
    "target": {"source": "games", "label": "won", "key": "game_id", "time": "date"},
}


def findings(**changes: Any) -> list[tuple[str, str]]:
    """Findings after setting dotted keys (`__` for the dot), `None` to remove one."""
    document = copy.deepcopy(BASE)
    for name, value in changes.items():
        *path, last = name.split("__")
        section = document
        for step in path:
            section = section.setdefault(step, {})
        section[last] = value
    found = check(Settings.model_validate(document))
    return [(".".join(map(str, one.path)), one.message) for one in found]


def test_a_sound_declaration_has_no_findings() -> None:
    assert findings() == []
    assert findings(split__train_until="2011-07-01") == []
    assert findings(split={"by": "random"}) == []  # the data room refuses it with the leak that it makes
    assert findings(serving={"host": "0.0.0.0", "api_keys": ["a" * 64]}) == []
    assert findings(serving__host="::1") == []
    assert findings(sources__db={"format": "sql", "url": "postgresql://x", "query": "select 1"}) == []


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"brief__baseline": "rules:"}, "brief.baseline", "name of a function in rules.py"),
        ({"brief__baseline": "rules:a-b"}, "brief.baseline", "name of a function"),
        ({"brief__business_value": {}}, "brief.business_value", "worth 0"),
        ({"sources__games__path": None}, "sources.games", "needs `path`"),
        ({"sources__games__path": "games.docx"}, "sources.games.path", ".csv, .tsv, .parquet"),
        ({"sources__games__query": "select 1"}, "sources.games", "belong to `format: sql`"),
        ({"sources__db": {"format": "sql", "url": "x"}}, "sources.db", "needs `query`"),
        ({"sources__db": {"query": "x"}}, "sources.db", "needs `url`"),
        (
            {"sources__db": {"format": "sql", "url": "x", "query": "y", "path": "z"}},
            "sources.db.path",
            "no `path`",
        ),
        ({"sources__x": {"path": "x.csv", "delay": "1d"}}, "sources.x.delay", "only with `time`"),
        ({"sources__x": {"path": "x.csv", "known_before": ["a"]}}, "sources.x.known_before", "only with `time`"),
        ({"sources__games__expectations": [{"minimum": 1}]}, "sources.games.expectations.0", "needs `column`"),
        ({"sources__games__expectations": [{"column": "a"}]}, "sources.games.expectations.0", "says nothing"),
        (
            {"sources__games__expectations": [{"rule": "a > 1", "unique": True}]},
            "sources.games.expectations.0",
            "unique need `column`",
        ),
        (
            {"sources__games__expectations": [{"column": "a", "minimum": 2, "maximum": 1}]},
            "sources.games.expectations.0.minimum",
            "swap",
        ),
        (
            {"sources__games__expectations": [{"column": "a", "pattern": "("}]},
            "sources.games.expectations.0.pattern",
            "no regular expression: missing )",
        ),
        ({"sources__games__key": ["a", "a"]}, "sources.games.key", "twice"),
        ({"target__source": "gmaes"}, "target.source", "did you mean 'games'?"),
        ({"target__source": "entirely_other"}, "target.source", "known: games."),
        ({"sources__games__known_before": ["won"]}, "target.label", "contradicts sources.games.known_before"),
        ({"target__key": "won"}, "target.key", "is the label itself"),
        ({"target__inputs": ["won"]}, "target.inputs", "remove it"),
        ({"target__context": ["won"]}, "target.context", "remove it"),
        ({"target__entities": {"team": "won"}}, "target.entities.team", "is the label"),
        ({"target__entities": {"the team": "a"}}, "target.entities.the team", "rename it"),
        ({"target__time": None, "target__label_delay": "1d"}, "target.label_delay", "name that column"),
        ({"target__time": None, "split__by": "time"}, "split.by", "needs `target.time`"),
        ({"split__by": "group"}, "split.by", "needs `target.group`"),
        ({"target__time": None, "split__train_until": "2011-01-01"}, "split.train_until", "split by time"),
        ({"split": {"by": "random", "train_until": "2011-01-01"}}, "split.train_until", "split by time"),
        ({"split": {"validation": 0.5, "holdout": 0.5}}, "split.holdout", "nothing to train on"),
        (
            {"split": {"train_until": "2012-01-01", "validation_until": "2011-12-31T23:00:00-05:00"}},
            None,
            None,
        ),
        (
            {"split": {"train_until": "2012-01-01", "validation_until": "2012-01-01"}},
            "split.validation_until",
            "must come after",
        ),
        ({"training__estimators": []}, "training.estimators", "at least one"),
        ({"training__estimators": ["a", "a"]}, "training.estimators", "twice"),
        ({"serving__host": "0.0.0.0"}, "serving.host", "needs `api_keys`"),
        ({"serving__host": "example.org"}, "serving.host", "needs `api_keys`"),
        ({"monitoring__psi_retrain": 0.3}, "monitoring.psi_retrain", "must not decrease"),
        ({"monitoring__windows": [0]}, "monitoring.windows.0", "empty window"),
    ],
)
def test_each_contradiction_is_found(changes: dict[str, Any], path: str | None, message: str | None) -> None:
    found = findings(**changes)
    if path is None or message is None:
        assert found == []  # a time with a zone is compared as the instant it is
        return
    assert [where for where, _ in found] == [path]
    assert message in found[0][1]


def test_strata_belong_to_a_random_split() -> None:
    assert (
        "split.stratify",
        "belongs to a random split; remove it, or `split.by`, `target.time` and `target.group`.",
    ) in (findings(split={"stratify": True}))
    assert findings(target__time=None, split={"stratify": True}) == []


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (["log", "one_hot"], "only log, standardise, robust, bin follow one another"),
        (["auto", "native"], "only log, standardise, robust, bin follow one another"),
        (["bin", "log"], "comes last"),
        (["log", "log"], "twice"),
    ],
)
def test_transforms_that_do_not_follow_one_another_are_told(apply: list[str], message: str) -> None:
    ((path, told),) = findings(training={"transforms": [{"apply": apply}]})
    assert path == "training.transforms.0.apply"
    assert message in told


def test_transforms_that_follow_one_another_are_taken() -> None:
    assert findings(training={"transforms": [{"apply": ["log", "robust", "bin"]}, {"apply": ["auto"]}]}) == []
