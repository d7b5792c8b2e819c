"""How long one usual request takes at a place: what a share of it, or a turn in a queue, comes to."""

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy


def service_s(place: Place, policy: Policy) -> float:
    """Return seconds: as measured, else what the policy's usual request would take at its speeds."""
    measured = place.speed.service_s
    if measured == measured:
        return measured
    first_s, prefill_s, decode_s = speeds(place, policy)
    return first_s + prefill_s * policy.prompt_tokens + decode_s * policy.output_tokens


def speeds(place: Place, policy: Policy) -> tuple[float, float, float]:
    """Return seconds to a first token, for each token of a prompt, and of an answer."""
    speed = place.speed
    return (
        _known(speed.first_token_s, policy.first_token_s),
        _known(speed.prefill_s, policy.prefill_s),
        _known(speed.decode_s, policy.decode_s),
    )


def _known(found: float, otherwise: float) -> float:
    return found if found == found else otherwise  # NaN is no reading
