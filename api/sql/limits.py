"""How far one ad-hoc query may go, as settings that are sent with it."""

from schemas.settings import ApiSettings

QUERY_BYTES = 64 << 10
"""Longest text of a query; the engine's own limit for a literal that holds it is four times that."""

RESULT_BYTES = 1 << 30
"""Most bytes of a result before they are formatted: rows alone do not bound it."""

AT_ONCE = 4
"""Ad-hoc queries that run at once, so that people leave the store free for the sink and for each other."""

WAITING = 32
"""Ad-hoc queries that wait for a place; more are refused."""


def settings(api: ApiSettings, max_rows: int) -> dict[str, str]:
    """Return the engine's settings for a query of at most ``max_rows`` rows."""
    return {
        "limit": str(max_rows),
        "max_execution_time": f"{api.sql_max_seconds:g}",
        "timeout_overflow_mode": "throw",
        "max_memory_usage": str(api.sql_max_memory_bytes),
        "max_result_bytes": str(RESULT_BYTES),
        "result_overflow_mode": "throw",
        # A server then ends the query when we close the connection.
        "cancel_http_readonly_queries_on_client_close": "1",
        # The answer begins when the query has ended: an error is an error and not a broken file, and the
        # number of rows is known before the first byte. The engine keeps it until then, not we.
        "wait_end_of_query": "1",
    }
