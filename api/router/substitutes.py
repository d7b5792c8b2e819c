"""Another model in place of one that would have to be loaded first: the fallback to what is in memory.

It is off unless the request, its key or the settings say so, and told with every answer. A model stands in
for another one where an operator lists both as interchangeable, else where both are of one category, which
is guessed from their names. Embeddings have no substitutes: the vectors of two models cannot be compared.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from api.router.ask import Ask, Task, plain_name
from api.router.memory import Memory
from api.router.seams import Choice, Chooser

LISTED, RESIDENT = "listed", "resident"
_GENERAL = "general"
_CATEGORIES = {
    "embedding": ("embed", "bge-", "gte-", "e5-", "minilm", "rerank"),
    "vision": ("vision", "llava", "moondream", "minicpm-v", "-vl", "pixtral"),
    "coding": ("code", "coder", "devstral", "codestral"),
    "reasoning": ("deepseek-r1", "qwq", "reasoning", "magistral", "thinking", "gpt-oss"),
}
"""Parts of names, by category; the first that fits counts."""
_MOST = 8
"""So many substitutes are looked at, the most alike in size."""


class Substitutes:
    """Finds them.

    Args:
        chooser: knows where a model would go.
        memory: knows what is in memory.
        lists: models that stand in for each other.
        usual: whether it is done for requests that do not say, with keys that do not say.
    """

    def __init__(
        self, chooser: Chooser, memory: Memory, lists: Iterable[Sequence[str]] = (), *, usual: bool = False
    ) -> None:
        self._chooser = chooser
        self._memory = memory
        self._lists = tuple(tuple(map(plain_name, names)) for names in lists)
        self._usual = usual

    def wanted(self, ask: Ask) -> bool:
        """Tell whether a request may be served by another model because that one is in memory."""
        if ask.strict or ask.task is Task.EMBED:
            return False
        for said in (ask.resident_fallback, ask.caller.resident_fallback):
            if said is not None:
                return said
        return self._usual

    def instead(self, ask: Ask, cold: Choice, excluded: frozenset[str]) -> Choice:
        """Return the choice of a substitute that will answer sooner, else ``cold``.

        There is none for a model that is in memory anywhere: then it is loaded once more.

        Args:
            ask: the request.
            cold: where it would go; its model has to be loaded there.
            excluded: ids of upstreams that are out of the question.
        """
        residents = self._memory.residents()
        if plain_name(ask.model) in residents:
            return cold
        found = [self._choice(ask, name, excluded) for name in self._names(ask, residents)]
        sooner = [one for one in found if one is not None and one.score > cold.score]
        named = [one for one in sooner if one.fallback == LISTED]
        return max(named or sooner, key=lambda one: one.score, default=cold)

    def _names(self, ask: Ask, residents: Mapping[str, float]) -> list[str]:
        allowed = ask.caller.models
        names = [name for name in ask.models if plain_name(name) in residents]
        own_bytes = self._memory.size_bytes(ask.model)
        names += substitutes(ask.model, own_bytes, residents, self._lists)[:_MOST]
        return [name for name in dict.fromkeys(names) if allowed is None or name in allowed]

    def _choice(self, ask: Ask, name: str, excluded: frozenset[str]) -> Choice | None:
        choice = self._chooser.choose(ask, name, excluded)
        if not isinstance(choice, Choice) or choice.loads:
            return None
        return choice._replace(fallback=LISTED if name in ask.models else RESIDENT)


def substitutes(
    model: str, own_bytes: float, residents: Mapping[str, float], lists: Iterable[Collection[str]]
) -> list[str]:
    """Return the models in memory that may stand in for another one, the most alike in size first.

    Args:
        model: the one that is asked for.
        own_bytes: its size; NaN: unknown.
        residents: models in memory, and their sizes in bytes; NaN: unknown.
        lists: models that are interchangeable, by operators; a model in one has no other substitutes.
    """
    own = plain_name(model)
    for names in lists:
        if own in names:
            return [name for name in names if name in residents and name != own]
    kind = category(own)
    if kind == "embedding":
        return []
    alike = [name for name in residents if name != own and category(name) == kind]
    return sorted(alike, key=lambda name: (_apart(own_bytes, residents[name]), name))


def category(model: str) -> str:
    """Guess from a model's name what it is for."""
    lowered = model.lower()
    found = (kind for kind, parts in _CATEGORIES.items() if any(part in lowered for part in parts))
    return next(found, _GENERAL)


def _apart(own: float, other: float) -> float:
    """Return by how many doublings two sizes differ; where one is unknown, smaller models come first."""
    if own > 0 and other > 0:
        return abs(math.log2(other / own))
    return other if other > 0 else math.inf
