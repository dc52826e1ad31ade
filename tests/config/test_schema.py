"""The JSON Schema says what the loader says, and the committed copy and the reference page keep up with the models."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from assay.config.document import plain_values, read_document
from assay.config.fields import all_sections
from assay.config.loading import load
from assay.config.reference import reference_page
from assay.config.schema import DEFAULT_PATH, json_schema, schema_text
from assay.config.settings import Settings

MINIMAL: dict[str, Any] = {
    "name": "shop",
    "brief": {},
    "sources": {"games": {"path": "games.csv"}},
    "target": {"source": "games", "label": "won", "key": "id"},
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


def test_the_committed_schema_is_current() -> None:
    committed = Path(__file__).parents[2] / DEFAULT_PATH
    assert committed.read_text() == schema_text(), "run: python -m assay.config.schema"


def test_the_module_writes_the_schema_where_it_is_told(tmp_path: Path) -> None:
    to = tmp_path / "new" / "schema.json"
    subprocess.run([sys.executable, "-m", "assay.config.schema", str(to)], check=True, capture_output=True)
    assert json.loads(to.read_text()) == json_schema()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"serving": {"port": 9000}},
        {"serving": {"port": "${PORT:-9000}"}},
        {"retraining": {"tune": "${TUNE}"}},
        {"training": {"timeout": "7d"}},
        {"training": {"timeout": 60}},
        {"split": {"by": "time", "train_until": "2011-07-01"}},
        {"brief": {"kill_criteria": ["a > 1", {"name": "x", "when": "b > 2"}], "signals": {"must_adapt": True}}},
        {"target": {**MINIMAL["target"], "entities": {"a": "b", "c": {"entity": "d", "column": "e"}}, "positive": 1}},
    ],
)
def test_what_an_editor_accepts_the_loader_can_read(validator: Any, change: dict[str, Any]) -> None:
    assert list(validator.iter_errors({**MINIMAL, **change})) == []


@pytest.mark.parametrize("path", ["examples/nba", "src/assay/demo/project", "src/assay/demo/blank"])
def test_the_projects_of_this_repository_are_sound(validator: Any, path: str) -> None:
    folder = Path(__file__).parents[2] / path
    assert load(folder, environment={}).name
    root, _ = read_document((folder / "assay.yaml").read_text(), name="assay.yaml")
    assert list(validator.iter_errors(plain_values(root))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"prot": 1},
        {"serving": {"port": "many"}},
        {"serving": {"port": 99_999}},
        {"split": {"by": "tme"}},
        {"name": "My Shop"},
        {"sources": {}},
        {"sources": {"../x": {"path": "a.csv"}}},
        {"sources": {"x": {"pth": "a.csv"}}},
        {"brief": {"signals": {"must_adpt": True}}},
        {"brief": {"kill_criteria": [{"nme": "x"}]}},
        {"target": {"source": "games"}},
        {"target": {**MINIMAL["target"], "rows": "no colon"}},
    ],
)
def test_what_the_loader_refuses_an_editor_marks(validator: Any, change: dict[str, Any]) -> None:
    assert list(validator.iter_errors({**MINIMAL, **change}))
    with pytest.raises(ValueError, match="validation error"):
        Settings.model_validate({**MINIMAL, **change})


def test_every_key_is_described() -> None:
    undescribed = [
        ".".join((*path, name))
        for path, section in all_sections()
        for name, field in section.model_fields.items()
        if not field.description
    ]
    assert undescribed == []


def test_the_reference_page_has_a_row_for_every_key() -> None:
    page = reference_page()
    for path, section in all_sections():
        heading = f"## `{'.'.join(path)}`" if path else "## Top level"
        table = page.split(f"{heading}\n")[1].split("\n## ")[0]
        rows = [line for line in table.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == list(section.model_fields)
        assert all(row.count("|") - row.count("\\|") == 5 for row in rows)


def test_the_reference_page_tells_kinds_limits_and_defaults() -> None:
    page = reference_page()
    assert "| `port` | whole number, at least 0, at most 65535 | `8000` | Port; 0 takes a free one. |" in page
    assert "| `windows` | list of duration | `[1h, 1d, 7d]` |" in page
    assert "| `name` | text | **required** |" in page
    assert "| `signals` | name to true or false |  |" in page
