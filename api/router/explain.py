"""Where a request would go now, and why; nothing is sent."""

import math
import secrets
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.problem import Problem
from api.router.about import parts
from api.router.ask import Ask, Dialect, Goal, Task
from api.router.scoring.decision import Decision
from api.router.seams import Choice, NoChoice
from schemas.events.request_routed import Candidate

router = APIRouter()


@router.get("/router/choice", summary="Where a request would go now, and why")
async def choice(
    request: Request,
    model: Annotated[str, Query(description="model that would be asked for", max_length=200)],
    goal: Annotated[Goal | None, Query(description="what the choice is to favour")] = None,
    prompt_tokens: Annotated[int, Query(ge=0, le=10_000_000, description="of the prompt")] = 500,
    max_tokens: Annotated[int | None, Query(ge=0, description="most of the answer")] = None,
    session: Annotated[str, Query(description="a conversation's name", max_length=200)] = "",
    images: Annotated[int, Query(ge=0, le=1000, description="images in the prompt")] = 0,
    tools: Annotated[bool, Query(description="whether tools are offered")] = False,
    resident_fallback: Annotated[
        bool | None, Query(description="whether another model may answer because it is in memory")
    ] = None,
) -> dict[str, Any]:
    """Return the choice in words, and every candidate with what each signal adds; scores are minus seconds.

    Unlike a real request's, its id is new each time, so among equals it goes anywhere.
    """
    at = parts(request)
    ask = Ask(
        secrets.token_hex(16), Dialect.OPENAI, Task.CHAT, request.url.path, model,
        received_s=time.monotonic(), session=session, goal=goal, prompt_tokens=prompt_tokens,
        max_tokens=max_tokens, images=images, tools=tools, resident_fallback=resident_fallback,
    )  # fmt: skip
    closed = at.house.breakers.blocked(time.monotonic()) | at.pauses.upstreams
    found = at.chooser.choose(ask, model, closed)
    if isinstance(found, Choice) and found.loads and at.house.substitutes.wanted(ask):
        found = at.house.substitutes.instead(ask, found, closed)
    if not isinstance(found.decision, Decision):
        reason = found.reason
        near = ", ".join(found.near) if isinstance(found, NoChoice) else ""
        raise Problem(404, "model-not-found", reason, f"there is {near}" if near else "see /router/upstreams")
    fallback = found.fallback if isinstance(found, Choice) else ""
    served = found.served if isinstance(found, Choice) else None
    return {"served_model": served, "fallback": fallback or None, **_told(found.decision)}


@router.get("/router/withdrawn", summary="Runtimes of nodes that get nothing, and why")
async def withdrawn(request: Request) -> list[dict[str, str]]:
    """Return the runtimes that agents tell of and that cannot be used."""
    return [dict(one) for one in parts(request).chooser.withdrawn()]


def _told(decision: Decision) -> dict[str, Any]:
    shadow = decision.shadow
    return {
        "node_id": decision.node_id or None,
        "why": decision.in_words(),
        "goal": decision.need.goal.value,
        "policy": decision.policy.name,
        "policy_version": decision.policy.version,
        "propensity": _number(decision.propensity),
        "shadow": {"policy": shadow.policy.name, "why": shadow.in_words()} if shadow else None,
        "places": decision.places,
        "candidates": [_candidate(one) for one in decision.candidates()],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    signals = [{name: _number(value) for name, value in signal._asdict().items()} for signal in one.signals]
    return {**{name: _number(value) for name, value in one._asdict().items()}, "signals": signals}


def _number(value: Any) -> Any:  # noqa: ANN401 - of an event
    """Return a value as JSON has it: what is no reading is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
