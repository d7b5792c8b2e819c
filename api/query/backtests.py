"""``/api/v1/backtests``: rules tried on what was recorded, as jobs in processes of their own."""

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.auth import BACKTEST, Key
from api.edge import KEY
from api.parts import parts
from api.problem import Problem
from api.query.backtest_jobs import MOST_KEPT, MOST_RUNNING, Backtests, Job
from api.query.times import parse_time
from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Question, Ruled
from processors.replay.backtest.choose import chosen, named, rules_in
from processors.replay.backtest.label_form import LabelsForm
from processors.replay.backtest.labels import read_labels
from processors.topology import rules_of
from schemas.errors import ConfigError
from schemas.settings import Settings

router = APIRouter(prefix="/api/v1/backtests", tags=["backtests"])

Against = Literal["current", "defaults", "none"]
JobId = Annotated[UUID, Path(description="id of a backtest")]
_MOST_NAMES = 1000

EXAMPLE: Mapping[str, Any] = {
    "rules": {"patterns": {"thermal_drain": {"hot_share_min": 0.6}}},
    "against": "current",
    "from": "-7d",
    "to": "now",
    "labels": {
        "expect": [
            {
                "pattern": "thermal_drain",
                "node": "gpu-7",
                "opens": "2026-06-01T12:00:00Z..2026-06-01T12:10:00Z",
                "noticed": "2026-06-01T12:30:00Z",
            }
        ]
    },
}
JOB_EXAMPLE: Mapping[str, Any] = {
    "id": "0b0f5f0e-8f0e-4b53-9a3e-5d9f6c1f7a01",
    "state": "running",
    "created_at": "2026-06-08T09:00:00Z",
    "finished_at": None,
    "by": "ci",
    "doing": "patterns",
    "progress": 0.42,
    "panes": 310_000,
    "problem": None,
    "result": None,
}


class Wanted(BaseModel):
    """What to try, on what."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rules: str | dict[str, Any] = Field(
        description="thresholds: TOML text, or JSON of the same shape; see docs/detections.md"
    )
    against: Against | dict[str, Any] = Field(
        "current", description="rules to hold them against: current, defaults, none, or JSON as in rules"
    )
    from_: str = Field(alias="from", max_length=40, description="RFC 3339, or -7d")
    to: str = Field("now", max_length=40, description="the end of the range")
    labels: LabelsForm | None = Field(None, description="what must be noticed, and what may be")
    nodes: list[str] = Field(default_factory=list, max_length=_MOST_NAMES, description="only these")
    fleets: list[str] = Field(default_factory=list, max_length=_MOST_NAMES, description="only of these")
    only: list[str] = Field(
        default_factory=list, max_length=_MOST_NAMES, description="patterns and alerts; none: what differs"
    )
    all: bool = Field(False, description="judge every pattern and alert")


@router.post(
    "",
    status_code=202,
    summary="Try rules on what was recorded",
    responses={
        202: {"description": "it runs", "content": {"application/json": {"example": JOB_EXAMPLE}}},
        403: {"description": "the key may not run backtests"},
        422: {"description": "the rules, the range or the labels cannot be; every problem is said"},
        429: {"description": f"{MOST_RUNNING} run already"},
    },
)
async def create(
    request: Request,
    wanted: Annotated[Wanted, Body(openapi_examples={"a lower threshold": {"value": EXAMPLE}})],
) -> Response:
    """Start a job and return at once; ask for it by its id until its state is not `running`.

    It judges the patterns and alerts whose thresholds differ from `against`, over the panes and summaries in
    `event_log`, and says what would have been gained, lost and moved; with labels also precision, recall and
    lead time. The result has the shape of `penstock backtest --json`.
    """
    key = _allowed(request)
    try:
        question = asked(wanted, parts(request).settings, time.time_ns() // 1000)
    except ConfigError as exc:
        raise Problem(422, "invalid-backtest", str(exc)) from exc
    job = jobs_of(request).start(question, "local" if key is None else key.name)
    if job is None:
        raise Problem(429, "too-many-backtests", f"{MOST_RUNNING} run already", "wait for one, or cancel it")
    return _answer(shown(job), 202, {"Location": f"/api/v1/backtests/{job.id}"})


@router.get(
    "", summary="List backtests", responses={200: {"description": f"the last {MOST_KEPT}, newest first"}}
)
async def listed(request: Request) -> Response:
    """Every job that is remembered, without its result."""
    jobs = [{**shown(job), "result": None} for job in jobs_of(request).jobs()]
    return _answer({"backtests": jobs})


@router.get(
    "/{job_id}",
    summary="How far a backtest is, and its result",
    responses={
        200: {"content": {"application/json": {"example": JOB_EXAMPLE}}},
        404: {"description": "there is none, or it is forgotten"},
    },
)
async def one(request: Request, job_id: JobId) -> Response:
    """`result` is there when `state` is `done`; `problem` says why it `failed`."""
    return _answer(shown(_found(request, job_id)))


@router.delete(
    "/{job_id}",
    summary="Cancel a backtest, or forget it",
    responses={404: {"description": "there is none"}, 403: {"description": "the key may not"}},
)
async def cancel(request: Request, job_id: JobId) -> Response:
    """One that runs is ended and stays in the list as `cancelled`; one that is over is forgotten."""
    _allowed(request)
    job = _found(request, job_id)
    await jobs_of(request).cancel(job)
    return _answer(shown(job))


def asked(wanted: Wanted, settings: Settings, now: int) -> Question:
    """Return the question of a body.

    Raises:
        ConfigError: something in it cannot be; the text says what.
    """
    try:
        since, until = parse_time(wanted.from_, now), parse_time(wanted.to, now)
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    new, old = rules_in(wanted.rules, "rules"), _against(wanted.against, settings)
    labels = None
    if wanted.labels is not None:
        labels = read_labels(wanted.labels, "labels", since, until)
    only = named(wanted.only)
    return Question(
        new=new,
        old=old,
        asked=chosen(new, old, labels, only, every=wanted.all),
        since=since,
        until=until,
        nodes=tuple(wanted.nodes),
        fleets=tuple(wanted.fleets),
        labels=labels,
    )


def shown(job: Job) -> dict[str, Any]:
    """Return a job as it is told."""
    return {
        "id": str(job.id),
        "state": job.state,
        "created_at": job.created_at,
        "finished_at": job.finished_at or None,
        "by": job.by,
        "doing": job.doing or None,
        "progress": job.progress,
        "panes": job.panes,
        "problem": job.problem or None,
        "result": None if job.result is None else orjson.Fragment(job.result),
    }


def _against(against: str | Mapping[str, Any], settings: Settings) -> Ruled | None:
    if not isinstance(against, str):
        return rules_in(against, "against")
    if against == "none":
        return None
    return Ruled(against, Rules() if against == "defaults" else rules_of(settings))


def _allowed(request: Request) -> Key | None:
    key: Key | None = getattr(request.state, KEY, None)
    if key is not None and BACKTEST not in key.scopes:
        raise Problem(
            403, "scope-needed", f"the key {key.name} may not run backtests",
            f"`penstock keys create NAME --scope {BACKTEST}` makes one that may",
        )  # fmt: skip
    return key


def jobs_of(request: Request) -> Backtests:
    """Return the jobs of the application that serves a request."""
    return cast(Backtests, request.app.state.backtests)


def _found(request: Request, job_id: UUID) -> Job:
    job = jobs_of(request).get(job_id)
    if job is None:
        raise Problem(
            404, "unknown-backtest", f"there is no backtest {job_id}", f"the last {MOST_KEPT} are remembered"
        )
    return job


def _answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type="application/json")
