"""What the supervisor is told: the parts, and what it tells: events."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from infra.embedded.ports import Port

Kind = Literal["starting", "ready", "died", "restarting", "stopping", "stopped"]


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the stack.

    ``ready`` is asked until it says yes; without it a part is ready once started. The parts named by
    ``after`` are ready before this one is started first. A part that runs ``once``, such as the creation of
    topics, is ready when it has ended with exit code 0. Exit code 2 before it was ever ready means that the
    settings are wrong: it is not tried again.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None
    after: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    once: bool = False
    ready_within_s: float = 60.0
    stop_within_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a part. ``detail`` is for people; ``delay_s`` is set on ``restarting``."""

    kind: Kind
    part: str
    at: datetime
    pid: int | None = None
    detail: str = ""
    delay_s: float | None = None


def ordered(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts so that each follows those it comes after.

    Raises:
        ValueError: two have one name, one comes after an unknown part, or after itself.
    """
    by_name = {part.name: part for part in parts}
    if len(by_name) != len(parts):
        raise ValueError("two parts have the same name")
    for part in parts:
        for other in part.after:
            if other not in by_name:
                raise ValueError(f"{part.name} comes after {other}, which is no part")
    try:
        order = TopologicalSorter({part.name: part.after for part in parts}).static_order()
        return tuple(by_name[name] for name in order)
    except CycleError as exc:
        raise ValueError(f"parts wait for each other: {' -> '.join(exc.args[1])}") from exc
