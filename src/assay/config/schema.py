"""The JSON Schema of assay.yaml, for editors: `python -m assay.config.schema [FILE]` writes it.

An editor that reads `# yaml-language-server: $schema=…` on the first line of assay.yaml completes and explains keys.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from assay.config.settings import Settings

DEFAULT_PATH = Path("docs/reference/assay.schema.json")
VARIABLE = {"type": "string", "pattern": r"\$\{", "description": "A value with ${VAR} or ${VAR:-default} in it."}
LEAVES = ("integer", "number", "boolean")
KEPT = ("default", "propertyNames", "required", "description")  # keywords that hold no schema with values in it


def json_schema() -> dict[str, Any]:
    """The schema, in draft 2020-12; wherever a number, a yes or a choice may stand, `${VAR}` may too."""
    schema = Settings.model_json_schema(mode="validation")
    definitions = schema.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "assay.yaml",
        "description": "An Assay project: what is predicted, from what, how it is judged and served.",
        **{key: _with_variables(value) for key, value in schema.items() if key not in ("title", "description")},
        "$defs": {
            "Variable": VARIABLE,
            **{name: _with_variables(one) for name, one in definitions.items()},
        },
    }


def schema_text() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def write_schema(path: Path = DEFAULT_PATH) -> Path:
    """Write the schema, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema_text(), encoding="utf-8")
    return path


def _with_variables(schema: Any) -> Any:
    """The same schema with `${VAR}` allowed at every leaf that is no free text, and generated titles left out."""
    if isinstance(schema, list):
        return [_with_variables(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if _is_leaf(schema):
        outside = {key: schema[key] for key in ("description", "default") if key in schema}
        inside = {key: value for key, value in schema.items() if key not in (*outside, "title")}
        return {**outside, "anyOf": [inside, {"$ref": "#/$defs/Variable"}]}
    dropped = ("title", "default") if "$ref" in schema else ("title",)
    kept = {key: _inside(key, value) for key, value in schema.items() if key not in dropped}
    return {**kept, "additionalProperties": False} if "patternProperties" in kept else kept


def _inside(keyword: str, value: Any) -> Any:
    if keyword in ("properties", "patternProperties"):
        return {name: _with_variables(one) for name, one in value.items()}
    return value if keyword in KEPT else _with_variables(value)


def _is_leaf(schema: dict[str, Any]) -> bool:
    return schema.get("type") in LEAVES or "enum" in schema or "const" in schema or "pattern" in schema


if __name__ == "__main__":
    sys.stdout.write(f"{write_schema(*map(Path, sys.argv[1:2]))}\n")
