"""Where a conversation, or a prompt that begins alike, was served last, its beginning is known already.

It is worth the time that is saved, so a node that is busy loses its own callers to one that is free. Herd
adds points instead, and takes one address for one conversation.
"""

import math
from typing import NamedTuple

from api.router.scoring.policy import Policy


class Trace(NamedTuple):
    """The upstream that served it last, and when; monotonic seconds."""

    upstream: str
    seen_s: float


def saved_tokens(
    prompt_tokens: int, session: Trace | None, prefix: Trace | None, policy: Policy, now_s: float
) -> dict[str, float]:
    """Return how many tokens of the prompt each upstream is expected to know already."""
    saved: dict[str, float] = {}
    for trace, share in ((prefix, policy.prefix_share), (session, policy.session_share)):
        if trace is not None:
            kept = math.exp2(-max(0.0, now_s - trace.seen_s) / policy.affinity_half_life_s)
            saved[trace.upstream] = max(saved.get(trace.upstream, 0.0), share * kept * prompt_tokens)
    return saved
