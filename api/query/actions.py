"""``POST /api/v1/observations/{id}/acknowledge`` and the like: what operators do, as facts.

The API changes nothing itself. It writes an ``operator_action``; the stage that keeps the observation or
alert folds it and writes what came of it, and that is the answer.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.auth import OPERATE, Key
from api.edge import KEY
from api.parts import Parts, parts
from api.problem import Problem
from api.query import examples, findings
from api.query.finding import KINDS, OBSERVATION, Finding, Kind, is_over, schema, shown, state_of
from api.query.findings import FindingId
from api.query.plain import plain, rfc3339
from api.query.times import parse_time
from schemas.events.operator_action import OperatorAction, OperatorVerb

router = APIRouter()

WAIT_S = 3.0
"""How long a call waits for what comes of it."""

DISMISSED_S = 24 * 3600
"""How long a dismissal lasts that says nothing: it always ends."""

LONGEST_S = 366 * 24 * 3600
LOCAL = "local"
"""Who acted, where no key is needed and nobody said."""

_SUMMARIES: Mapping[OperatorVerb, str] = {
    "acknowledge": "Say that you have seen it",
    "dismiss": "Hide it for a time",
    "resolve": "Say that it is over",
    "restore": "Take back an acknowledgement or a dismissal",
}
_DOCS: Mapping[OperatorVerb, str] = {
    "acknowledge": "It stays in the lists, as acknowledged, until the acknowledgement ends or it is over.",
    "dismiss": f"It leaves the lists until that ends: after {DISMISSED_S // 3600} h if none is given.",
    "resolve": "It ends now. While the condition goes on no new one opens; once it comes again, one does.",
    "restore": "It is open again, as if nobody had acted.",
}
_EXPIRES = frozenset({"acknowledge", "dismiss"})


class Act(BaseModel):
    """Why, until when, and who."""

    model_config = ConfigDict(extra="forbid", strict=True)

    note: str = Field("", max_length=1000, description="why; kept with the action")
    expires_at: str | None = Field(
        None, max_length=40, description="when it ends: RFC 3339, or seconds since 1970; acknowledge, dismiss"
    )
    for_s: float | None = Field(None, description="or after how many seconds it ends")
    by: str = Field("", max_length=100, description="who; with a key, its name is taken instead")

    @property
    def has_expiry(self) -> bool:
        """Tell whether the caller said when it ends."""
        return self.expires_at is not None or self.for_s is not None


@dataclass(frozen=True, slots=True)
class _Deed:
    """One action, and how its effect is told. ``is_explicit``: the caller said when it ends."""

    verb: OperatorVerb
    expires_at: int
    is_explicit: bool

    def is_done(self, finding: Finding, now: int) -> bool:
        """Tell whether a finding is as the action would have it."""
        if self.verb == "resolve" or is_over(finding):
            return self.verb == "resolve" and is_over(finding)
        if self.verb == "restore":
            return state_of(finding, now) == "open"
        if self.verb == "dismiss":
            until = finding.dismissed_until
            return until == self.expires_at if self.is_explicit else until > now
        until = finding.acknowledged_until
        is_seen = bool(finding.acknowledged_by) and (not until or until > now)
        return is_seen and (until == self.expires_at or not self.is_explicit)


async def act(request: Request, kind: Kind, verb: OperatorVerb, finding_id: str, wanted: Act) -> Response:
    """Do one thing to one finding, and return what came of it.

    Raises:
        Problem: 403 the key may only read, 404 nothing has the id, 409 it is over, 422 the expiry cannot be.
        UnavailableError: Kafka does not take the action, or it is not known yet what is open.
    """
    at, now = parts(request), time.time_ns() // 1000
    by = _who(request, wanted)
    deed = _Deed(verb, _expiry(verb, wanted, now), is_explicit=wanted.has_expiry)
    latest = await _latest(at, kind, finding_id)
    if is_over(latest):
        raise _over(kind, latest)
    if deed.is_done(latest, now):
        return _answer(kind, latest, None, already=True)
    action = OperatorAction(
        id=str(uuid4()),
        occurred_at=now,
        target=kind.name,
        target_id=finding_id,
        fleet=latest.fleet,
        node_id=latest.node_id if kind is OBSERVATION else "",
        action=verb,
        by=by,
        note=wanted.note,
        expires_at=deed.expires_at,
    )
    await at.operator.write(action, kind.acts, latest.node_id if kind is OBSERVATION else latest.fleet)
    done = await at.standing(kind).until(
        finding_id, lambda finding: is_over(finding) or deed.is_done(finding, time.time_ns() // 1000), WAIT_S
    )
    if done is None:
        return _answer(kind, None, action)
    if not deed.is_done(done, now):
        raise _over(kind, done)
    return _answer(kind, done, action)


def _answer(
    kind: Kind, finding: Finding | None, action: OperatorAction | None, *, already: bool = False
) -> Response:
    body: dict[str, Any] = {
        "already": already,
        "action": plain(action),
        kind.name: shown(finding, time.time_ns() // 1000) if finding else None,
    }
    return findings.json(body, 200 if finding else 202)


async def _latest(at: Parts, kind: Kind, finding_id: str) -> Finding:
    findings.check_known(at)
    if found := at.standing(kind).get(finding_id):
        return found
    # It ended a while ago, or opened before what the topic still holds.
    events, _ = await findings.history(at, kind, finding_id)
    if not events:
        raise findings.unknown(kind, finding_id)
    return events[-1]


def _who(request: Request, wanted: Act) -> str:
    key: Key | None = getattr(request.state, KEY, None)
    if key is None:
        if not all(character.isprintable() for character in wanted.by):
            raise Problem(422, "invalid-request", "by has characters that cannot be printed", "send a name")
        return wanted.by.strip() or LOCAL
    if OPERATE not in key.scopes:
        raise Problem(
            403, "scope-needed", f"the key {key.name} may only read",
            f"`penstock keys create NAME --scope {OPERATE}` makes one that may act",
        )  # fmt: skip
    return key.name


def _expiry(verb: OperatorVerb, wanted: Act, now: int) -> int:
    """Return when the action ends, µs since the epoch; 0: never."""
    if not wanted.has_expiry:
        return now + DISMISSED_S * 1_000_000 if verb == "dismiss" else 0
    if verb not in _EXPIRES:
        raise _bad_expiry(f"{verb} has no end", "leave expires_at and for_s out")
    if wanted.expires_at is not None and wanted.for_s is not None:
        raise _bad_expiry("expires_at and for_s are both given", "send one of them")
    at = _at(wanted.expires_at, now) if wanted.expires_at is not None else _after(wanted.for_s or 0.0, now)
    if at <= now:
        raise _bad_expiry(f"the end {rfc3339(at)} is not after now, {rfc3339(now)}", "send a later one")
    if at > now + LONGEST_S * 1_000_000:
        raise _bad_expiry("the end is more than 366 days away", "send an earlier one, and renew it")
    return at


def _at(text: str, now: int) -> int:
    try:
        return parse_time(text, now)
    except ValueError as exc:
        raise _bad_expiry(f"expires_at: {exc}", "send RFC 3339, such as 2026-01-31T12:00:00Z") from exc


def _after(seconds: float, now: int) -> int:
    if not math.isfinite(seconds) or not 0 < seconds <= LONGEST_S:
        raise _bad_expiry(f"for_s is {seconds:g}", f"send seconds above 0 and up to {LONGEST_S}")
    return now + round(seconds * 1e6)


def _bad_expiry(detail: str, hint: str) -> Problem:
    return Problem(422, "invalid-expiry", detail, hint)


def _over(kind: Kind, finding: Finding) -> Problem:
    ended_at = rfc3339(finding.occurred_at)
    return Problem(
        409, f"{kind.name}-over", f"the {kind.name} ended at {ended_at} ({finding.reason})",
        "there is nothing left to act on",
        ended_at=ended_at,
    )  # fmt: skip


def _endpoint(kind: Kind, verb: OperatorVerb) -> Callable[..., Any]:
    async def endpoint(
        request: Request,
        finding_id: FindingId,
        wanted: Annotated[Act, Body(openapi_examples=examples.BODIES[verb])],
    ) -> Response:
        return await act(request, kind, verb, finding_id, wanted)

    return endpoint


def _schema(kind: Kind) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "already": {"type": "boolean", "description": "it was so before: nothing was written"},
            "action": {"type": ["object", "null"], "description": "the operator_action that was written"},
            kind.name: {**schema(kind), "type": ["object", "null"], "description": "as it is now"},
        },
    }


for _kind in KINDS:
    for _verb, _summary in _SUMMARIES.items():
        router.add_api_route(
            f"/api/v1/{_kind.plural}/{{finding_id}}/{_verb}",
            _endpoint(_kind, _verb),
            methods=["POST"],
            tags=[_kind.plural],
            name=f"{_verb}_{_kind.name}",
            summary=_summary,
            description=_DOCS[_verb] + " The call waits some seconds for what comes of it.",
            responses={
                **examples.documented(_schema(_kind), examples.done(_kind, _verb)),
                202: {"description": "the action is in Kafka; what comes of it is not there yet"},
                403: {"description": "the key may only read"},
                404: {"description": "nothing has this id"},
                409: {"description": "it is over; `ended_at` says since when"},
                422: {"description": "the body, or its expiry, cannot be"},
            },
        )
