"""Where requests enter a node: from the router and from clients, to the runtime that serves their model."""

import math
from collections.abc import Callable, Collection

from producers.simulator.clients import Clients
from producers.simulator.draws import generator
from producers.simulator.journal import Journal, Ticket, outcome_of, request_id
from producers.simulator.machine import Machine
from producers.simulator.physics.batching import End
from producers.simulator.physics.queueing import Request
from producers.simulator.retries import REFUSED_AFTER_S, SILENT_AFTER_S, Tried
from producers.simulator.scenario.model import Scenario
from producers.simulator.server import Server
from producers.simulator.traffic import Arrival, Traffic
from schemas.codec import Event
from schemas.events.reading import NAN
from schemas.events.request_finished import Outcome
from schemas.events.request_routed import Candidate

# Seconds until a caller knows of an error, of a cut.
_ERROR_S, _CUT_S = 0.04, 8.0
_FAILED = "failed this request"


class Door:
    """The requests of one node. ``closed``: nothing gets through to it; ``emit`` takes facts of requests."""

    def __init__(self, scenario: Scenario, name: str, traffic: Traffic, seed: int,
                 emit: Callable[[str, Event, float], None]) -> None:  # fmt: skip
        self._name = name
        self._traffic = traffic
        self._seed = seed
        self._clients = Clients(traffic.streams, scenario.nodes, name, seed)
        self._journal = Journal(scenario.fleet_of(name), name, scenario.starts_at, emit)
        self._rng = generator(seed, "errors", name)
        self._tickets: dict[int, Ticket] = {}
        self._held: list[tuple[Arrival, Ticket]] = []  # by the router, which knows of no node that is up
        self._serial = 0
        self._until_s = 0.0
        self._cutting_s = 0.0
        self._failing: dict[str, float] = {}
        self.closed = False

    def open(self, machine: Machine, until_s: float) -> None:
        """Let in what comes before a time."""
        self._until_s = until_s
        for arrival in self._traffic.take(self._name, until_s):
            self._arrived(machine, arrival)
        if self._held:
            self._release(machine, until_s)
        for at_s, stream, client in self._clients.asking(until_s):
            self._ask(machine, at_s, stream, client)

    def first_token(self, request: Request, at_s: float) -> None:
        """A runtime wrote the first token of an answer."""
        ticket = self._tickets.get(request.serial)
        if ticket is not None:
            self._journal.first_token(ticket, at_s)

    def ended(self, machine: Machine, request: Request, how: End, at_s: float) -> None:
        """A request is over."""
        ticket = self._tickets.pop(request.serial, None)
        at_s += self._cutting_s
        if ticket is not None:
            self._journal.finished(ticket, request, outcome_of(how, request), at_s)
        if request.client >= 0:
            next_s = self._clients.answered(request.stream, request.client, at_s, well=how == "completed")
            if next_s < self._until_s:
                self._ask(machine, next_s, request.stream, request.client)
            elif next_s < math.inf:
                self._clients.later(next_s, request.stream, request.client)

    def cut(self, machine: Machine, now_s: float, *, at_once: bool) -> None:
        """Break the router's connections: their requests end in the runtime, and callers learn of it."""
        self._cutting_s = 0.0 if at_once else _CUT_S
        for server in machine.servers:
            for request in server.requests():
                if request.serial in self._tickets:
                    server.cancel(request, now_s, "died")
        self._cutting_s = 0.0

    def fail_share(self, runtime_ids: Collection[str], ratio: float) -> None:
        """Let a share of the requests to these runtimes fail."""
        self._failing.update(dict.fromkeys(runtime_ids, ratio))

    def _arrived(self, machine: Machine, arrival: Arrival) -> None:
        stream = self._traffic.streams[arrival.stream]
        if stream.through == "direct":
            self._enter(machine, self._request(arrival, arrival.at_s), arrival.at_s)
            return
        server = machine.serving(stream.model)
        ticket = Ticket(
            request_id(self._seed, stream.name, str(arrival.serial)), stream, arrival.at_s, arrival.sent_s,
            server.spec.runtime_id if server is not None else "", arrival.tried,
        )  # fmt: skip
        self._journal.received(ticket, arrival.prompt)
        if arrival.tried:
            self._try(arrival, ticket)
        if arrival.sent_s > arrival.at_s:
            self._held.append((arrival, ticket))
        else:
            self._send(machine, arrival, ticket)

    def _try(self, arrival: Arrival, ticket: Ticket) -> None:
        """Tell of the attempts that came to nothing elsewhere: all of a request is told in one place."""
        self._journal.admitted(ticket)
        for index, one in enumerate(arrival.tried):
            tried = arrival.tried[:index]
            candidates = self._candidates(arrival.stream, one.at_s, tried)
            self._journal.routed(ticket, index + 1, one, tried[-1].node if tried else "", candidates)

    def _release(self, machine: Machine, until_s: float) -> None:
        """Send what the router held back and can send now; give up what waited too long."""
        held = []
        for arrival, ticket in self._held:
            stream = ticket.stream
            gives_up_s = arrival.at_s + min(stream.patience_s, stream.queue_patience_s)
            if arrival.sent_s < until_s and (arrival.tried or arrival.sent_s <= gives_up_s):
                self._send(machine, arrival, ticket)
            elif gives_up_s < until_s and not arrival.tried:
                request = self._request(arrival, arrival.at_s)
                left = stream.patience_s <= stream.queue_patience_s
                outcome: Outcome = "abandoned_queued" if left else "timed_out_queued"
                self._journal.finished(ticket, request, outcome, gives_up_s)
            else:
                held.append((arrival, ticket))
        self._held = held

    def _send(self, machine: Machine, arrival: Arrival, ticket: Ticket) -> None:
        self._journal.sent(ticket, self._candidates(arrival.stream, arrival.sent_s, arrival.tried))
        request = self._request(arrival, arrival.sent_s)
        self._tickets[request.serial] = ticket
        self._enter(machine, request, arrival.sent_s)

    def _candidates(self, stream: int, at_s: float, tried: tuple[Tried, ...]) -> tuple[Candidate, ...]:
        model = self._traffic.streams[stream].model
        failed = {one.node for one in tried}
        nodes = [node for node in self._traffic.availability[stream].at(at_s) if node.name not in failed]
        eligible = [Candidate(node.name, "", model, "", node.weight, NAN, ()) for node in nodes]
        out = [Candidate(one.node, one.runtime_id, model, _FAILED, NAN, NAN, ()) for one in tried]
        return (*eligible, *out)

    def _request(self, arrival: Arrival, at_s: float) -> Request:
        return self._made(arrival.stream, at_s, arrival.prompt, arrival.output, -1)

    def _made(self, index: int, at_s: float, prompt: int, output: int, client: int) -> Request:
        stream = self._traffic.streams[index]
        self._serial += 1
        return Request(
            self._serial, stream.model, at_s, prompt, output, known=int(stream.cached_ratio * prompt),
            patience_s=stream.patience_s, stream=index, client=client,
        )  # fmt: skip

    def _ask(self, machine: Machine, at_s: float, index: int, client: int) -> None:
        stream = self._traffic.streams[index]
        if at_s >= stream.end_s:
            return
        prompt, output = self._clients.lengths(index)
        request = self._made(index, at_s, prompt, output, client)
        if stream.through == "router":
            server = machine.serving(stream.model)
            ticket = Ticket(
                request_id(self._seed, stream.name, self._name, str(self._serial)), stream, at_s, at_s,
                server.spec.runtime_id if server is not None else "",
            )  # fmt: skip
            own = Candidate(self._name, "", stream.model, "", 1.0, NAN, ())
            self._journal.received(ticket, prompt)
            self._journal.sent(ticket, (own,))
            self._tickets[request.serial] = ticket
        self._enter(machine, request, at_s)

    def _enter(self, machine: Machine, request: Request, at_s: float) -> None:
        server = machine.serving(request.model)
        through = self._traffic.streams[request.stream].through == "direct"
        if machine.off or (self.closed and not through):
            self._refuse(machine, request, at_s + SILENT_AFTER_S)
        elif server is None or server.state != "up":
            self._refuse(machine, request, at_s + REFUSED_AFTER_S)
        elif not server.answers:
            self._refuse(machine, request, at_s + min(request.patience_s, SILENT_AFTER_S))
        elif self._fails(server):
            server.failed += 1
            self._refuse(machine, request, at_s + _ERROR_S)
        else:
            server.post(at_s, request)

    def _fails(self, server: Server) -> bool:
        ratio = self._failing.get(server.spec.runtime_id, 0.0)
        return ratio > 0.0 and self._rng.random() < ratio

    def _refuse(self, machine: Machine, request: Request, at_s: float) -> None:
        request.over = True
        self.ended(machine, request, "failed", at_s)
