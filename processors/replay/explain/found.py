"""Finding what is to be explained in a source, by its id or the beginning of it."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from processors.replay.explain.explanation import Finding, Said
from processors.replay.facts import Intake
from processors.replay.source import FOREVER, Source
from schemas.errors import RefusedError
from schemas.events.alert import Alert
from schemas.events.observation import Observation
from schemas.topics import ALERTS, OBSERVATIONS

SHORTEST_ID = 4
Found = TypeVar("Found")


def find(source: Source, text: str) -> list[Said]:
    """Return the events of the one observation or alert whose id begins with ``text``, oldest first.

    Raises:
        RefusedError: there is none, or there are several; some of those there are, are named.
        DecodeError: the source is damaged.
        UnavailableError: it cannot be reached.
    """
    long_enough(text)
    intake = Intake(source.codec(), {})
    matching: dict[str, list[Said]] = {}
    others: dict[str, str] = {}
    for record in source.read([OBSERVATIONS, ALERTS], 0, FOREVER):
        event = intake.read(record)
        if not isinstance(event, Observation | Alert):
            continue
        if id_of(event).startswith(text):
            said = Said(event, record.topic, record.partition, record.offset, record.arrived_at)
            matching.setdefault(id_of(event), []).append(said)
        elif len(others) < 10:
            others.setdefault(
                id_of(event), f"{id_of(event)[:8]} {what_of(event)} of {event.node_id or event.fleet}"
            )
    if not matching:
        there = f"; there are {'; '.join(others.values())}" if others else "; there are none at all"
        raise RefusedError(
            f"no observation or alert in {source.name} has an id that begins with {text}{there}"
        )
    return ordered(only(matching, text)[1])


def long_enough(text: str) -> None:
    """Refuse what many ids begin with.

    Raises:
        RefusedError: it is too short.
    """
    if len(text) < SHORTEST_ID:
        raise RefusedError(f"{text!r} is too short for an id: give at least {SHORTEST_ID} characters")


def only(matching: Mapping[str, Found], text: str) -> tuple[str, Found]:
    """Return the one id that begins with ``text``, and what was found of it; there is at least one.

    Raises:
        RefusedError: there are several; they are named.
    """
    if len(matching) > 1:
        raise RefusedError(f"{len(matching)} ids begin with {text}: {', '.join(sorted(matching)[:10])}")
    ((id_, found),) = matching.items()
    return id_, found


def ordered(found: Sequence[Said]) -> list[Said]:
    """Return events by their revision, each once."""
    return list(
        {one.event.revision: one for one in sorted(found, key=lambda one: one.event.revision)}.values()
    )


def id_of(finding: Finding) -> str:
    """Return the id it keeps from opened to resolved."""
    return finding.observation_id if isinstance(finding, Observation) else finding.alert_id


def what_of(finding: Finding) -> str:
    """Return the id of its pattern or alert."""
    return finding.pattern if isinstance(finding, Observation) else finding.alert


def change_of(finding: Finding) -> str:
    """Return what an event tells: opened, updated or resolved."""
    name = type(finding).__name__.lower()
    return next((change for change in ("opened", "updated", "resolved") if name.endswith(change)), name)
