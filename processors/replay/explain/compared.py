"""What was told, beside what folding the same once more tells."""

from collections.abc import Sequence

from processors.replay.explain.explanation import Finding, Judged, Said
from processors.replay.explain.found import change_of


def compared(said: Sequence[Said], judged: Judged, until: int) -> tuple[bool | None, list[str]]:
    """Return whether both are the same as far as the fold goes, and what differs; None: nothing was folded.

    ``until``: of the log's time.
    """
    if not judged.points:
        return None, []
    end = judged.points[-1].at
    told = (one.event for one in said if one.arrived_at <= until)
    live = {event.revision: event for event in told if event.occurred_at <= end}
    again = {event.revision: event for event in judged.said}
    differences = []
    for revision in sorted(live.keys() | again.keys()):
        difference = _between(live.get(revision), again.get(revision))
        if difference:
            change = change_of(live.get(revision) or again[revision])
            differences.append(f"{change}, revision {revision}: {difference}")
    return not differences, differences


def _between(live: Finding | None, again: Finding | None) -> str:
    if again is None:
        return "it was told and is not told again"
    if live is None:
        return "it is told again and was not told"
    # Equal numbers that are none are not equal, but read the same.
    pairs = zip(live._fields, live, again, strict=True)
    return "; ".join(f"{name} was {a!r} and is {b!r}" for name, a, b in pairs if repr(a) != repr(b))
