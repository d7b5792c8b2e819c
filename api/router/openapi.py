"""What /openapi.json says of the serving path, which no framework serves."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from api.router.ask import Dialect
from api.router.endpoints import ENDPOINTS

_DOCUMENTS = {
    Dialect.OPENAI: "https://platform.openai.com/docs/api-reference",
    Dialect.OLLAMA: "https://docs.ollama.com/api",
}
_SAID = {
    "X-Penstock-Fallback-Models": "models to fall back to, in order, separated by commas",
    "X-Penstock-Strict": "true: no other model than the one named, from whatever cause",
    "X-Penstock-Resident-Fallback": "true: while the model would have to be loaded, another one that is in "
    "memory may answer",
    "X-Penstock-Priority": "higher goes first, up to what the key may have",
    "X-Penstock-Goal": "latency, efficiency or balanced",
    "X-Penstock-Patience": "seconds that the request may wait in the queue",
    "X-Penstock-Session": "requests of one conversation, which go to one node where that helps",
    "X-Penstock-Workload": "a label of what this is part of",
    "X-Penstock-Tags": "labels, separated by commas, with a value or without: team=search, nightly",
}
_ANSWERED = {
    "X-Penstock-Request-Id": "the id under which the facts of this request are kept",
    "X-Penstock-Requested-Model": "the model that was asked for",
    "X-Penstock-Served-Model": "the model that answered",
    "X-Penstock-Node": "the node that answered",
    "X-Penstock-Retries": "how many upstreams had failed before",
    "X-Penstock-Fallback": "whether another model answered than was asked for",
    "X-Penstock-Fallback-Reason": "listed: by the request; resident: in memory, and the model asked for not",
    "X-Penstock-Queue-Wait-Ms": "milliseconds in the queue",
    "X-Penstock-Score": "the score by which the node was chosen",
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_LISTED = {
    "/v1/models": (Dialect.OPENAI, "Models of all upstreams"),
    "/v1/models/{id}": (Dialect.OPENAI, "One model"),
    "/api/tags": (Dialect.OLLAMA, "Models of all upstreams"),
    "/api/ps": (Dialect.OLLAMA, "Models that are loaded"),
    "/api/version": (Dialect.OLLAMA, "The version of the API"),
}


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return what makes the document of an application, the serving path included."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described()["paths"].update(_paths())
        return app.openapi_schema or {}

    return openapi


def _paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, endpoint in ENDPOINTS.items():
        found[path] = {
            "post": _asking(endpoint.dialect, f"{endpoint.task.value}, as {endpoint.dialect.value}")
        }
    for path, (dialect, summary) in _LISTED.items():
        found[path] = {"get": _operation(dialect, summary)}
    found["/v1/models/{id}"]["get"]["parameters"] = [_ID]
    found["/api/show"] = {"post": _operation(Dialect.OLLAMA, "About one model")}
    return found


def _operation(dialect: Dialect, summary: str) -> dict[str, Any]:
    return {
        "tags": [dialect.value],
        "summary": summary,
        "externalDocs": {"url": _DOCUMENTS[dialect]},
        "responses": {"200": {"description": "as the API of this dialect says"}},
    }


def _asking(dialect: Dialect, summary: str) -> dict[str, Any]:
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in _ANSWERED.items()}
    return {
        **_operation(dialect, summary),
        "parameters": [
            {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
            for name, text in _SAID.items()
        ],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True},
        "responses": {"200": {"description": "as the API of this dialect says", "headers": headers}},
    }
