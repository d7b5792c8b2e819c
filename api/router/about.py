"""The router's own endpoints: whether it lives, its metrics, its upstreams, its pulls."""

from typing import Any, cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.router.parts import RouterParts

router = APIRouter()


def parts(request: Request) -> RouterParts:
    """Return the parts of the router that serves a request."""
    return cast(RouterParts, request.app.state.parts)


@router.get("/healthz", summary="Whether the router lives")
async def healthz() -> dict[str, str]:
    """Answer as soon as requests are served."""
    return {"status": "ok"}


@router.get("/metrics", summary="For Prometheus")
async def metrics(request: Request) -> Response:
    """Return the metrics of the router."""
    return Response(generate_latest(parts(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/router/upstreams", summary="The upstreams, and how they are")
async def upstreams(request: Request) -> list[dict[str, Any]]:
    """Return each upstream with its models, its breaker and the last error, without keys."""
    return parts(request).upstreams()


@router.get("/router/pulls", summary="Models that are being pulled")
async def pulls(request: Request) -> list[dict[str, Any]]:
    """Return how far each pull is, in bytes."""
    return [dict(progress) for progress in parts(request).house.pulls.progress()]
