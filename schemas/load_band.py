"""How busy a node was, coarsely: efficiency is compared at the same model and the same band of load."""


def load_band(requests_running: float) -> str:
    """Return the largest power of two in the mean number of requests in progress; empty where unknown.

    Less than one and a half is "1": a node that serves has one request in progress or more. A runtime that
    does not count its requests gives NaN, and no band.
    """
    if not requests_running > 0:
        return ""
    rounded = max(1, int(requests_running + 0.5))
    return str(1 << (rounded.bit_length() - 1))


def load_band_sql(requests_running: str) -> str:
    """Return ClickHouse's expression for the same, of an expression that is NULL where it is not known."""
    rounded = f"toUInt64(greatest(1, floor({requests_running} + 0.5)))"
    return f"if(ifNull({requests_running}, 0) > 0, toString(roundToExp2({rounded})), '')"
