"""A behavioural test in assay.yaml that cannot mean anything is refused at its line, with what to do."""

import pytest

from assay.config.loading import load_text
from assay.errors import ConfigError

PROJECT = """
name: shop
brief: {}
sources: {games: {path: games.csv}}
target: {source: games, label: won, key: id}
evaluation:
  behaviour:
"""


def load(*tests: str):
    return load_text(PROJECT + "".join(f"    - {one}\n" for one in tests), environment={})


def test_sound_declarations_are_read():
    settings = load(
        "{name: a, kind: invariance, columns: [rest], values: [1, 2]}",
        "{name: b, kind: directional, swap: {home: away}, expect: lower}",
        "{name: c, kind: minimum_functionality, set: {rest: 3}, decision: positive}",
        "{name: d, kind: minimum_functionality, where: rest > 3, at_most: 0.5}",
        "{name: e, kind: perturbation, columns: ['*'], noise: 0.1, tolerance: 0.1}",
        "{name: f, kind: invariance, function: units:in_miles}",
        "behaviour:written_in_python",
    )
    assert len(settings.evaluation.behaviour) == 7
    assert settings.evaluation.behaviour[-1] == "behaviour:written_in_python"


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("{name: a, kind: invarience, columns: [x], add: 1}", "invariance"),
        ("{name: a, kind: invariance, colums: [x], add: 1}", "did you mean 'columns'"),
        ("{name: a, kind: invariance, columns: [x]}", "needs a change of the rows"),
        ("{name: a, kind: invariance, add: 1}", "needs `columns`"),
        ("{name: a, kind: invariance, columns: [x], add: 1, noise: 1}", "second change beside `add`"),
        ("{name: a, kind: invariance, columns: [x], set: {x: 1}}", "columns: has a meaning only with"),
        ("{name: a, kind: directional, columns: [x], add: 1}", "needs `expect`"),
        ("{name: a, kind: invariance, columns: [x], add: 1, expect: higher}", "belongs to a directional test"),
        ("{name: a, kind: minimum_functionality}", "needs `at_least`, `at_most` or `decision`"),
        ("{name: a, kind: minimum_functionality, at_least: 2, at_most: 1}", "swap them"),
        ("{name: a, kind: minimum_functionality, at_least: 2, tolerance: 1}", "move the limit instead"),
        (
            "{name: a, kind: perturbation, columns: [x], missing: true, at_most: 1}",
            "belongs to a minimum",
        ),
        ("{name: a, kind: directional, columns: [x], add: 1, expect: lower, tolerance: 1}", "use `not_…`"),
        ("{name: a, kind: invariance, columns: [x], add: 1, max_failure_rate: 1}", "max_failure_rate"),
        ("no colon", "module:function"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(test, told):
    with pytest.raises(ConfigError) as refused:
        load(test)
    assert told in str(refused.value)
    assert "assay.yaml: 1 problem" in str(refused.value)
    assert "assay.yaml:8:" in str(refused.value)


def test_two_tests_cannot_have_one_name():
    one = "{name: a, kind: invariance, columns: [x], add: 1}"
    with pytest.raises(ConfigError, match="names a second test so"):
        load(one, one)
