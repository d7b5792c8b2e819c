"""What a request needs of a model beyond words, and what a runtime says that its model cannot do.

Only what a runtime denies is held against it: most runtimes do not tell, and may be able.
"""

from collections.abc import Iterable, Mapping

from api.router.ask import Ask, Dialect

IMAGES, TOOLS, CHOICES = "images", "tools", "choices"
ABLE: frozenset[str] = frozenset()
"""Nothing is known that it cannot do."""
_IN_WORDS = {
    IMAGES: "cannot see images",
    TOOLS: "cannot use tools",
    CHOICES: "gives one answer to a request, so n is 1",
}
_PARAMS = {IMAGES: "messages", TOOLS: "tools", CHOICES: "n"}
# Ollama's names for what a model can do.
_OLLAMAS = {"vision": IMAGES, "tools": TOOLS}


def wanted(ask: Ask) -> frozenset[str]:
    """Return what a request needs."""
    if not ask.images and not ask.tools and "n" not in ask.fields:
        return ABLE
    several = ask.dialect is Dialect.OPENAI and _above_one(ask.fields.get("n"))
    named = ((IMAGES, ask.images > 0), (TOOLS, ask.tools), (CHOICES, several))
    return frozenset(name for name, needed in named if needed)


def in_words(lacking: Iterable[str]) -> str:
    """Return what a model lacks: ``cannot see images``."""
    return " and ".join(_IN_WORDS[name] for name in sorted(lacking))


def param_of(lacking: Iterable[str]) -> str:
    """Return the field of a request that asks for what is lacking."""
    return _PARAMS[min(lacking)]


def denied_by_ollama(capabilities: object) -> frozenset[str]:
    """Return what a model of an Ollama cannot do, by ``capabilities`` of /api/show; older ones tell none."""
    if not isinstance(capabilities, list) or not capabilities:
        return ABLE
    return frozenset(name for told, name in _OLLAMAS.items() if told not in capabilities)


def thinks_by_ollama(capabilities: object) -> bool | None:
    """Tell whether a model of an Ollama thinks before it answers; None: it does not tell."""
    return "thinking" in capabilities if isinstance(capabilities, list) and capabilities else None


def denied_by_llamacpp(properties: object) -> frozenset[str]:
    """Return what the model of a llama.cpp server cannot do, by ``modalities`` of /props."""
    modalities = properties.get("modalities") if isinstance(properties, Mapping) else None
    vision = modalities.get("vision") if isinstance(modalities, Mapping) else None
    return frozenset((IMAGES,)) if vision is False else ABLE


def _above_one(count: object) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and count > 1
