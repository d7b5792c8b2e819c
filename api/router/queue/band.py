"""The keys that wait at one priority in one pool: start-time fair queueing by tokens.

Each key has a tag: the tokens that it used, and those that its requests in flight are expected to use, by its
weight. The smallest tag goes first. A key that begins to wait starts at the band's virtual time: what it did
not use while it was idle is not saved up for it. When nothing waits or is in flight, everybody begins anew.

Virtual time goes on by every token used, divided by the weights of all who wait or are in flight, and is
never behind the use of a key whose turn it is. So it passes everybody in time, and no stream of new keys
keeps an old one waiting for ever. It follows what was used, not what is expected: otherwise a key whose
answers are shorter than expected would drive it up, have the difference back when they end, and be ahead of
all who came meanwhile.

Source: Goyal, Vin and Cheng, Start-time Fair Queuing, SIGCOMM 1996; there, lengths are known beforehand.
"""

from api.router.queue.account import Account
from api.router.queue.line import Heads, Line
from api.router.queue.model import Model
from api.router.queue.ticket import Ticket

ARREARS = 65_536.0
"""A key that could not use its share, because its models were full, has at most so many tokens (at a weight
of 1) to catch up."""
_SPARE = 64


class Share:
    """What one key has ``used`` of the band, and what it is ``expected`` to; tokens divided by its weight."""

    __slots__ = ("expected", "key", "lines", "running", "used", "weight")

    def __init__(self, key: str) -> None:
        self.key = key
        self.used = 0.0
        self.expected = 0.0
        self.weight = 0.0
        self.running = 0
        self.lines: dict[str, Line] = {}

    @property
    def idle(self) -> bool:
        """Whether it neither waits nor has anything in flight."""
        return not self.lines and not self.running


class Band:
    """One priority of one pool. ``heads`` holds the models that something waits for."""

    __slots__ = ("_sweep_at", "_weights", "heads", "priority", "running", "shares", "virtual", "waiting")

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.virtual = 0.0
        self.waiting = 0
        self.running = 0
        self.shares: dict[str, Share] = {}
        self.heads: dict[str, Heads] = {}
        self._sweep_at = _SPARE
        self._weights = 0.0

    def add(self, ticket: Ticket, model: Model, account: Account) -> None:
        """Put a ticket at the end of its key's line."""
        share = self._share(ticket.key)
        self._weigh(share, ticket.weight)
        line = share.lines.get(model.name)
        if line is None:
            if not share.lines:
                share.used = max(share.used, self.virtual)
            line = self._open(model, account, share)
            line.tickets[ticket.id] = ticket
            line.heads.enter(line)
        else:
            line.tickets[ticket.id] = ticket
        ticket.line = line
        self.waiting += 1

    def admit(self, ticket: Ticket) -> None:
        """A ticket goes without having waited."""
        share = self._share(ticket.key)
        self._weigh(share, ticket.weight)
        share.used = max(share.used, self.virtual)
        self._charge(share, ticket)

    def start(self, ticket: Ticket, line: Line) -> None:
        """A ticket that waited goes."""
        self._take(ticket, line)
        self._charge(line.share, ticket)
        self._rank(line.share)

    def remove(self, ticket: Ticket, line: Line) -> None:
        """A ticket leaves without having been served."""
        first = line.first is ticket
        self._take(ticket, line)
        if first and line.tickets and not line.parked:
            line.heads.enter(line)
        if line.share.idle:
            self._weigh(line.share, 0.0)

    def settle(self, ticket: Ticket, tokens: float) -> None:
        """A ticket ends, having used so many tokens."""
        share = self.shares[ticket.key]
        share.running -= 1
        self.running -= 1
        share.used += tokens / ticket.weight
        self.virtual += tokens / max(self._weights, share.weight)
        # What is left of sums and differences of floats once nothing is in flight is rounding.
        share.expected = share.expected - ticket.tokens / ticket.weight if share.running else 0.0
        self._rank(share)
        if share.idle:
            self._weigh(share, 0.0)
            if share.used <= self.virtual:
                del self.shares[ticket.key]

    def unpark(self, line: Line) -> None:
        """The key of a line may go on: it goes on from now."""
        line.parked = False
        share = line.share
        share.used = max(share.used, self.virtual)
        self._rank(share)

    def _charge(self, share: Share, ticket: Ticket) -> None:
        share.used = max(share.used, self.virtual - ARREARS)
        self.virtual = max(self.virtual, share.used)
        share.expected += ticket.tokens / ticket.weight
        share.running += 1
        self.running += 1

    def _share(self, key: str) -> Share:
        share = self.shares.get(key)
        if share is None:
            if len(self.shares) >= self._sweep_at:
                self._sweep()
            share = self.shares[key] = Share(key)
        return share

    def _sweep(self) -> None:
        """Forget keys that are back where everybody begins; once in as many new keys as are kept."""
        self.shares = {
            key: share for key, share in self.shares.items() if not share.idle or share.used > self.virtual
        }
        self._sweep_at = 2 * len(self.shares) + _SPARE

    def _weigh(self, share: Share, weight: float) -> None:
        """Count a key with its weight, or with none once it is idle."""
        self._weights += weight - share.weight
        share.weight = weight

    def _open(self, model: Model, account: Account, share: Share) -> Line:
        heads = self.heads.get(model.name)
        if heads is None:
            heads = self.heads[model.name] = Heads(model.capacity)
        heads.lines += 1
        line = share.lines[model.name] = Line(account, model, self, share, heads)
        return line

    def _take(self, ticket: Ticket, line: Line) -> None:
        del line.tickets[ticket.id]
        ticket.line = None
        self.waiting -= 1
        if line.tickets:
            return
        name = line.model.name
        line.version += 1
        line.heads.lines -= 1
        del line.share.lines[name]
        if line.parked:
            line.account.parked.remove(line)
        if not line.heads.lines:
            del self.heads[name]

    def _rank(self, share: Share) -> None:
        for line in share.lines.values():
            if not line.parked:
                line.heads.enter(line)
