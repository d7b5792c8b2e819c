"""A recorded incident, and the capsule of it: made once, as it takes a few seconds."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from processors.replay.capsule.create import Wish, create
from processors.replay.capsule.manifest import SchemaText, Selection, StageSettings
from processors.replay.capsule.replaying import OF_NODES, STAGES, BuildStages, rules_of
from processors.replay.prepare import Asked, prepare
from processors.replay.source import Source
from processors.topology import stages_of
from schemas.codec import packaged
from tests.processors.replay.capsule.build import EVENT_OF
from tests.processors.replay.recorded import SECOND, Live, facts

MINUTE = 60 * SECOND
# One pattern stricter than usual, for a node and a fleet by name.
RULES = """
# written by somebody at Acme
[fleets.default.patterns.swap_io_pressure]
share_min = 0.4

[nodes."node-1".patterns.thermal_drain]
for_s = 130
"""


def texts(ids: Collection[int]) -> Mapping[int, SchemaText]:
    """The schemas of the recorded log."""
    return {id_: SchemaText(event=EVENT_OF[id_], text=packaged()[EVENT_OF[id_]][-1].text) for id_ in ids}


def wish(
    source: Source, *, nodes: tuple[str, ...] = (), begins: int | None = None, rules: str = RULES
) -> Wish:
    """What a capsule is to hold."""
    names = OF_NODES if nodes else STAGES
    settings = StageSettings(stages=names, pue=1.0, rules=rules)
    build = BuildStages(settings.stages, settings.pue, settings.rules)
    prepared = prepare(source, build(), Asked(begins=begins, nodes=frozenset(nodes)))
    selection = Selection(asked="range", nodes=nodes)
    return Wish(selection, prepared.plan, prepared.warm_up, settings, prepared.plan.since)


@pytest.fixture(scope="package")
def live() -> Live:
    """A log of seven minutes with an incident, as live stages left it behind."""
    return Live(stages_of(1.0, rules_of(RULES))).run(facts("7m"))


@pytest.fixture(scope="package")
def capsule(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The capsule of all of it but the first minutes, which are its warm-up."""
    target = tmp_path_factory.mktemp("capsule") / "incident.capsule"
    source = live.source()
    create(source, texts, wish(source, begins=live.log[0].arrived_at + 2 * MINUTE), target)
    return target
