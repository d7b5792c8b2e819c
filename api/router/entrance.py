"""What is checked of a request before it takes a place in the queue, and what can be done about it."""

from api.router.abilities import wanted
from api.router.ask import Ask
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


def models(ask: Ask) -> tuple[str, ...]:
    """Return the models that may answer, in the order in which they are tried."""
    if not ask.models or ask.strict:
        return (ask.model,)
    allowed = ask.caller.models
    return (ask.model, *(name for name in ask.models if allowed is None or name in allowed))


def unfit(found: NoChoice) -> Declined:
    """Return the error for what no upstream can do."""
    return Declined(Outcome.REJECTED_UNADMITTABLE, 400, found.reason, param=found.param)


def _check_ability(house: House, ask: Ask) -> None:
    """Refuse what none of its models can do, as their runtimes say."""
    if not wanted(ask):
        return
    found = [house.chooser.choose(ask, model, frozenset()) for model in models(ask)]
    unable = [one for one in found if isinstance(one, NoChoice) and one.absence is Absence.UNFIT]
    if unable and len(unable) == len(found):
        raise unfit(unable[0])
