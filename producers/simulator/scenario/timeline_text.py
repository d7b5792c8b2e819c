"""What happens in a scenario and when, as rows of text."""

import math
import re
from collections.abc import Iterator, Sequence

from producers.simulator.scenario.model import Scenario
from schemas.labels import Expectation, Window

Row = tuple[str, str, str, str]


def moments(scenario: Scenario) -> Sequence[Row]:
    """Return rows of when, what, where and until when; in the order of time."""
    found = sorted(_moments(scenario), key=lambda pair: pair[0])
    return [row for _, row in found]


def clock(seconds: float) -> str:
    """Return a moment as minutes and seconds after the start, such as ``22:30``; hours where there are."""
    if math.isinf(seconds):
        return "end"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def _moments(scenario: Scenario) -> Iterator[tuple[float, Row]]:
    for stream in scenario.arrivals:
        what = f"requests {stream.name}"
        yield stream.begin_s, (clock(stream.begin_s), what, _some(stream.nodes), clock(stream.end_s))
    for change in scenario.changes:
        yield change.at_s, (clock(change.at_s), _words(change), _some(change.nodes), "")
    for fault in scenario.faults:
        until = clock(min(fault.until_s, scenario.duration_s))
        yield fault.at_s, (clock(fault.at_s), _words(fault), _some(fault.nodes) or "log", until)
    for label in scenario.expect:
        yield label.opens.begin_s, (_window(label.opens), f"expect {label.id}", _where(label), _end(label))


def _words(what: object) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(what).__name__).lower()


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


def _window(window: Window) -> str:
    return f"{clock(window.begin_s)}..{clock(window.end_s)}"


def _where(label: Expectation) -> str:
    return label.node or _some(label.members) or "fleet"


def _end(label: Expectation) -> str:
    return "never" if label.resolves is None else _window(label.resolves)
