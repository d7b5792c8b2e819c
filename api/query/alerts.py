"""``/api/v1/alerts``: what is, or was, wrong in fleets."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.query import examples, findings
from api.query.finding import ALERT
from api.query.findings import Asked, FindingId

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])


@router.get(
    "",
    summary="What is wrong in fleets",
    responses=examples.documented(findings.list_schema(ALERT), examples.ALERTS),
)
async def alerts(
    request: Request,
    wanted: Annotated[Asked, Depends(findings.asked)],
    alert: Annotated[str, Query(max_length=100, description="only of this alert")] = "",
) -> Response:
    """Those that are open, or what the filters say; the newest onset first, page by page.

    With `node`, alerts of that node and alerts that have it among their members.
    """
    return await findings.many(request, ALERT, wanted, alert)


@router.get(
    "/{alert_id}",
    summary="One alert, with its history",
    responses=examples.documented(findings.one_schema(ALERT), examples.ALERT_WITH_HISTORY),
)
async def alert(request: Request, alert_id: FindingId) -> Response:
    """Its latest event, and every event from opened to resolved."""
    return await findings.one(request, ALERT, alert_id)
