"""The labelled scenarios: all cover every detection; some are scored here, all by the command."""

from pathlib import Path

import pytest

from infra.score.every import score
from infra.score.known import known
from producers.simulator.scenario.model import Scenario
from producers.simulator.scenario.read import read
from producers.simulator.scenario.shipped import scenarios

FOLDER = Path(__file__).parents[2] / "scenarios"
# Those that take little, of every sort: silence, memory, hardware, errors, foreign load, troubles at once.
SCORED = (
    "foreign_load",
    "gpu_lost",
    "leak-to-the-end",
    "node_offline",
    "oom_warning",
    "spool_backlog",
)


@pytest.fixture(scope="module")
def labelled() -> list[Scenario]:
    return [read(path, known()) for path in scenarios(FOLDER).values()]


def test_there_are_enough_and_each_says_what_is_due(labelled: list[Scenario]) -> None:
    assert len(labelled) >= 40
    assert [one.name for one in labelled if not one.labelled] == []


def test_every_pattern_and_alert_has_to_fire_somewhere_and_to_end(labelled: list[Scenario]) -> None:
    due = {(label.kind, label.id) for one in labelled for label in one.expect}
    ended = {(label.kind, label.id) for one in labelled for label in one.expect if label.resolves}
    every = {(kind, id_) for kind, ids in known().items() for id_ in ids}
    assert every - due == set()
    assert every - ended == set()


@pytest.mark.parametrize("name", SCORED)
def test_what_is_due_is_noticed_and_nothing_else(name: str) -> None:
    (scored,) = score([read(FOLDER / f"{name}.yaml", known())], jobs=1)
    assert scored.verdict.lines == []
    assert scored.verdict.hits
