"""What the serving path has at hand; made once, by the application."""

from dataclasses import dataclass

from api.router.breaker import Breakers
from api.router.flight import Flights
from api.router.memory import Memory
from api.router.pauses import Pauses
from api.router.pull import Pulls
from api.router.rewrite import Rules
from api.router.seams import Admission, Chooser, Gate, Recorder
from api.router.substitutes import Substitutes
from api.router.upstream.client import Client
from schemas.settings import RouterSettings


@dataclass(slots=True)
class House:
    """The parts of a router that one request meets. ``local``: only names of this machine are served.

    ``stopping``: requests under way may end, and no new ones come in.
    """

    settings: RouterSettings
    gate: Gate
    chooser: Chooser
    memory: Memory
    admission: Admission
    recorder: Recorder
    client: Client
    breakers: Breakers
    flights: Flights
    rules: Rules
    pulls: Pulls
    pauses: Pauses
    substitutes: Substitutes
    local: bool
    stopping: bool = False
