"""Waiting for a turn at an upstream, and sharing it with those that run there.

The requests that must end first, divided by how many run at once: Herd does not divide, and stops counting
at five. Requests are counted for the upstream as a whole, whichever models they are for.
"""

from api.router.scoring.policy import Policy


def wait_s(outstanding: float, slots: int | None, service_s: float, policy: Policy) -> float:
    """Return the seconds that being so busy costs the next request.

    Args:
        outstanding: requests it has, ours and others', running or not.
        slots: requests it serves at once; None: unknown, the policy's guess is used.
        service_s: how long one takes.
        policy: how much those that run slow each other down.
    """
    places = slots or policy.unknown_slots
    turns = max(0.0, outstanding + 1 - places) / places
    return service_s * (turns + policy.contention * min(1.0, outstanding / places))


def occupancy(outstanding: float, slots: int | None, policy: Policy) -> float:
    """Return requests for each place; above 1 some wait."""
    return outstanding / (slots or policy.unknown_slots)
