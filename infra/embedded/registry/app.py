"""The registry's HTTP interface: Confluent's paths, content type and error bodies."""

import base64
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from infra.embedded.registry import problem
from infra.embedded.registry.problem import Problem
from infra.embedded.registry.service import TYPES, Answer, Registry
from schemas.settings import RegistrySettings

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
BODY_LIMIT_BYTES = 1 << 20
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(registry: Registry, settings: RegistrySettings) -> web.Application:
    """Return the server; it asks for the user and password, or the token, that the settings name."""
    errors, authentication = _errors, _authentication(_accepted(settings))
    app = web.Application(middlewares=[errors, authentication], client_max_size=BODY_LIMIT_BYTES)
    for method, path, answer in _routes(registry):
        app.router.add_route(method, path, answer)
    return app


def _routes(registry: Registry) -> list[tuple[str, str, Handler]]:
    return [*_schema_routes(registry), *_subject_routes(registry), *_level_routes(registry), *_fixed_routes()]


def _schema_routes(registry: Registry) -> list[tuple[str, str, Handler]]:
    async def schema(request: web.Request) -> web.Response:
        return _json(registry.schema(request.match_info["id"]))

    async def text(request: web.Request) -> web.Response:
        return _text(registry.schema(request.match_info["id"])["schema"])

    async def uses(request: web.Request) -> web.Response:
        return _json(registry.uses(request.match_info["id"]))

    async def subjects(request: web.Request) -> web.Response:
        found = registry.uses(request.match_info["id"])
        return _json(sorted({use["subject"] for use in found}))

    async def every(request: web.Request) -> web.Response:
        return _json(registry.all_schemas(request.query.get("subjectPrefix", "")))

    return [
        ("GET", "/schemas", every),
        ("GET", "/schemas/ids/{id}", schema),
        ("GET", "/schemas/ids/{id}/schema", text),
        ("GET", "/schemas/ids/{id}/versions", uses),
        ("GET", "/schemas/ids/{id}/subjects", subjects),
    ]


def _subject_routes(registry: Registry) -> list[tuple[str, str, Handler]]:
    async def every(request: web.Request) -> web.Response:
        return _json(registry.subjects(request.query.get("subjectPrefix", "")))

    async def look_up(request: web.Request) -> web.Response:
        return _json(registry.look_up(_subject(request), await _body(request)))

    async def versions(request: web.Request) -> web.Response:
        return _json(registry.versions(_subject(request)))

    async def register(request: web.Request) -> web.Response:
        return _json(registry.register(_subject(request), await _body(request)))

    async def version(request: web.Request) -> web.Response:
        return _json(registry.version(_subject(request), request.match_info["version"]))

    async def text(request: web.Request) -> web.Response:
        return _text(registry.version(_subject(request), request.match_info["version"])["schema"])

    async def compatible(request: web.Request) -> web.Response:
        verbose = request.query.get("verbose", "false").lower() == "true"
        named = request.match_info.get("version")
        body = await _body(request)
        return _json(registry.compatible(_subject(request), named, body, verbose=verbose))

    one = "/subjects/{subject}/versions/{version}"
    return [
        ("GET", "/subjects", every),
        ("POST", "/subjects/{subject}", look_up),
        ("GET", "/subjects/{subject}/versions", versions),
        ("POST", "/subjects/{subject}/versions", register),
        ("GET", one, version),
        ("GET", f"{one}/schema", text),
        ("GET", f"{one}/referencedby", _constant([])),
        ("DELETE", "/subjects/{subject}", _no_deletion),
        ("DELETE", one, _no_deletion),
        ("POST", "/compatibility/subjects/{subject}/versions", compatible),
        ("POST", "/compatibility/subjects/{subject}/versions/{version}", compatible),
    ]


def _level_routes(registry: Registry) -> list[tuple[str, str, Handler]]:
    async def level(request: web.Request) -> web.Response:
        or_global = request.query.get("defaultToGlobal", "false").lower() == "true"
        return _json(registry.level(_subject_or_all(request), or_global=or_global))

    async def set_level(request: web.Request) -> web.Response:
        return _json(registry.set_level(_subject_or_all(request), await _body(request)))

    async def unset_level(request: web.Request) -> web.Response:
        return _json(registry.unset_level(_subject_or_all(request)))

    paths = ("/config", "/config/{subject}")
    by_method = (("GET", level), ("PUT", set_level), ("DELETE", unset_level))
    return [(method, path, answer) for path in paths for method, answer in by_method]


def _fixed_routes() -> list[tuple[str, str, Handler]]:
    mode = _constant({"mode": "READWRITE"})
    return [
        ("GET", "/", _constant({})),
        ("GET", "/schemas/types", _constant(list(TYPES))),
        ("GET", "/mode", mode),
        ("GET", "/mode/{subject}", mode),
        ("PUT", "/mode", _no_mode),
        ("PUT", "/mode/{subject}", _no_mode),
    ]


async def _no_deletion(_request: web.Request) -> web.StreamResponse:
    raise problem.not_allowed(
        "schemas are not deleted here: records written with them could not be read any more"
    )


async def _no_mode(_request: web.Request) -> web.StreamResponse:
    raise problem.not_allowed("the mode is always READWRITE here")


def _constant(value: Any) -> Handler:  # noqa: ANN401 - any JSON
    async def answer(_request: web.Request) -> web.StreamResponse:
        return _json(value)

    return answer


def _subject(request: web.Request) -> str:
    return request.match_info["subject"]


def _subject_or_all(request: web.Request) -> str | None:
    return request.match_info.get("subject")


async def _body(request: web.Request) -> Answer:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as exc:
        raise problem.malformed(f"the body is no JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise problem.malformed("the body is no JSON object")
    return body


def _json(value: Any, status: int = 200) -> web.Response:  # noqa: ANN401 - any JSON
    return web.Response(text=json.dumps(value), content_type=CONTENT_TYPE, status=status)


def _text(schema: str) -> web.Response:
    return web.Response(text=schema, content_type=CONTENT_TYPE)


def _error(status: int, error_code: int, message: str) -> web.Response:
    return _json({"error_code": error_code, "message": message}, status)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as exc:
        if exc.status >= web.HTTPInternalServerError.status_code:
            logger.error("%s %s: %s", request.method, request.path, exc.message)
        return _error(exc.status, exc.error_code, exc.message)
    except web.HTTPException as exc:
        return _error(exc.status, exc.status, f"HTTP {exc.status} {exc.reason}")


def _accepted(settings: RegistrySettings) -> tuple[bytes, ...]:
    """Return the ``Authorization`` headers that open the door; none means it is open."""
    token, password = settings.token.get_secret_value(), settings.password.get_secret_value()
    accepted = [f"Bearer {token}".encode()] if token else []
    if settings.username:
        pair = base64.b64encode(f"{settings.username}:{password}".encode())
        accepted.append(b"Basic " + pair)
    return tuple(accepted)


def _authentication(accepted: tuple[bytes, ...]) -> Any:  # noqa: ANN401 - aiohttp's type of a middleware
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if accepted and not any(hmac.compare_digest(given, known) for known in accepted):
            raise problem.unauthorized()
        return await handler(request)

    return check
