"""``/api/v1/rules``: when somebody is told of what. A change is a fact; every stage takes it in its turn."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.notify import examples, kept
from api.notify.difference import MOST, fields
from api.notify.documents import CHANNEL, RULE, Decide, Document, Wanted
from api.notify.estimate import Estimate, estimate
from api.notify.kept import Expected
from api.notify.who import changer
from api.parts import Parts, parts
from api.problem import Problem
from api.query import findings
from schemas.rule_document import RuleDocument

router = APIRouter(prefix="/api/v1/rules", tags=["rules"])

MOST_RULES = 10_000
RuleId = Annotated[str, Path(max_length=63, description="id of the rule")]


class Apply(BaseModel):
    """A set of rules that is to hold."""

    model_config = ConfigDict(extra="forbid")

    rules: list[RuleDocument] = Field(max_length=MOST_RULES, description="the rules")
    prune: bool = Field(False, description="delete the rules that are not among them")
    dry_run: bool = Field(False, description="only say what would change")


@router.get("", summary="The rules", responses=examples.RULES)
async def rules(request: Request) -> Response:
    """Every rule with its revision, and who changed it last."""
    found = await parts(request).documents.read(RULE)
    return findings.json({"rules": [kept.shown(RULE, each) for each in found.values()]})


@router.get("/{rule_id}", summary="One rule", responses=examples.ONE_RULE)
async def rule(request: Request, rule_id: RuleId) -> Response:
    """The rule as it holds now."""
    return findings.json(
        kept.shown(RULE, kept.present(RULE, await parts(request).documents.read(RULE), rule_id))
    )


@router.post("", status_code=201, summary="Make a rule", responses=examples.MADE_RULE)
async def make(
    request: Request, wanted: Annotated[RuleDocument, Body(openapi_examples=examples.RULE_BODIES)]
) -> Response:
    """Make a rule; it holds for all facts that come from now on."""
    return await _write(request, wanted, 0, 201)


@router.put("/{rule_id}", summary="Make or change a rule", responses=examples.CHANGED_RULE)
async def put(
    request: Request,
    rule_id: RuleId,
    wanted: Annotated[RuleDocument, Body(openapi_examples=examples.RULE_BODIES)],
    revision: Expected = None,
) -> Response:
    """Make the rule, or put this one in its place. What fired under the old one is resolved or goes on."""
    if wanted.id != rule_id:
        raise Problem(422, "invalid-request", f"the rule is {wanted.id}, and the path says {rule_id}")
    return await _write(request, wanted, revision, 200)


@router.delete("/{rule_id}", summary="Delete a rule", responses=examples.DELETED_RULE)
async def delete(request: Request, rule_id: RuleId, revision: Expected = None) -> Response:
    """Delete a rule. What fires is resolved, and whoever was told is told so."""
    return await kept.delete(request, RULE, rule_id, revision)


@router.post("/check", summary="Try a rule on the last day", responses=examples.CHECKED_RULE)
async def check(
    request: Request, wanted: Annotated[RuleDocument, Body(openapi_examples=examples.RULE_BODIES)]
) -> Response:
    """Say what a rule is about and how often it would have held in the last day; nothing is written.

    An estimate from what is stored: without `for_s`, hysteresis and cooldown. A backtest is exact.
    """
    at = parts(request)
    found = await estimate(at.store, wanted)
    return findings.json({"rule": _plain(wanted), **await _told(at, wanted, found)})


@router.post("/apply", summary="Make a set of rules hold", responses=examples.APPLIED_RULES)
async def apply(
    request: Request, wanted: Annotated[Apply, Body(openapi_examples=examples.APPLY_BODIES)]
) -> Response:
    """Make, change and, with `prune`, delete rules in one go; `dry_run` only says what would change."""
    at, by = parts(request), changer(request)
    names = [each.id for each in wanted.rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Problem(422, "invalid-request", f"the rule {twice[0]} is there twice")
    difference: list[dict[str, Any]] = []

    def decide(now: Mapping[str, Document]) -> Sequence[Wanted]:
        changes, said = _changes(now, wanted)
        difference.extend(said)
        return changes

    if wanted.dry_run:
        decide(await at.documents.read(RULE))
    else:
        await at.documents.change(RULE, by, decide)
    return findings.json(
        {"dry_run": wanted.dry_run, "changes": difference, "unchanged": _unchanged(wanted, difference)}
    )


async def _write(request: Request, wanted: RuleDocument, expected: int | None, status: int) -> Response:
    at, by, text = parts(request), changer(request), wanted.canonical()

    def decide(now: Mapping[str, Document]) -> Sequence[Wanted]:
        before = now.get(wanted.id)
        kept.check_revision(RULE, before, wanted.id, expected)
        return [] if before and before.text == text else [Wanted(wanted.id, text)]

    found = await _decided(at, by, decide, wanted.id)
    return findings.json(
        {**kept.shown(RULE, found), **await _told(at, wanted, await estimate(at.store, wanted))}, status
    )


async def _decided(at: Parts, by: str, decide: Decide, name: str) -> Document:
    """Return the document after a change, which may have been there before."""
    changed = await at.documents.change(RULE, by, decide)
    return changed[0] if changed else (await at.documents.read(RULE))[name]


async def _told(at: Parts, rule: RuleDocument, found: Estimate) -> dict[str, Any]:
    """Return what the writer of a rule should know."""
    warnings = list(found.warnings)
    channels = await at.documents.read(CHANNEL)
    missing = [name for name in rule.notify.channels if name not in channels]
    if missing:
        warnings.append(f"there is no channel {', '.join(missing)}: nothing is sent there until there is")
    if not rule.notify.channels:
        warnings.append("notify.channels is empty: it fires, and nobody is told")
    return {"estimate": found.shown(), "warnings": warnings}


def _changes(now: Mapping[str, Document], wanted: Apply) -> tuple[Sequence[Wanted], Sequence[dict[str, Any]]]:
    changes: list[Wanted] = []
    said: list[dict[str, Any]] = []
    for rule in sorted(wanted.rules, key=lambda each: each.id):
        before, text = now.get(rule.id), rule.canonical()
        old = before.text if before else ""
        if old != text:
            changes.append(Wanted(rule.id, text))
            parts_of = list(fields(json.loads(old), json.loads(text)))[:MOST] if old else []
            said.append({"id": rule.id, "change": "changed" if old else "created", "fields": parts_of})
    kept = {rule.id for rule in wanted.rules}
    for name in sorted(now) if wanted.prune else ():
        if name not in kept and now[name].text:
            changes.append(Wanted(name, ""))
            said.append({"id": name, "change": "deleted", "fields": []})
    return changes, said


def _unchanged(wanted: Apply, difference: Sequence[Mapping[str, Any]]) -> int:
    changed = {each["id"] for each in difference}
    return sum(1 for rule in wanted.rules if rule.id not in changed)


def _plain(rule: RuleDocument) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rule.canonical())
    return found
