"""Recorded panes of every labelled incident, judged again: the same observations, word for word."""

import json
from typing import Any

import pytest

from processors.patterns.catalog import PATTERNS
from processors.patterns.stage import PatternStage
from processors.patterns.state import State
from processors.stage import Arrived, Output, advance
from schemas.events.observation import Observation
from schemas.log_file import LogFile
from tests.processors.patterns.golden.make import GOLDEN


def observed(pattern: str) -> list[dict[str, Any]]:
    """Return what the stage says of the recorded panes; numbers to six digits."""
    stage, states, said = PatternStage(PATTERNS), dict[str, State](), []
    with LogFile.open(GOLDEN / f"{pattern}.panes") as file:
        codec = file.codec()
        for record in file:
            arrived = Arrived(codec.decode(record.value), record.arrived_at, record.partition)
            said += [out.event for out in advance(states, stage, arrived) if isinstance(out, Output)]
    return [_plain(event) for event in said if isinstance(event, Observation)]


def _plain(event: Observation) -> dict[str, Any]:
    kind = type(event).__name__.removeprefix("Observation").lower()
    evidence = {f"{one.name} {one.subject}".strip(): float(f"{one.value:.6g}") for one in event.evidence}
    return {
        "kind": kind,
        "pattern": event.pattern,
        "occurred_at": event.occurred_at,
        "onset_at": event.onset_at,
        "severity": event.severity,
        "routing_hint": event.routing_hint,
        "subjects": list(event.subjects),
        "reason": event.reason,
        "text": event.text,
        "evidence": evidence,
    }


@pytest.mark.parametrize("pattern", [each.id for each in PATTERNS])
def test_golden(pattern: str, pytestconfig: pytest.Config) -> None:
    file = GOLDEN / f"{pattern}.jsonl"
    got = [json.dumps(each) for each in observed(pattern)]
    if pytestconfig.getoption("--update-golden"):
        file.write_text("".join(line + "\n" for line in got), "utf-8")
    assert got == file.read_text("utf-8").splitlines()
    kinds = [json.loads(line)["kind"] for line in got if json.loads(line)["pattern"] == pattern]
    assert "opened" in kinds
