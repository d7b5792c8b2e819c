"""``/api/v1/notifications`` and ``/api/v1/deliveries``: what people were told, and how it went."""

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.notify import examples
from api.parts import parts
from api.problem import Problem
from api.query import findings
from api.query.times import parse_time
from api.sql.parameters import options
from api.store import Store, StoreError
from schemas.errors import UnavailableError

router = APIRouter(prefix="/api/v1", tags=["notifications"])

# ClickHouse's ErrorCodes: the sink makes tables and views when it starts for the first time.
_NOT_THERE = frozenset({60, 81})
_JSON = {
    "default_format": "JSONEachRow",
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": "0",
}
_NOTIFICATION = (
    "notification_id, group_id, revision, kind, rule_id, rule_name, severity, fleet, nodes, title, text,"
    " occurred_at, deferred_s, deferred_by, test, channels, delivered, waiting, failed, attempts, last_error,"
    " delivered_at, since_fact_ms"
)
_DELIVERY = (
    "occurred_at, notification_id, group_id, rule_id, channel_id, channel_kind, attempt, outcome, status,"
    " error, took_ms, since_fact_ms, if(next_attempt_at > toDateTime64(0, 6, 'UTC'), next_attempt_at, NULL)"
    " AS next_attempt_at"
)
Outcome = Literal["delivered", "retrying", "refused", "gave_up", "dropped", ""]
Rule = Annotated[str, Query(max_length=63, description="only of this rule")]
Channel = Annotated[str, Query(max_length=63, description="only of this channel")]
Since = Annotated[str, Query(max_length=40, description="only from then on: -1h, -7d, or RFC 3339")]
Limit = Annotated[int, Query(ge=1, le=1000, description="most of them")]


@router.get("/notifications", summary="What people were told", responses=examples.NOTIFICATIONS)
async def notifications(
    request: Request,
    rule: Rule = "",
    channel: Channel = "",
    since: Since = "-1d",
    limit: Limit = 100,
    group: Annotated[str, Query(max_length=100, description="only of this group: opened to resolved")] = "",
) -> Response:
    """Notifications, with the channels that have them or wait, or did not get them; the newest first."""
    conditions: dict[str, tuple[str, Any]] = {
        "occurred_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')": ("since", _since(since))
    }
    _add(conditions, ("rule_id = {rule:String}", "rule", rule), ("group_id = {group:String}", "group", group))
    _add(conditions, ("has(channels, {channel:String})", "channel", channel))
    rows = await _rows(parts(request).store, _NOTIFICATION, "notifications", conditions, limit)
    return findings.json({"notifications": rows})


@router.get("/deliveries", summary="Each try to tell a channel", responses=examples.DELIVERIES)
async def deliveries(
    request: Request,
    rule: Rule = "",
    channel: Channel = "",
    since: Since = "-1d",
    limit: Limit = 100,
    outcome: Annotated[Outcome, Query(description="only those that ended so")] = "",
    notification: Annotated[str, Query(max_length=100, description="only of this notification")] = "",
) -> Response:
    """Attempts with what the receiver said; the newest first."""
    conditions: dict[str, tuple[str, Any]] = {
        "occurred_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')": ("since", _since(since))
    }
    _add(conditions, ("rule_id = {rule:String}", "rule", rule))
    _add(conditions, ("channel_id = {channel:String}", "channel", channel))
    _add(conditions, ("outcome = {outcome:String}", "outcome", outcome))
    _add(conditions, ("notification_id = {notification:String}", "notification", notification))
    rows = await _rows(parts(request).store, _DELIVERY, "delivery_attempts", conditions, limit)
    return findings.json({"deliveries": rows})


def _add(conditions: dict[str, tuple[str, Any]], *more: tuple[str, str, str]) -> None:
    conditions.update({text: (name, value) for text, name, value in more if value})


def _since(text: str) -> int:
    try:
        return parse_time(text, time.time_ns() // 1000)
    except ValueError as exc:
        raise Problem(422, "invalid-request", f"since: {exc}") from exc


async def _rows(
    store: Store, columns: str, table: str, conditions: Mapping[str, tuple[str, Any]], limit: int
) -> list[Any]:
    values = dict(conditions.values())
    query = (
        f"SELECT {columns} FROM {table} AS of_one WHERE {' AND '.join(_of_one(each) for each in conditions)}"
        f" ORDER BY of_one.occurred_at DESC LIMIT {limit:d}"
    )
    try:
        text = await store.text(query, options(values) | _JSON)
    except StoreError as exc:
        if exc.code in _NOT_THERE:
            raise UnavailableError(
                f"ClickHouse has no {table} yet: the sink makes it when it starts"
            ) from exc
        raise
    return [orjson.loads(line) for line in text.splitlines()]


def _of_one(condition: str) -> str:
    """Name the table: a column of the answer may have the name of one that is looked at."""
    return condition if condition.startswith("has(") else f"of_one.{condition}"
