"""``/api/v1/channels``: where notifications go. Secrets come in once, and never go out again."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from starlette.responses import Response

from api.notify import examples, kept
from api.notify.documents import CHANNEL, RULE, Document, Wanted
from api.notify.kept import Expected
from api.notify.who import changer
from api.parts import Parts, parts
from api.problem import Problem
from api.query import findings
from schemas.channel_document import ChannelDocument, canonical, parse, shown
from schemas.errors import ConfigError
from sinks.notify.channels import build, network_of
from sinks.notify.guard import ForbiddenError
from sinks.notify.secrets import SecretBox, sealed
from sinks.notify.trying import send_test

router = APIRouter(prefix="/api/v1/channels", tags=["channels"])

ChannelId = Annotated[str, Path(max_length=63, description="id of the channel")]
Given = Annotated[ChannelDocument, Body(discriminator="kind", openapi_examples=examples.CHANNEL_BODIES)]


@router.get("", summary="The channels", responses=examples.CHANNELS)
async def channels(request: Request) -> Response:
    """Every channel; of a secret, that it is set or which variable has it."""
    found = await parts(request).documents.read(CHANNEL)
    return findings.json({"channels": [_shown(each) for each in found.values()]})


@router.get("/{channel_id}", summary="One channel", responses=examples.ONE_CHANNEL)
async def channel(request: Request, channel_id: ChannelId) -> Response:
    """The channel as it holds now."""
    return findings.json(
        _shown(kept.present(CHANNEL, await parts(request).documents.read(CHANNEL), channel_id))
    )


@router.post("", status_code=201, summary="Make a channel", responses=examples.MADE_CHANNEL)
async def make(request: Request, wanted: Given) -> Response:
    """Make a channel. A webhook's secret that was not given is made, and shown in the answer this once."""
    return await _write(request, wanted, 0, 201)


@router.put("/{channel_id}", summary="Make or change a channel", responses=examples.CHANGED_CHANNEL)
async def put(request: Request, channel_id: ChannelId, wanted: Given, revision: Expected = None) -> Response:
    """Make the channel, or put this one in its place. `{"set": true}` leaves a secret as it is."""
    if wanted.id != channel_id:
        raise Problem(422, "invalid-request", f"the channel is {wanted.id}, and the path says {channel_id}")
    return await _write(request, wanted, revision, 200)


@router.delete("/{channel_id}", summary="Delete a channel", responses=examples.DELETED_CHANNEL)
async def delete(request: Request, channel_id: ChannelId, revision: Expected = None) -> Response:
    """Delete a channel. What is due for it is recorded as dropped."""
    return await kept.delete(request, CHANNEL, channel_id, revision)


@router.post("/{channel_id}/test", summary="Try a channel", responses=examples.TESTED_CHANNEL)
async def test(request: Request, channel_id: ChannelId) -> Response:
    """Send a message that says that it is a test, once, and tell what the receiver said."""
    at = parts(request)
    changer(request)
    found = parse(kept.present(CHANNEL, await at.documents.read(CHANNEL), channel_id).text)
    receipt = await send_test(found, SecretBox.of(at.settings), at.settings)
    return findings.json(
        {
            "verdict": receipt.verdict,
            "status": receipt.status,
            "said": receipt.said,
            "took_ms": round(receipt.took_ms, 1),
        }
    )


async def _write(request: Request, wanted: ChannelDocument, expected: int | None, status: int) -> Response:
    at, by, box = parts(request), changer(request), SecretBox.of(parts(request).settings)
    made: dict[str, str] = {}

    def decide(now: Mapping[str, Document]) -> Sequence[Wanted]:
        before = now.get(wanted.id)
        present = before if before and before.text else None
        kept.check_revision(CHANNEL, before, wanted.id, expected)
        try:
            channel, secrets = sealed(wanted, box, parse(present.text) if present else None)
            box.check(channel)
        except ConfigError as exc:
            raise Problem(422, "invalid-channel", str(exc)) from exc
        made.update(secrets)
        return [Wanted(wanted.id, canonical(channel))]

    (done,) = await at.documents.change(CHANNEL, by, decide)
    warnings = await _warnings(at, parse(done.text), box)
    return findings.json({**_shown(done), "secrets": made, "warnings": warnings}, status)


async def _warnings(at: Parts, channel: ChannelDocument, box: SecretBox) -> Sequence[str]:
    """Return what its writer should know: it cannot send as it is, or no rule sends to it."""
    found = []
    try:
        await build(channel, box, network_of(at.settings)).close()
    except (ConfigError, ForbiddenError) as exc:
        found.append(f"as it is nothing can be sent to it: {exc}")
    rules = (await at.documents.read(RULE)).values()
    if not any(channel.id in json.loads(each.text)["notify"]["channels"] for each in rules):
        found.append("no rule sends to it yet")
    return found


def _shown(document: Document) -> dict[str, Any]:
    return kept.shown(CHANNEL, document, shown(parse(document.text)))
