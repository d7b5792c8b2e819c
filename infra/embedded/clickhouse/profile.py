"""Which settings a handle gets before a request's statement runs on it."""

from infra.embedded.clickhouse.limits import Limits
from infra.embedded.clickhouse.query import Access, Query


def profile(query: Query, limits: Limits, *, in_session: bool) -> dict[str, str]:
    """Return the request's settings within the bounds of its access, ``readonly`` last.

    A session's handle outlives the request and ``readonly`` cannot be taken back, so there the statement's
    effect alone decides (see ``execution``).
    """
    settings = dict(query.settings)
    if query.access is Access.WRITE:
        settings.setdefault("max_memory_usage", str(limits.write_query_bytes))
    else:
        settings |= _bounded(query, limits)
    # The engine numbers queries itself; by this it finds ours again, to stop it.
    settings["log_comment"] = query.query_id
    if query.access is Access.PEOPLE:
        settings["readonly"] = "1"
    elif query.access is Access.READ and not in_session:
        settings["readonly"] = query.readonly
    return settings


def _bounded(query: Query, limits: Limits) -> dict[str, str]:
    ceilings: dict[str, float] = {
        "max_execution_time": limits.read_query_s,
        "max_memory_usage": limits.read_query_bytes,
        "max_threads": limits.read_query_threads,
    }
    if query.access is Access.PEOPLE:
        ceilings["max_result_rows"] = limits.read_query_rows
    return {name: _lower(query.settings.get(name, ""), ceiling) for name, ceiling in ceilings.items()}


def _lower(asked: str, ceiling: float) -> str:
    """Return the lower of the two; zero and what is no number mean no bound of the client's own."""
    try:
        value = float(asked)
    except ValueError:
        value = 0.0
    return f"{min(value, ceiling) if value > 0 else ceiling:.15g}"
