"""What a rule stage needs to know about its source: how its events are judged, and what is remembered."""

from typing import Any, Protocol

from processors.rules.life import Moment
from processors.rules.rules import Turnover
from processors.rules.state import State
from schemas.codec import Event
from schemas.events.condition_changed import ConditionChanged
from schemas.rule_fields import Source

Told = tuple[ConditionChanged, ...]


class Judge(Protocol):
    """Judges the events of one source by the rules of a state."""

    @property
    def source(self) -> Source:
        """The source that rules name."""
        ...

    @property
    def stored(self) -> type[tuple[Any, ...]]:
        """The NamedTuple that a subject's memory is stored as."""
        ...

    @property
    def passed_over(self) -> frozenset[str]:
        """Names of the types of events that the topic has too and no rule is about."""
        ...

    def take(self, state: State, event: Event) -> tuple[State, Told] | None:
        """Return the state after an event, and what follows; None: it is no event of this source."""
        ...

    def passed(self, state: State, moment: Moment) -> tuple[State, Told]:
        """Let time pass: ``state.clock`` stands at the moment."""
        ...

    def turned(self, state: State, turnover: Turnover, moment: Moment) -> tuple[State, Told]:
        """Take in that a rule has changed; ``state`` has the rules of after."""
        ...

    def tagged(self, state: State, node_id: str) -> State:
        """Take in that a node has other tags; ``state`` has them."""
        ...

    def encoded(self, memory: Any) -> Any:  # noqa: ANN401 - of the type ``stored``
        """Return a subject's memory as it is stored."""
        ...

    def decoded(self, stored: Any) -> tuple[str, Any]:  # noqa: ANN401 - of the type ``stored``
        """Return the key of a subject and its memory."""
        ...
