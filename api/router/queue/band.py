"""The keys that wait at one priority in one pool: start-time fair queueing by tokens.

Each key has a tag, the virtual time at which its next request starts: tokens it was charged, divided by its
weight. The smallest tag goes first. A key that begins to wait starts at the band's virtual time, which is the
largest tag that went: what it did not use while it was idle is not saved up for it. When nothing waits and
nothing is in flight, everybody begins anew.

A request is charged its estimate when it goes and the difference when it ends.

Source: Goyal, Vin and Cheng, Start-time Fair Queuing, SIGCOMM 1996.
"""

from api.router.queue.account import Account
from api.router.queue.line import Heads, Line
from api.router.queue.model import Model
from api.router.queue.ticket import Ticket

ARREARS = 65_536.0
"""A key that could not use its share, because its model was full or it had been charged too much, has at most
so many tokens (for a weight of 1) of it left to catch up."""
_SPARE = 64


class Share:
    """What one key has had of the band. ``floor`` is where it joined: no refund takes it further back."""

    __slots__ = ("floor", "key", "lines", "running", "tag")

    def __init__(self, key: str) -> None:
        self.key = key
        self.tag = 0.0
        self.floor = 0.0
        self.running = 0
        self.lines: dict[str, Line] = {}


class Band:
    """One priority of one pool. ``heads`` holds the models that something waits for."""

    __slots__ = ("_sweep_at", "heads", "priority", "running", "shares", "virtual", "waiting")

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.virtual = 0.0
        self.waiting = 0
        self.running = 0
        self.shares: dict[str, Share] = {}
        self.heads: dict[str, Heads] = {}
        self._sweep_at = _SPARE

    def add(self, ticket: Ticket, model: Model, account: Account) -> None:
        """Put a ticket at the end of its key's line."""
        share = self._share(ticket.key)
        line = share.lines.get(model.name)
        if line is None:
            if not share.lines:
                share.tag = share.floor = max(share.tag, self.virtual)
            line = self._open(model, account, share)
            line.tickets[ticket.id] = ticket
            line.heads.enter(line)
        else:
            line.tickets[ticket.id] = ticket
        ticket.line = line
        self.waiting += 1

    def start(self, ticket: Ticket, line: Line) -> None:
        """A ticket goes, and its key is charged for it."""
        share = line.share
        tag = max(share.tag, self.virtual - ARREARS)
        self._take(ticket, line)
        self.virtual = max(self.virtual, tag)
        share.tag = tag + ticket.tokens / ticket.weight
        share.running += 1
        self.running += 1
        self._rank(share)

    def remove(self, ticket: Ticket, line: Line) -> None:
        """A ticket leaves without having been served."""
        first = line.first is ticket
        self._take(ticket, line)
        if first and line.tickets and not line.parked:
            line.heads.enter(line)

    def settle(self, ticket: Ticket, tokens: float) -> None:
        """A ticket ends, having used so many tokens."""
        share = self.shares[ticket.key]
        share.running -= 1
        self.running -= 1
        if tokens != ticket.tokens:
            tag = share.tag + (tokens - ticket.tokens) / ticket.weight
            share.tag = max(tag, min(share.floor, share.tag)) if share.lines else tag
            self._rank(share)
        if not share.running and not share.lines and share.tag <= self.virtual:
            del self.shares[ticket.key]

    def unpark(self, line: Line) -> None:
        """The key of a line may go on: it goes on from now."""
        line.parked = False
        share = line.share
        share.tag = share.floor = max(share.tag, self.virtual)
        self._rank(share)

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
            key: share
            for key, share in self.shares.items()
            if share.running or share.lines or share.tag > self.virtual
        }
        self._sweep_at = 2 * len(self.shares) + _SPARE

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
