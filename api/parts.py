"""What the application holds and every endpoint uses."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from api.metrics import ApiMetrics
from api.query.fleet import FleetView
from api.query.hub import Hub
from api.query.live import Live
from api.sql.run import SqlService
from api.store import Store
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application; they live as long as it runs."""

    settings: Settings
    store: Store
    sql: SqlService
    fleet: FleetView
    hub: Hub
    live: Live
    metrics: ApiMetrics


def parts(request: Request) -> Parts:
    """Return the parts of the application that serves a request."""
    return cast(Parts, request.app.state.parts)
