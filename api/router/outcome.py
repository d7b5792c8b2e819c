"""How a request ended: exactly one of these for each."""

from enum import StrEnum


class Outcome(StrEnum):
    """The one end of a request."""

    COMPLETED = "completed"
    """The answer went out whole."""
    UPSTREAM_ERROR = "upstream_error"
    """The upstream answered with an error, 4xx among them, or none answered; no answer had begun."""
    UPSTREAM_DIED = "upstream_died"
    """The answer had begun when its upstream broke off or fell silent."""
    CLIENT_ABANDONED = "client_abandoned"
    """The client left after admission."""
    ABANDONED_QUEUED = "abandoned_queued"
    """The client left while it waited."""
    CANCELLED_QUEUED = "cancelled_queued"
    """An operator took it out of the queue."""
    TIMED_OUT_QUEUED = "timed_out_queued"
    """Its patience, or its key's, ended while it waited."""
    REJECTED_OVERSIZED = "rejected_oversized"
    """The body or the prompt is larger than allowed."""
    REJECTED_UNHEALTHY = "rejected_unhealthy"
    """No upstream that has the model is well."""
    REJECTED_UNADMITTABLE = "rejected_unadmittable"
    """It can never be admitted: unknown model, a model the key may not use, a cost beyond its pool."""
    REJECTED_INVALID = "rejected_invalid"
    """The request cannot be read, or its fields are of the wrong type."""
    ROUTER_STOPPED = "router_stopped"
    """The router stopped, or died, before the end."""
