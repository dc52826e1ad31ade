"""assay.yaml is read with every problem told at once, each with its line, its field and its remedy."""

import random
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.fields import ANY_INDEX, ANY_NAME, all_sections
from assay.config.loading import load, load_text
from assay.config.nearest import distance
from assay.config.settings import EntityRole, Settings
from assay.errors import ConfigError

SMALL = """\
name: shop
brief: {}
sources:
  games:
    path: games.csv
target:
  source: games
  label: won
  key: game_id
"""


def read(text: str = SMALL, *, flags: tuple[str, ...] = (), **environment: str) -> Settings:
    return load_text(textwrap.dedent(text), overrides=flags, environment=environment)


def problems(text: str = SMALL, *, flags: tuple[str, ...] = (), **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(text, flags=flags, **environment)
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


def test_only_four_keys_are_required_and_the_rest_has_defaults() -> None:
    found = read()
    assert (found.name, found.serving.port, found.training.trials) == ("shop", 8000, 20)
    assert [one for one in problems("owner: me") if "required" in one] == [
        (
            "assay.yaml:1:1  name: required (name of the project and of its model: lower case words joined by "
            "hyphens); add it."
        ),
        "assay.yaml:1:1  brief: required (why there is to be a model at all); add it.",
        "assay.yaml:1:1  sources: required (where rows come from, by name); add it.",
        "assay.yaml:1:1  target: required (what is predicted); add it.",
    ]


def test_values_are_typed() -> None:
    found = read(
        SMALL
        + """\
  time: date
  label_delay: 36h
  positive: 1
  entities: {team: team_id, opponent: {entity: team, column: opp_id}}
version: 1.10
split: {train_until: 2011-07-01, validation: 0.2}
monitoring: {windows: [1h, P1D, 604800]}
retraining: {tune: yes, months: null}
"""
    )
    assert found.version == "1.10"
    assert found.split.train_until == "2011-07-01"
    assert found.target.label_delay == timedelta(hours=36)
    assert type(found.target.positive) is int
    assert found.target.entities == {"team": "team_id", "opponent": EntityRole(entity="team", column="opp_id")}
    assert found.monitoring.windows == (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
    assert (found.retraining.tune, found.retraining.months) == (True, None)


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        """\
        name: My Shop
        owner: ${WHO}
        brief:
          ml_task_type: clasification
          baseline: "rules:"
        sources:
          games:
            path: games.xlsx
            delay: 1:30
            expectations:
              - {column: points, minimum: 3, maximum: 1}
        target:
          source: gmes
          lable: won
          key: game_id
        psi_warning: 3
        serving:
          prot: 9000
          workers: many
          host: 0.0.0.0
          host: 127.0.0.1
        """
    )
    assert found == [
        "assay.yaml:1:7  name: must be lower case letters and digits, words joined by single hyphens; got 'My Shop'.",
        "assay.yaml:2:8  owner: variable WHO is not set; export it, or give a default: ${WHO:-value}.",
        (
            "assay.yaml:4:17  brief.ml_task_type: must be one of classification, regression, ranking, generation, "
            "clustering, anomaly_detection, recommendation, forecasting; got 'clasification'; "
            "did you mean 'classification'?"
        ),
        (
            "assay.yaml:9:12  sources.games.delay: a clock time can be read in two ways; write 7d, 12h, 30m, 90s, "
            "500ms, 1d12h, ISO 8601 such as P7DT12H, or a number of seconds; got '1:30'."
        ),
        "assay.yaml:14:3  target.lable: unknown key; did you mean 'label'?",
        "assay.yaml:16:1  psi_warning: unknown key here; it belongs under `monitoring:`.",
        "assay.yaml:18:3  serving.prot: unknown key; did you mean 'port'?",
        "assay.yaml:19:12  serving.workers: needs a whole number; got 'many'.",
        "assay.yaml:21:3  serving.host: written twice, first on line 20; remove one.",
    ]


def test_keys_that_do_not_go_together_are_told_beside_wrong_types() -> None:
    found = problems(SMALL.replace("source: games", "source: gmes") + "training: {trials: many}\n")
    assert found == [
        "assay.yaml:7:11  target.source: no source is called 'gmes'; did you mean 'games'?",
        "assay.yaml:10:20  training.trials: needs a whole number; got 'many'.",
    ]


def test_a_misspelt_key_is_not_also_told_as_missing() -> None:
    assert problems(SMALL.replace("label:", "lable:") + "  time: at\nsplit: {by: group}\n") == [
        "assay.yaml:8:3  target.lable: unknown key; did you mean 'label'?",
        "assay.yaml:11:13  split.by: a split by group needs `target.group`, the column whose values stay together.",
    ]
    assert problems(SMALL + "  tme: at\nsplit: {by: time}\n") == [
        "assay.yaml:10:3  target.tme: unknown key; did you mean 'time'?",
    ]


def test_an_unset_variable_is_not_also_told_as_a_wrong_value() -> None:
    assert problems(SMALL + "serving: {port: ${PORT}}\n".replace("${PORT}", '"${PORT}"')) == [
        "assay.yaml:10:17  serving.port: variable PORT is not set; export it, or give a default: ${PORT:-value}."
    ]


def test_wrong_shapes_say_what_is_needed() -> None:
    assert problems(SMALL + "serving: [1]\ntraining: {estimators: logistic}\nowner: {a: 1}\n") == [
        "assay.yaml:10:10  serving: needs keys below it, indented; got a list.",
        "assay.yaml:11:24  training.estimators: needs a list: [a, b], or lines that start with `- `; got 'logistic'.",
        "assay.yaml:12:8  owner: needs text; got keys.",
    ]
    assert problems(SMALL.replace("games:\n    path: games.csv", "{}")) == [
        "assay.yaml:4:3  sources: needs at least 1 entry.",
    ]
    assert problems("- a\n- b\n") == [
        "assay.yaml:1:1  must hold keys such as `name:` and `brief:`, not a single value or a list."
    ]


def test_ranges_say_their_limit() -> None:
    text = SMALL + "split: {holdout: 2}\ntraining: {trials: -1, seed: 1.5}\nmonitoring: {psi_warning: .inf}\n"
    assert problems(text) == [
        "assay.yaml:10:18  split.holdout: must be less than 1; got '2'.",
        "assay.yaml:11:20  training.trials: must be greater than or equal to 0; got '-1'.",
        "assay.yaml:11:30  training.seed: needs a whole number; got '1.5'.",
        "assay.yaml:12:27  monitoring.psi_warning: needs a finite number; got '.inf'.",
    ]  # fmt: skip


def test_names_that_a_project_chooses_are_checked_too() -> None:
    assert problems(SMALL.replace("games:", "../etc:", 1).replace("source: games", "source: ../etc")) == [
        (
            "assay.yaml:4:3  sources.../etc: a source is named with letters, digits and underscores, "
            "not starting with a digit."
        )
    ]
    assert problems(SMALL.replace("brief: {}", "brief: {signals: {must_adpt: true}}"))[0].endswith(
        "did you mean 'must_adapt'?"
    )


# Variables


def test_variables_expand_with_defaults_and_escapes() -> None:
    text = (
        SMALL.replace("games.csv", "${ROOT:-/data}/${FILE}.csv") + 'owner: "$${FILE} and $5"\nserving: {port: "${P}"}\n'
    )
    found = read(text, FILE="elo", P="9000")
    assert found.sources["games"].path == "/data/elo.csv"
    assert found.owner == "${FILE} and $5"
    assert found.serving.port == 9000
    assert read(text, FILE="x", P="1", ROOT="/r").sources["games"].path == "/r/x.csv"
    assert read(text, FILE="x", P="1", ROOT="").sources["games"].path == "/data/x.csv"


def test_what_a_variable_holds_is_always_text() -> None:
    assert read(SMALL + 'owner: "${WHO}"\n', WHO="null").owner == "null"
    assert read(SMALL + "owner: ${WHO}\n", WHO="a: b # c").owner == "a: b # c"


def test_a_misspelt_variable_names_the_nearest_one_and_a_malformed_one_the_form() -> None:
    assert "Did you mean 'ASSAY_DATA'?" in problems(SMALL + "owner: ${ASSAY_DTA}\n", ASSAY_DATA="x")[0]
    assert "write ${NAME} or ${NAME:-default}" in problems(SMALL + "owner: ${a b}\n")[0]
    assert "write ${NAME} or ${NAME:-default}" in problems(SMALL + "owner: x${\n")[0]


def test_an_override_makes_the_variable_of_the_file_unneeded() -> None:
    text = SMALL.replace("games.csv", "${ASSAY_DATA}/games.csv")
    assert read(text, flags=("sources.games.path=here.csv",)).sources["games"].path == "here.csv"


@pytest.mark.parametrize(
    "extra",
    [
        "stores: {ledger: 'postgresql://me:hunter2@host/db', extra: 1}\n",
        "serving: {port: '${SECRET}'}\n",
        "serving: {api_keys: [hunter2]}\n",
        "stores: {ledger: [hunter2]}\n",
        "training: {timeout: '${SECRET}'}\n",
        "split: {by: '${SECRET}'}\n",
        "brief: {business_value: {function: 'postgresql://me:hunter2@host'}}\n",
    ],
)
def test_no_message_shows_a_secret(extra: str) -> None:
    text = SMALL.replace("brief: {}\n", "") + (extra if "brief" in extra else f"brief: {{}}\n{extra}")
    assert not [line for line in problems(text, SECRET="hunter2") if "hunter2" in line]
    flags = ("serving.port=hunter2", "split.by=hunter2", "training.timeout=[hunter2")
    assert not [line for line in problems(flags=flags) if "hunter2" in line]
    assert not [line for line in problems(ASSAY__SPLIT__BY="hunter2") if "hunter2" in line]


def test_urls_do_not_appear_when_settings_are_shown() -> None:
    found = read(SMALL + "stores: {ledger: 'postgresql://me:hunter2@host/db'}\n")
    assert found.stores.ledger == "postgresql://me:hunter2@host/db"
    assert "hunter2" not in repr(found)


# Overrides


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default() -> None:
    text = SMALL + "serving: {port: 2}\n"
    assert read().serving.port == 8000
    assert read(text).serving.port == 2
    assert read(text, ASSAY__SERVING__PORT="3").serving.port == 3
    assert read(text, ASSAY__SERVING__PORT="3", flags=("serving.port=4", "serving.port=5")).serving.port == 5


def test_overrides_are_yaml_values_and_reach_into_lists() -> None:
    text = SMALL.replace("path: games.csv", "path: games.csv\n    expectations: [{column: a, minimum: 1}]")
    found = read(
        text,
        flags=(
            "sources.games.expectations.0.minimum=3",
            "training.estimators=[logistic]",
            "brief.baseline=rules:elo",
            "target.entities={team: team_id}",
            "retraining.months=null",
            "owner=",
        ),
    )
    assert found.sources["games"].expectations[0].minimum == 3
    assert found.training.estimators == ("logistic",)
    assert found.brief.baseline == "rules:elo"
    assert found.target.entities == {"team": "team_id"}
    assert found.retraining.months is None
    assert found.owner == ""


def test_variables_match_keys_whatever_their_case() -> None:
    text = SMALL.replace("games:", "Games:", 1).replace("source: games", "source: Games")
    assert read(text, ASSAY__SOURCES__GAMES__PATH="x.csv").sources["Games"].path == "x.csv"


def test_other_variables_are_left_alone() -> None:
    assert read(ASSAY_DATA="/data", ASSAY="x").name == "shop"


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("serving.port", "--set  has no `=`"),
        ("=5", "names no key"),
        ("a..b=5", "names no key"),
        ("serving.prot=5", "--set serving.prot  serving.prot: unknown key; did you mean 'port'?"),
        ("serving.port=x", "--set serving.port  serving.port: needs a whole number."),
        ("training.estimators.2=x", "is a list with nothing to index"),
        ("name.first=x", "cannot reach into name"),
        ("serving.port=[", "--set serving.port  not YAML"),
        ("serving={port: 1, port: 2}", "written twice"),
        ("serving.port=\udcff", "--set serving.port  "),
    ],
)
def test_a_wrong_flag_is_named(flag: str, complaint: str) -> None:
    text = SMALL + "training: {estimators: []}\n"
    found = problems(text, flags=(flag,))
    assert [one for one in found if complaint in one], found


def test_a_wrong_variable_is_named() -> None:
    assert problems(ASSAY__SERVING__PROT="5") == [
        "variable ASSAY__SERVING__PROT  serving.prot: unknown key; did you mean 'port'?"
    ]


# Files


def test_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "assay.yaml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load(tmp_path, environment={}).name == "shop"


def test_a_missing_or_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no assay\.yaml"):
        load(tmp_path, environment={})
    (tmp_path / "assay.yml").write_text(SMALL)
    with pytest.raises(ConfigError, match=r"holds assay\.yml, but the file must be called assay\.yaml"):
        load(tmp_path, environment={})
    with pytest.raises(ConfigError, match="no such folder"):
        load(tmp_path / "nowhere", environment={})
    (tmp_path / "assay.yaml").write_bytes(b"name: x\nowner: \xff\n")
    with pytest.raises(ConfigError, match=r"assay\.yaml:2  not UTF-8"):
        load(tmp_path, environment={})
    (tmp_path / "assay.yaml").write_bytes(b"#" * 2_000_000)
    with pytest.raises(ConfigError, match="larger than"):
        load(tmp_path, environment={})


def test_the_message_names_the_file_and_counts_the_problems(tmp_path: Path) -> None:
    (tmp_path / "assay.yaml").write_text(SMALL + "x: 1\n" + "".join(f"y{n}: 1\n" for n in range(40)))
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, environment={})
    lines = str(refused.value).splitlines()
    assert lines[0] == f"{tmp_path / 'assay.yaml'}: 41 problems"
    assert lines[-1] == "  and 11 more"


# Properties

PLACES = [
    (path, key, tuple(section.model_fields))
    for path, section in all_sections()
    for key in section.model_fields
    if len(key) > 2
]


def nested(path: tuple[str, ...], key: str, value: Any) -> Any:
    """A document that holds `key` at `path`, names and indices filled in."""
    found: Any = {key: value}
    for step in reversed(path):
        found = [found] if step == ANY_INDEX else {"games" if step == ANY_NAME else step: found}
    return found


def typos(word: str, chance: random.Random) -> Iterator[str]:
    spot = chance.randrange(len(word))
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz_")
    yield word[:spot] + word[spot + 1 :]
    yield word[:spot] + letter + word[spot:]
    yield word[:spot] + letter + word[spot + 1 :]
    if spot + 1 < len(word):
        yield word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :]


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), seed=st.integers(0, 10_000))
def test_a_typing_error_in_any_known_key_suggests_that_key(
    place: tuple[tuple[str, ...], str, tuple[str, ...]], seed: int
) -> None:
    path, key, known = place
    for typo in typos(key, random.Random(seed)):
        if typo in known or not typo:
            continue
        found = problems(yaml.safe_dump(nested(path, typo, "x")))
        told = [one for one in found if f".{typo}: unknown key" in one or f"  {typo}: unknown key" in one]
        assert len(told) == 1
        assert f"'{key}'" in told[0] or any(distance(typo, one) < distance(typo, key) for one in known), told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_refused_as_configuration(folder: Path, data: bytes) -> None:
    (folder / "assay.yaml").write_bytes(data)
    with pytest.raises(ConfigError):
        load(folder, environment={})


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["${A}", "7d", "a:b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([key for _, key, _ in PLACES]) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    extra=st.dictionaries(st.sampled_from(list(Settings.model_fields)), TREES, max_size=4), flag=st.text(max_size=12)
)
def test_any_yaml_is_read_or_refused_as_configuration(extra: dict[str, Any], flag: str) -> None:
    document = yaml.safe_load(SMALL) | extra
    try:
        found = load_text(yaml.safe_dump(document, allow_unicode=True), overrides=[flag], environment={"A": "1"})
    except ConfigError:
        return
    assert isinstance(found, Settings)


@settings(max_examples=200, deadline=None)
@given(place=st.sampled_from(PLACES), value=TREES)
def test_any_value_of_any_key_is_read_or_refused_as_configuration(place: Any, value: Any) -> None:
    path, key, _ = place
    document = yaml.safe_load(SMALL)
    change = nested(path, key, value)
    first = next(iter(change))
    document[first] = {**document[first], **change[first]} if isinstance(document.get(first), dict) and isinstance(
        change[first], dict
    ) else change[first]  # fmt: skip
    try:
        load_text(yaml.safe_dump(document, allow_unicode=True), environment={})
    except ConfigError:
        return
