"""What the application holds and every endpoint uses."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from api.metrics import ApiMetrics
from api.notify.documents import Documents
from api.query.finding import OBSERVATION, Kind
from api.query.fleet import FleetView
from api.query.hub import Hub
from api.query.live import Live
from api.query.operator import Operator
from api.query.standing import Standing
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
    operator: Operator
    observations: Standing
    alerts: Standing
    documents: Documents

    def standing(self, kind: Kind) -> Standing:
        """Return what stands of a kind."""
        return self.observations if kind is OBSERVATION else self.alerts


def parts(request: Request) -> Parts:
    """Return the parts of the application that serves a request."""
    return cast(Parts, request.app.state.parts)
