"""The rated places of each model that is asked for, kept as new as they have to be.

A board is made when its model is first asked for. Loads are told at once. States and service times are taken
in at most every ``REFRESH_S``, and everything is rated anew every ``ANEW_S``, because ages grow and what is
unknown of one place is taken from the others.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from api.router.scoring.board import Board, Load
from api.router.scoring.decide import Away
from api.router.scoring.place import Place
from api.router.scoring.policy import Policy

REFRESH_S = 0.25
ANEW_S = 2.0


@dataclass(slots=True)
class Boards:
    """The boards of one model.

    Attributes:
        policies: one board for each; the first one's chooses.
        places: makes the places of these upstreams, as they are known now; None: all of them.
        loads: of all upstreams.
        away: what has the model and cannot be used.
        changed: upstreams of which something is known anew.
        loaded: upstreams that are busier, or less busy, than the boards say.
    """

    policies: tuple[Policy, ...]
    places: Callable[[Iterable[str] | None], Mapping[str, Place]]
    loads: Callable[[str], Load]
    away: Away = ()
    changed: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    _boards: tuple[Board, ...] = ()
    _due_s: float = 0.0
    _anew_s: float = 0.0

    def at(self, now_s: float) -> tuple[Board, ...]:
        """Return them, as new as they have to be."""
        if now_s >= self._anew_s:
            self._fill(now_s)
        elif self.changed and now_s >= self._due_s:
            self._change(now_s)
        if self.loaded:
            self._load()
        return self._boards

    def load(self, upstream: str) -> None:
        """Hear that an upstream is busier, or less busy; the next choice takes in how much."""
        self.loaded.add(upstream)

    def hear(self, upstream: str, *, at_once: bool = False) -> None:
        """Take in, in time, what is known anew of an upstream; ``at_once``: before the next choice."""
        self.changed.add(upstream)
        if at_once:
            self._due_s = 0.0

    def _load(self) -> None:
        for upstream in self.loaded:
            told = self.loads(upstream)
            for board in self._boards:
                board.load(upstream, told)
        self.loaded.clear()

    def _fill(self, now_s: float) -> None:
        places = self.places(None)
        loads = {id_: self.loads(id_) for id_ in places}
        if not self._boards:
            self._boards = tuple(Board(policy) for policy in self.policies)
        for board in self._boards:
            board.fill(places, loads, now_s)
        self.changed.clear()
        self._anew_s, self._due_s = now_s + ANEW_S, now_s + REFRESH_S

    def _change(self, now_s: float) -> None:
        places = self.places(self.changed)
        loads = {id_: self.loads(id_) for id_ in places}
        for board in self._boards:
            board.change(places, loads, now_s)
        self.changed.clear()
        self._due_s = now_s + REFRESH_S
