"""What an upstream's answer other than 200 means: the client's fault is passed on, any other is a fault."""

from typing import NamedTuple

from api.router import answer, errors, headers
from api.router.ask import Ask
from api.router.seams import Upstream
from api.router.upstream.answer import Answer
from api.router.upstream.fault import Fault


class Refusal(NamedTuple):
    """What the client is told of its own fault; ``more`` are headers."""

    content_type: bytes
    more: list[tuple[bytes, bytes]]
    body: bytes


def refusal(ask: Ask, upstream: Upstream, response: Answer, body: bytes) -> Refusal:
    """Return what the client is told of a 4xx: the upstream's own words where they speak one dialect.

    Raises:
        Fault: the upstream is not well; another may be asked.
    """
    status, retry_after = response.status, response.header("Retry-After")
    if not 400 <= status < 500:
        raise Fault(
            f"{upstream.id} answered {status}",
            status=status if status >= 500 else 502,
            answer=body,
            content_type=response.header("Content-Type"),
            retry_after=retry_after,
        )
    more = [(b"retry-after", headers.visible(retry_after))] if retry_after else []
    if upstream.dialect is ask.dialect and body:
        return Refusal(headers.visible(response.header("Content-Type") or "application/json"), more, body)
    told = errors.message_of(body) or f"{upstream.id} answered {status}"
    return Refusal(answer.JSON, more, errors.body(ask.dialect, status, told))
