"""What is checked of a request before it takes a place in the queue, and what can be done about it."""

import math

from api.router.abilities import wanted
from api.router.ask import Ask, plain_name
from api.router.errors import Declined
from api.router.house import House
from api.router.outcome import Outcome
from api.router.seams import Absence, NoChoice, Upstream


def check(house: House, ask: Ask) -> bool:
    """Tell whether a request may go into the queue; if not, its model could be pulled.

    Raises:
        Declined: it can never be served.
    """
    allowed = ask.caller.models
    if allowed is not None and ask.model not in allowed:
        raise Declined(Outcome.REJECTED_UNADMITTABLE, 403, f"this key may not use {ask.model}", param="model")
    if house.settings.prompt_limits and not models(house, ask):
        raise _oversized(house, ask)
    chooser = house.chooser
    if any(chooser.knows(model) for model in (ask.model, *ask.models)):
        _check_ability(house, ask)
        return True
    if house.settings.auto_pull and pullers(house):
        return False
    found = chooser.choose(ask, ask.model, frozenset())
    near = found.near if isinstance(found, NoChoice) else ()
    hint = f"; there is {', '.join(near)}" if near else ""
    raise Declined(
        Outcome.REJECTED_UNADMITTABLE, 404, f"model {ask.model!r} not found{hint}",
        param="model", code="model_not_found",
    )  # fmt: skip


def pullers(house: House) -> list[Upstream]:
    """Return the upstreams that could pull a model, the one with the most room first."""
    return [one for one in house.memory.roomiest() if one.id not in house.pauses.upstreams]


def models(house: House, ask: Ask) -> tuple[str, ...]:
    """Return the models that may answer, in the order in which they are tried."""
    limited = house.settings.prompt_limits
    if (not ask.models or ask.strict) and not limited:
        return (ask.model,)
    allowed = ask.caller.models
    others = () if ask.strict else ask.models
    found = (ask.model, *(name for name in others if allowed is None or name in allowed))
    return tuple(name for name in found if ask.prompt_tokens <= _limit(house, name)) if limited else found


def _limit(house: House, model: str) -> float:
    """Return the most tokens of a prompt for a model."""
    limits = house.settings.prompt_limits
    return limits.get(model) or limits.get(plain_name(model)) or limits.get("*") or math.inf


def _oversized(house: House, ask: Ask) -> Declined:
    message = (
        f"the prompt has about {ask.prompt_tokens} tokens, and {ask.model} takes "
        f"{_limit(house, ask.model):.0f} here (setting router.prompt_limits)"
    )
    return Declined(
        Outcome.REJECTED_OVERSIZED, 413, message, param="messages", code="context_length_exceeded"
    )


def unfit(found: NoChoice) -> Declined:
    """Return the error for what no upstream can do."""
    return Declined(Outcome.REJECTED_UNADMITTABLE, 400, found.reason, param=found.param)


def _check_ability(house: House, ask: Ask) -> None:
    """Refuse what none of its models can do, as their runtimes say."""
    if not wanted(ask):
        return
    found = [house.chooser.choose(ask, model, frozenset()) for model in models(house, ask)]
    unable = [one for one in found if isinstance(one, NoChoice) and one.absence is Absence.UNFIT]
    if unable and len(unable) == len(found):
        raise unfit(unable[0])
