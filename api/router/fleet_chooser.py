"""Chooses where requests go, over nodes that agents tell of and upstreams that the settings list."""

import difflib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from api.query.fleet import FleetView
from api.router.abilities import in_words, param_of, wanted
from api.router.ask import Ask, Task
from api.router.boards import Boards
from api.router.fleet_view import runtime_state
from api.router.ledger import Asked, Ledger
from api.router.memory import Memory
from api.router.offers import Offer
from api.router.places import Known, evened, place, usual_speed
from api.router.policies import policies
from api.router.roster import Answers, Roster
from api.router.scoring.affinity import saved_tokens
from api.router.scoring.board import Load
from api.router.scoring.decide import decide
from api.router.scoring.decision import Decision, Need
from api.router.scoring.place import UNKNOWN_SPEED, Place
from api.router.seams import Absence, Choice, NoChoice, Upstream, Usage
from schemas.events.node_state import NodeState
from schemas.settings import RouterSettings

_NEAR = 3
_MOST_WES = 1e9
"""More tokens a joule than this are no reading."""


class FleetChooser:
    """See ``seams.Chooser``.

    Args:
        settings: the router's.
        answers: what upstreams answer this router.
        fleet: the nodes; empty without Kafka.
        hostname: of this machine; None: as the system says.
        awaited: tells whether the nodes are still being read for the first time.

    Attributes:
        memory: which models are in memory, and where there is room.

    Raises:
        ConfigError: two upstreams, or two policies, have one name; or a policy is not there.
    """

    def __init__(
        self,
        settings: RouterSettings,
        answers: Answers,
        fleet: FleetView | None = None,
        hostname: str | None = None,
        awaited: Callable[[], bool] = lambda: False,
    ) -> None:
        self._policies = policies(settings)
        self._answers = answers
        self._roster = Roster(settings, answers, fleet if fleet is not None else FleetView(), hostname)
        self._ledger = Ledger()
        self.memory = Memory(self._roster, self._known)
        self._awaited = awaited
        self._boards: dict[str, Boards] = {}
        self._of: dict[str, list[Boards]] = {}
        self._seen_s: dict[str, float] = {}
        self._wes: dict[tuple[str, str], tuple[float, float]] = {}
        self._listeners: list[Callable[[], None]] = []
        self.refresh()
        answers.listen(self._heard)

    def listen(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` when there are other upstreams, models or places than before, or may be."""
        self._listeners.append(changed)

    def refresh(self) -> None:
        """Take in which upstreams there are, and what they have: nodes registered, stopped, are forgotten."""
        self._roster.refresh()
        upstreams = self._roster.upstreams
        for gone in self._ledger.upstreams.keys() - upstreams.keys():
            self._ledger.forget(gone)
        self._wes = {key: found for key, found in self._wes.items() if key[0] in upstreams}
        self._boards.clear()
        self._of.clear()
        for changed in self._listeners:
            changed()

    def state(self, event: NodeState, arrived_us: int) -> None:
        """Take in how a node is, which the fleet holds already; ``arrived_us`` is the broker's time."""
        seen_s = time.monotonic() - max(0.0, time.time() - arrived_us / 1e6)
        self._seen_s[event.node_id] = seen_s
        ids, other_places = self._roster.state(event)
        for id_ in ids:
            self._state_of(id_, event, seen_s)
        if other_places:
            self.refresh()

    def choose(self, ask: Ask, model: str, excluded: frozenset[str]) -> Choice | NoChoice:
        """See ``seams.Chooser``."""
        offered = self._roster.offers.get(model)
        if offered is None:
            return self._absent(model)
        now_s = time.monotonic()
        boards = self._boards.get(model) or self._made(model, offered)
        need = self._need(ask, model, now_s)
        main, *shadows = boards.at(now_s)
        decision = decide(main, need, excluded, now_s, boards.away)
        for shadow in shadows:
            decision = decision._replace(shadow=decide(shadow, need, excluded, now_s))
        if decision.chosen is None:
            return _nothing(model, decision)
        chosen = decision.rows[decision.chosen].place
        own = chosen.model if offered[chosen.upstream].renamed else model
        upstream = self._roster.upstreams[chosen.upstream]
        return Choice(
            upstream, own, model, decision.score, decision.reason, chosen.context, decision,
            loads=not chosen.loaded, thinks=chosen.thinks,
        )  # fmt: skip

    def began(self, ask: Ask, choice: Choice) -> None:
        """See ``seams.Chooser``."""
        id_, slots, at = choice.upstream.id, choice.upstream.slots, _place_of(choice)
        free = slots is None or self._ledger.upstream(id_).outstanding < slots
        asked = Asked(ask.request_id, id_, at.model, ask.prompt_tokens, at.loaded, free)
        self._ledger.began(asked, time.monotonic())
        self._told(id_, news=not asked.loaded, at_once=True)

    def first_token(self, ask: Ask, choice: Choice) -> None:
        """See ``seams.Chooser``."""
        now_s = time.monotonic()
        self._ledger.first_token(ask.request_id, now_s)
        self._served(ask, choice, now_s)

    def ended(self, ask: Ask, choice: Choice, *, ok: bool, usage: Usage) -> None:
        """See ``seams.Chooser``."""
        now_s = time.monotonic()
        self._ledger.ended(ask.request_id, choice.served, now_s, ok=ok, usage=usage)
        if ok and not ask.stream:
            self._served(ask, choice, now_s)
        self._told(choice.upstream.id, news=True)

    def loading(self, id_: str, model: str, begins: bool) -> None:
        """Hear that an upstream begins, or ends, to load a model, by its own name for it."""
        self._ledger.loads(id_, model, time.monotonic(), begins=begins)
        self._told(id_, news=True, at_once=begins)

    def knows(self, model: str) -> bool:
        """See ``seams.Chooser``. While nobody has said what an upstream has, it may have anything."""
        return model in self._roster.offers or model in self._roster.away or self._unheard()

    def upstreams(self) -> Sequence[Upstream]:
        """See ``seams.Chooser``."""
        return list(self._roster.upstreams.values())

    def models(self) -> Mapping[str, Sequence[Upstream]]:
        """See ``seams.Chooser``."""
        upstreams = self._roster.upstreams
        return {name: [upstreams[id_] for id_ in found] for name, found in self._roster.offers.items()}

    def slots(self, model: str) -> int | None:
        """See ``seams.Chooser``."""
        counts = [self._roster.upstreams[id_].slots for id_ in self._roster.offers.get(model, ())]
        told = [count for count in counts if count is not None]
        return sum(told) if told and len(told) == len(counts) else None

    def withdrawn(self) -> Sequence[Mapping[str, str]]:
        """Return the runtimes that nothing is sent to, and why."""
        return [
            {"node_id": one.node_id, "runtime_id": one.runtime.runtime_id, "reason": one.reason}
            for one in self._roster.withdrawn
        ]

    def _heard(self) -> None:
        news = self._roster.heard()
        if news is None:
            self.refresh()
            return
        for id_ in news:
            self._told(id_, news=True)

    def _state_of(self, id_: str, state: NodeState, seen_s: float) -> None:
        """Take in one upstream's part of a state."""
        server = self._roster.servers[id_]
        runtime = runtime_state(server)
        if runtime is not None:
            waiting = runtime.requests_waiting if runtime.requests_waiting > 0 else 0.0  # NaN is not
            self._ledger.reported(id_, runtime.requests_running + waiting)
        for model in state.models:
            if model.runtime_id == server.runtime_id and 0 < model.wes < _MOST_WES:
                self._wes[id_, model.name] = (model.wes, seen_s)
        self._told(id_, news=True)

    def _made(self, model: str, offered: Mapping[str, Offer]) -> Boards:
        """Make the boards of a model that is asked for."""
        usual = UNKNOWN_SPEED

        def places(wanted: Iterable[str] | None) -> Mapping[str, Place]:
            nonlocal usual
            now_s, known = time.monotonic(), self._known()
            found = {
                id_: place(offered[id_], known, now_s) for id_ in (offered if wanted is None else wanted)
            }
            if wanted is None:
                usual = usual_speed(found.values())
            return evened(found, usual)

        boards = Boards(self._policies, places, self._load, self._roster.away.get(model, ()))
        self._boards[model] = boards
        for id_ in offered:
            self._of.setdefault(id_, []).append(boards)
        return boards

    def _known(self) -> Known:
        return Known(
            self._roster.servers, self._ledger, self._seen_s, self._wes, self._answers.errors(),
            self._policies[0].fresh_s,
        )  # fmt: skip

    def _load(self, id_: str) -> Load:
        return Load(self._ledger.upstream(id_).outstanding, self._roster.upstreams[id_].slots)

    def _told(self, id_: str, *, news: bool, at_once: bool = False) -> None:
        """Tell the boards of an upstream's load, and whether more is known anew."""
        for boards in self._of.get(id_, ()):
            boards.load(id_)
            if news:
                boards.hear(id_, at_once=at_once)

    def _need(self, ask: Ask, model: str, now_s: float) -> Need:
        policy = self._policies[0]
        saved: Mapping[str, float] = {}
        if ask.session or ask.prefix:
            session = self._ledger.session(_session(ask, model))
            saved = saved_tokens(ask.prompt_tokens, session, self._ledger.prefix(ask.prefix), policy, now_s)
        goal = ask.goal or ask.caller.goal or policy.goal
        return Need(
            ask.request_id, goal, ask.prompt_tokens, self._answer_tokens(ask, model), ask.num_ctx, saved,
            wanted(ask),
        )  # fmt: skip

    def _answer_tokens(self, ask: Ask, model: str) -> float:
        """Return how long an answer is expected to be."""
        if ask.task is Task.EMBED:
            return 0.0
        seen = self._ledger.answers.get(model)
        usual = seen.value if seen else float(self._policies[0].output_tokens)
        return usual if ask.max_tokens is None or ask.max_tokens < 0 else min(usual, float(ask.max_tokens))

    def _served(self, ask: Ask, choice: Choice, now_s: float) -> None:
        if ask.session or ask.prefix:
            self._ledger.served(choice.upstream.id, _session(ask, choice.served), ask.prefix, now_s)

    def _absent(self, model: str) -> NoChoice:
        away = self._roster.away.get(model)
        if away is not None:
            reasons = "; ".join(f"{node}: {reason}" for node, _, _, reason in away)
            return NoChoice(Absence.AWAY, f"nothing that has {model} can be used: {reasons}")
        if self._unheard():
            return NoChoice(Absence.AWAY, f"no upstream that answers has {model}, and some do not answer")
        near = difflib.get_close_matches(model, self._roster.offers, n=_NEAR, cutoff=0.5)
        return NoChoice(Absence.UNKNOWN, f"no upstream has {model}", tuple(near))

    def _unheard(self) -> bool:
        return self._awaited() or self._roster.is_unheard()


def _nothing(model: str, decision: Decision) -> NoChoice:
    lacking = decision.lacking
    if not lacking:
        return NoChoice(Absence.AWAY, f"no upstream that has {model} is well", decision=decision)
    reason = f"{model} {in_words(lacking)}: its runtime says so"
    return NoChoice(Absence.UNFIT, reason, decision=decision, param=param_of(lacking))


def _session(ask: Ask, model: str) -> str:
    """Return what names a conversation: two callers may name theirs alike."""
    return f"{ask.caller.fingerprint} {model} {ask.session}" if ask.session else ""


def _place_of(choice: Choice) -> Place:
    """Return what was known of a choice's place when it was chosen."""
    decision = choice.decision
    if isinstance(decision, Decision) and decision.chosen is not None:
        return decision.rows[decision.chosen].place
    return Place(choice.upstream.id, model=choice.model)
