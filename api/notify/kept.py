"""What the endpoints of rules and channels share: one that is there, its revision, how it is shown."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from api.notify.documents import Document, Kind, Wanted
from api.notify.who import changer
from api.parts import parts
from api.problem import Problem
from api.query import findings
from api.query.plain import rfc3339

Expected = Annotated[
    int | None, Query(ge=0, description="only if this is the newest revision now; 0: only if there is none")
]


def present(kind: Kind, found: Mapping[str, Document], name: str) -> Document:
    """Return one that is there.

    Raises:
        Problem: 404, there is none of this id.
    """
    document = found.get(name)
    if document is None or not document.text:
        raise Problem(
            404, f"unknown-{kind.name}", f"there is no {kind.name} {name}",
            f"`penstock {kind.name}s list` lists them",
        )  # fmt: skip
    return document


def check_revision(kind: Kind, before: Document | None, name: str, expected: int | None) -> None:
    """Check that the newest revision is the one that a caller expects; ``before`` None or deleted: 0.

    Raises:
        Problem: 409, it is another one.
    """
    newest = before.revision if before and before.text else 0
    if expected is None or expected == newest:
        return
    if expected == 0:
        raise Problem(
            409, f"{kind.name}-exists", f"there is a {kind.name} {name}",
            "change it with PUT, or take another id",
        )  # fmt: skip
    raise Problem(
        409, f"{kind.name}-changed", f"the {kind.name} {name} has revision {newest} now, not {expected}",
        "read it again, and make the change on that", revision=newest,
    )  # fmt: skip


async def delete(request: Request, kind: Kind, name: str, expected: int | None) -> Response:
    """Delete one, and say so; raises as ``present`` and ``check_revision`` do."""
    by = changer(request)

    def decide(now: Mapping[str, Document]) -> Sequence[Wanted]:
        check_revision(kind, present(kind, now, name), name, expected)
        return [Wanted(name, "")]

    (done,) = await parts(request).documents.change(kind, by, decide)
    return findings.json({"id": name, "revision": done.revision, "deleted": True})


def shown(kind: Kind, document: Document, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a document as JSON has it; ``body`` stands for its text."""
    return {
        kind.name: json.loads(document.text) if body is None else body,
        "revision": document.revision,
        "by": document.by,
        "changed_at": rfc3339(document.changed_at),
    }
