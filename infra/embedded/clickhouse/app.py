"""ClickHouse's HTTP interface: the routes, and the one place where an error becomes an answer."""

import logging

from aiohttp import web

from infra.embedded.clickhouse import credentials
from infra.embedded.clickhouse.answer import BEGUN, Begun, failed
from infra.embedded.clickhouse.execution import execute
from infra.embedded.clickhouse.failure import UNKNOWN_EXCEPTION, ClickHouseError, refusal
from infra.embedded.clickhouse.query import read
from infra.embedded.clickhouse.store import Store
from schemas.settings.model import ClickHouseSettings

logger = logging.getLogger(__name__)

STORE: web.AppKey[Store] = web.AppKey("store", Store)
SETTINGS: web.AppKey[ClickHouseSettings] = web.AppKey("settings", ClickHouseSettings)


def create_app(store: Store, settings: ClickHouseSettings) -> web.Application:
    """Return the application; ``settings`` name the user and password that it asks for."""
    app = web.Application()
    app[STORE] = store
    app[SETTINGS] = settings
    for path in ("/ping", "/replicas_status"):
        app.router.add_get(path, _alive)
    for path in ("/", "/query"):
        for method in ("GET", "POST", "PUT"):
            app.router.add_route(method, path, _answer)
        app.router.add_route("HEAD", path, _alive)
    app.router.add_route("*", "/{other:.*}", _nothing_here)
    return app


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n", content_type="text/html", charset="UTF-8")


async def _nothing_here(request: web.Request) -> web.Response:
    return web.Response(
        status=404,
        text=f"There is no handle {request.path}\n\nUse / or /ping for health checks, POST / for queries.\n",
    )


async def _answer(request: web.Request) -> web.StreamResponse:
    query_id = ""
    try:
        credentials.check(request.app[SETTINGS], request.raw_path, request.headers)
        if request.method == "GET" and "?" not in request.raw_path and not request.can_read_body:
            return await _alive(request)
        query = read(request.method, request.raw_path, request.headers)
        query_id = query.query_id
        return await execute(request.app[STORE], request, query)
    except ClickHouseError as error:
        return await _failed(request, error, query_id)
    except ConnectionError:
        # The client is gone; what it had begun is undone by the lease, and nobody reads this answer.
        return web.Response(status=499)
    except Exception:
        logger.exception("a request failed in a way nobody thought of: query %s", query_id)
        bug = refusal(UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", "Internal error of the store")
        return await _failed(request, bug, query_id)


async def _failed(request: web.Request, error: ClickHouseError, query_id: str) -> web.StreamResponse:
    begun: Begun | None = request.get(BEGUN)
    if begun is None:
        return failed(error, query_id)
    await begun.answer.break_off(request, begun.response, error)
    return begun.response
