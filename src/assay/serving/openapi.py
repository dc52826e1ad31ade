"""The OpenAPI document: exact schemas from the row schema and signature of the version that answers.

Made by hand rather than by FastAPI because the schemas are data of the model, not types of the program.
"""

from __future__ import annotations

from typing import Any

from assay.models.signature import Task
from assay.serving.feedback_endpoint import LONGEST_ID, MOST_LABELS
from assay.serving.predict_endpoint import LONGEST_KEY
from assay.serving.problems import MEDIA_TYPE
from assay.serving.rows import LARGEST_NUMBER
from assay.serving.service import Service

Json = dict[str, Any]

_REASONS = {
    400: "Not JSON, or a key twice",
    401: "No accepted key",
    408: "The body was too slow",
    413: "The body is too large",
    415: "Not declared as JSON",
    422: "A field is wrong; `errors` says which and why",
    500: "A fault of the service; its log has the details",
    503: "Not ready, or too busy; see Retry-After",
    504: "No answer within the deadline",
}
_POST_REFUSALS = (400, 401, 408, 413, 415, 422, 500, 503, 504)
_TIME = {"type": "string", "format": "date-time", "pattern": "^(19|20|21)[0-9]{2}-"}


def document(service: Service, *, version: str) -> Json:
    """The document of a service as it answers now; before a version is loaded, rows are any object."""
    predictor = service.predictor
    row: Json = predictor.schema.json_schema() if predictor else {"type": "object"}
    task: Task = predictor.model.signature.task if predictor else "regression"
    title = predictor.version if predictor else "no version yet"
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Assay: {title}", "version": version},
        "paths": _paths(),
        "components": {
            "schemas": {
                "Row": row,
                "PredictRequest": _predict_request(service.limits.max_rows, can_explain=_can_explain(service)),
                "PredictAnswer": _predict_answer(task),
                "FeedbackRequest": _feedback_request(task),
                "FeedbackAnswer": _feedback_answer(),
                "Problem": _problem(),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        **({"security": [{"bearer": []}, {"key": []}]} if service.api_keys else {}),
    }


def _paths() -> Json:
    state = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
    text = {"text/plain": {"schema": {"type": "string"}}}
    listing = {"type": "object", "properties": {"models": {"type": "array", "items": {"type": "object"}}}}
    paths = {
        "/predict": {"post": _post("predict", "Predict one or many rows", "PredictRequest", "PredictAnswer")},
        "/feedback": {"post": _post("feedback", "Give the truth by id", "FeedbackRequest", "FeedbackAnswer")},
        "/models": {"get": _get("models", "Versions of the registry", _json(listing), refusals=(401, 500, 503))},
        "/metrics": {"get": _get("metrics", "Counts in the Prometheus format", text, refusals=(401, 500))},
    }
    for path, summary in (("/health", "How the service is"), ("/livez", "Whether the process runs")):
        paths[path] = {"get": _get(path[1:], summary, _json(state), open_door=True)}
    for path in ("/ready", "/readyz"):
        paths[path] = {
            "get": _get(path[1:], "Whether a version is loaded and warm", _json(state), refusals=(503,), open_door=True)
        }
    return paths


def _post(operation: str, summary: str, request: str, answer: str) -> Json:
    return {
        "operationId": operation,
        "summary": summary,
        "requestBody": {"required": True, "content": _json(_reference(request))},
        "responses": {
            "200": {"description": "Done", "content": _json(_reference(answer))},
            **_refusals(_POST_REFUSALS),
        },
    }


def _get(
    operation: str, summary: str, content: Json, *, refusals: tuple[int, ...] = (), open_door: bool = False
) -> Json:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": "Done", "content": content}, **_refusals(refusals)},
        **({"security": []} if open_door else {}),
    }


def _refusals(statuses: tuple[int, ...]) -> Json:
    content = {MEDIA_TYPE: {"schema": _reference("Problem")}}
    return {str(one): {"description": _REASONS[one], "content": content} for one in statuses}


def _predict_request(max_rows: int, *, can_explain: bool) -> Json:
    explain: Json = {"type": "boolean", "default": False}
    if not can_explain:
        explain["const"] = False
    return {
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": _reference("Row"), "minItems": 1, "maxItems": max_rows},
            "explain": explain,
            "key": {"type": ["string", "null"], "maxLength": LONGEST_KEY},
        },
        "required": ["rows"],
        "additionalProperties": False,
    }


FEATURE_STATES = ["missing", "expired", "future", "stale", "unavailable"]


def _predict_answer(task: Task) -> Json:
    properties: Json = {
        "id": {"type": "string"},
        "value": {"type": "integer", "enum": [0, 1]} if task == "classification" else {"type": "number"},
        "model": {"type": "string"},
        "variant": {"type": "string"},
        "source": {"type": "string", "enum": ["model", "cache", "backup", "rules", "default"]},
        "explanation": {"type": "object", "additionalProperties": {"type": "number"}},
        "states": {"type": "object", "additionalProperties": {"type": "string", "enum": FEATURE_STATES}},
    }
    required = ["id", "value", "model", "variant", "source"]
    if task == "classification":
        properties["probability"] = {"type": "number", "minimum": 0, "maximum": 1}
        required.append("probability")
    prediction = {"type": "object", "properties": properties, "required": required}
    return {
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": prediction}, "time": _TIME},
        "required": ["predictions", "time"],
    }


def _feedback_request(task: Task) -> Json:
    number: Json = {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    truth = {"enum": [0, 1]} if task == "classification" else number
    label = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
            "value": {"anyOf": [truth, {"type": "boolean"}]},
            "time": {"anyOf": [_TIME, {"type": "null"}]},
        },
        "required": ["id", "value"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"labels": {"type": "array", "items": label, "minItems": 1, "maxItems": MOST_LABELS}},
        "required": ["labels"],
        "additionalProperties": False,
    }


def _feedback_answer() -> Json:
    refused = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "reason": {"type": "string"}},
        "required": ["id", "reason"],
    }
    return {
        "type": "object",
        "properties": {"accepted": {"type": "integer"}, "refused": {"type": "array", "items": refused}},
        "required": ["accepted", "refused"],
    }


def _problem() -> Json:
    fault = {"type": "object", "properties": {"field": {"type": "string"}, "reason": {"type": "string"}}}
    return {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": fault},
            "errors_in_all": {"type": "integer"},
        },
        "required": ["type", "title", "status", "detail"],
    }


def _can_explain(service: Service) -> bool:
    return service.predictor is not None and service.predictor.explain is not None


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
