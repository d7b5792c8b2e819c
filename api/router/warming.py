"""What operators tell the router of models in memory: to have one loaded ahead."""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.problem import Problem
from api.router.about import parts
from api.router.ask import plain_name
from api.router.control import Operator
from api.router.memory import Cold
from api.router.parts import RouterParts
from api.router.upstream.fault import Fault

router = APIRouter()


@router.post("/router/warm", summary="Have a model loaded ahead", dependencies=[Operator])
async def warm(
    request: Request,
    model: Annotated[str, Query(description="the model", max_length=200)],
    node: Annotated[str, Query(description="where; empty: where there is most room", max_length=200)] = "",
) -> dict[str, Any]:
    """Let an Ollama load a model, and answer when it has; what it drops for that is its own to say."""
    at = parts(request)
    cold = _chosen(at, plain_name(model), node)
    if cold is None:
        return {"model": model, "node_id": node or None, "loaded": True, "took_s": 0.0}
    try:
        took_s = await at.warmer.warm(cold)
    except Fault as exc:
        raise Problem(
            502, "not-loaded", exc.message, "the runtime's own log says more; /router/upstreams how it is"
        ) from None
    node_id = cold.upstream.node_id
    return {"model": model, "node_id": node_id, "loaded": True, "took_s": round(took_s, 3)}


def _chosen(at: RouterParts, model: str, node: str) -> Cold | None:
    """Return where it is loaded; None: it is in memory already.

    Raises:
        Problem: nobody can load it.
    """
    places = [one for one in at.house.memory.places(model) if node in ("", one.upstream.node_id)]
    where = f" at {node}" if node else ""
    if not places:
        raise Problem(404, "model-not-found", f"no upstream{where} has {model}", "see /router/upstreams")
    cold = [one for one in at.warmer.candidates(model) if node in ("", one.upstream.node_id)]
    if cold:
        fitting = [one for one in cold if math.isnan(one.room_bytes) or one.room_bytes > 0]
        return (fitting or cold)[0]
    if any(one.place.loaded for one in places):
        return None
    raise Problem(
        409, "cannot-load", f"nothing{where} can load {model} now",
        "only an Ollama loads models while it runs, and not one that is paused or failing",
    )  # fmt: skip
