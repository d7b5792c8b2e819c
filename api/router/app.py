"""The application: what asks a model goes by the short way, all the rest through a framework."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from api import problem
from api.auth import KeyRing, is_loopback
from api.edge import Edge
from api.metrics import ApiMetrics
from api.router import about, control, explain, openapi, warming
from api.router.endpoints import ENDPOINTS
from api.router.listings import Listings
from api.router.parts import RouterParts
from api.router.plain import Plain
from api.router.serving import Serving
from schemas.settings import Settings

_ABOUT = """
One address for the models of a fleet, in the dialects of OpenAI and of Ollama. The answers' headers name
the node that answered. All else here is about the router itself; its errors are `application/problem+json`.
"""


class RouterApp:
    """An ASGI application."""

    def __init__(self, serving: Serving, plain: Plain, control: ASGIApp) -> None:
        self._serving = serving
        self._plain = plain
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._control(scope, receive, send)
            return
        path = scope["path"]
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None and scope["method"] == "POST":
            await self._serving.serve(endpoint, scope, receive, send)
        elif self._plain.serves(path):
            await self._plain.serve(scope, receive, send)
        else:
            await self._control(scope, receive, send)


def create_app(settings: Settings, parts: RouterParts) -> RouterApp:
    """Return the application of a router."""
    serving = Serving(parts.house)
    plain = Plain(parts.house, serving, Listings(parts.chooser, parts.catalogue))
    return RouterApp(serving, plain, _control(settings, parts))


def _control(settings: Settings, parts: RouterParts) -> ASGIApp:
    app = FastAPI(
        title="Penstock router",
        version=version("penstock"),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    app.include_router(about.router)
    app.include_router(control.router)
    app.include_router(explain.router)
    app.include_router(warming.router)
    problem.install(app)
    app.openapi = openapi.document(app)  # type: ignore[method-assign]  # the way that FastAPI documents
    local = is_loopback(settings.router.host)
    keys = None if local else KeyRing(settings.data_dir)
    return Edge(app, metrics=ApiMetrics(), keys=keys, local=local)
