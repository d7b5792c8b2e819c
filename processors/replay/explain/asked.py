"""A source asked to explain an id: recorded events are found in it, or folded from its facts."""

from collections.abc import Callable, Sequence
from typing import Any

from processors.patterns.rules import Rules
from processors.replay.explain.explain import explain
from processors.replay.explain.folded import Folded, is_of_facts
from processors.replay.explain.found import find
from processors.replay.explain.plain import plain
from processors.replay.source import Source
from processors.stage import Stage
from schemas.topics import TOPICS


def explained(
    source: Source, finding_id: str, rules: Rules, build: Callable[[], Sequence[Stage[Any]]]
) -> dict[str, Any]:
    """Return the explanation of an id, or the beginning of one, as JSON. ``build`` makes all stages anew.

    Raises:
        RefusedError: no id begins so, or several do.
        DecodeError: the source is damaged.
        UnavailableError: it cannot be reached.
    """
    facts_alone = is_of_facts(source)
    folded: Source = Folded(source, build) if facts_alone else source
    said = find(folded, finding_id)
    ends = max((span.last_at for span in source.holds(TOPICS).values()), default=said[-1].arrived_at)
    return plain(explain(folded, said, rules, ends + 1, recorded=not facts_alone))
