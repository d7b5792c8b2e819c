"""``/api/v1/observations``: what is, or was, wrong with nodes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.query import examples, findings
from api.query.finding import OBSERVATION
from api.query.findings import Asked, FindingId

router = APIRouter(prefix="/api/v1/observations", tags=["observations"])


@router.get(
    "",
    summary="What is wrong with nodes",
    responses=examples.documented(findings.list_schema(OBSERVATION), examples.OBSERVATIONS),
)
async def observations(
    request: Request,
    wanted: Annotated[Asked, Depends(findings.asked)],
    pattern: Annotated[str, Query(max_length=100, description="only of this pattern")] = "",
) -> Response:
    """Those that are open, or what the filters say; the newest onset first, page by page.

    A dismissed one is left out until its dismissal ends, unless `state` asks for it.
    """
    return await findings.many(request, OBSERVATION, wanted, pattern)


@router.get(
    "/{observation_id}",
    summary="One observation, with its history",
    responses=examples.documented(findings.one_schema(OBSERVATION), examples.OBSERVATION_WITH_HISTORY),
)
async def observation(request: Request, observation_id: FindingId) -> Response:
    """Its latest event, and every event from opened to resolved."""
    return await findings.one(request, OBSERVATION, observation_id)
