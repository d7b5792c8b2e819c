"""What all upstreams have; asked again and again, and kept while one is away."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from api.router.seams import Upstream
from api.router.upstream import inventory
from api.router.upstream.client import Client
from api.router.upstream.fault import Fault
from api.router.upstream.inventory import Inventory

logger = logging.getLogger(__name__)


class Catalogue:
    """Inventories by upstream.

    Args:
        client: asks.
        interval_s: between two questions to one upstream.
    """

    def __init__(self, client: Client, interval_s: float) -> None:
        self._client = client
        self._interval_s = interval_s
        self._inventories: dict[str, Inventory] = {}
        self._errors: dict[str, str] = {}
        self._listeners: list[Callable[[], None]] = []

    def listen(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` when an upstream says something new, and after every round of questions."""
        self._listeners.append(changed)

    def inventory(self, upstream: str) -> Inventory | None:
        """Return what an upstream said last; None where it never said anything."""
        return self._inventories.get(upstream)

    def errors(self) -> Mapping[str, str]:
        """Return why upstreams that did not answer the last question did not."""
        return self._errors

    def known(self, upstreams: Sequence[Upstream]) -> Iterator[tuple[Upstream, Inventory]]:
        """Yield those of the upstreams that ever said what they have."""
        for upstream in upstreams:
            found = self._inventories.get(upstream.id)
            if found is not None:
                yield upstream, found

    async def run(self, upstreams: Callable[[], Sequence[Upstream]]) -> None:
        """Ask those that ``upstreams`` returns, until cancelled."""
        while True:
            await self.ask(upstreams())
            await asyncio.sleep(self._interval_s)

    async def ask(self, upstreams: Sequence[Upstream]) -> None:
        """Ask each once; one that does not answer keeps what it said before."""
        await asyncio.gather(*(self._ask(upstream) for upstream in upstreams))
        for gone in self._inventories.keys() - {upstream.id for upstream in upstreams}:
            del self._inventories[gone]
            self._errors.pop(gone, None)
        self._tell()

    async def _ask(self, upstream: Upstream) -> None:
        try:
            found = await inventory.read(self._client, upstream, self._inventories.get(upstream.id))
        except Fault as exc:
            if upstream.id not in self._errors:
                logger.warning("%s", exc)
            self._errors[upstream.id] = exc.message
        else:
            if self._errors.pop(upstream.id, None):
                logger.info("%s answers again", upstream.id)
            self._take(upstream, found)  # now: another upstream, or a question, may take long
            self._take(upstream, await inventory.shown(self._client, upstream, found))

    def _take(self, upstream: Upstream, found: Inventory) -> None:
        if found != self._inventories.get(upstream.id):
            self._inventories[upstream.id] = found
            self._tell()

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()
