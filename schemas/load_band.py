"""What a node had to do, coarsely: efficiency is compared at the same model and the same band of load.

A band is "8" or "8 p16": eight requests in progress or more, and for each token written sixteen read or more.
Reading costs energy too, and is no part of the tokens that count: a job that reads books makes a node look
as if it had lost most of its efficiency.
"""

from math import nan

# Tokens read for each one written, from which work is of another kind; chats are below.
MIXES = (64, 16, 4)


def load_band(requests_running: float, prompt_tokens: float = nan, generation_tokens: float = nan) -> str:
    """Return the largest power of two in the mean number of requests in progress; empty where unknown.

    Less than one and a half is "1": a node that serves has one request in progress or more. A runtime that
    does not count its requests gives NaN, and no band; one that does not count its tokens, no kind of work.
    """
    if not requests_running > 0:
        return ""
    rounded = max(1, int(requests_running + 0.5))
    return f"{1 << (rounded.bit_length() - 1)}{_mix(prompt_tokens, generation_tokens)}"


def _mix(prompt_tokens: float, generation_tokens: float) -> str:
    if not prompt_tokens > 0:
        return ""
    return next((f" p{mix}" for mix in MIXES if prompt_tokens >= mix * generation_tokens), "")


def requests_of(band: str) -> int:
    """Return from how many requests in progress a band is; 0 where that is unknown."""
    return int(band.partition(" ")[0] or 0)


def kind_of(band: str) -> str:
    """Return the kind of work of a band: empty, or such as "p16"."""
    return band.partition(" ")[2]


def load_band_sql(requests_running: str, prompt_tokens: str, generation_tokens: str) -> str:
    """Return ClickHouse's expression for the same, of expressions that are NULL where it is not known."""
    rounded = f"toUInt64(greatest(1, floor({requests_running} + 0.5)))"
    kinds = ", ".join(f"{prompt_tokens} >= {mix} * {generation_tokens}, ' p{mix}'" for mix in MIXES)
    kind = f"if(ifNull({prompt_tokens}, 0) > 0, multiIf({kinds}, ''), '')"
    return f"if(ifNull({requests_running}, 0) > 0, concat(toString(roundToExp2({rounded})), {kind}), '')"
