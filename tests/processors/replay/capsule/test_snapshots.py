"""A range far from the beginning of its log: the capsule brings the snapshots that its replay begins with."""

from dataclasses import replace
from pathlib import Path

import pytest

from processors.replay.capsule.create import Wish, create
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.redaction.redact import redact
from processors.replay.capsule.replaying import STAGES, BuildStages
from processors.replay.capsule.verify import verify
from processors.replay.resume import find_cuts
from processors.replay.snapshot import load, read_since
from processors.replay.warmup import WarmUp
from schemas.topics import SNAPSHOTS, TELEMETRY
from tests.processors.replay.capsule.conftest import MINUTE, texts, wish
from tests.processors.replay.recorded import PARTITIONS, ListSource, Live, facts
from tests.processors.replay.test_replay import stages, with_snapshots

BEGINS = 8 * MINUTE


@pytest.fixture(scope="module")
def source() -> ListSource:
    return ListSource(Live(stages()).codec, with_snapshots(3 * MINUTE))


def wanted(source: ListSource) -> Wish:
    """What ``prepare`` asks for where the log began long ago."""
    first = next(facts("11m")).arrived_at
    found = wish(source, begins=first + BEGINS, rules="")
    cuts = find_cuts(source, found.plan.begins, PARTITIONS)
    assert cuts is not None
    build = BuildStages(STAGES, 1.0, "")
    since = read_since(load(source, build(), cuts.loaded_before))
    assert since is not None
    return replace(
        found,
        plan=replace(found.plan, cuts=cuts, since=cuts.since),
        warm_up=WarmUp(cuts.since, "snapshots", exact=True),
        records_from=max(since, first),
    )


def test_it_begins_with_the_states_that_were_live(source: ListSource, tmp_path: Path) -> None:
    made = create(source, texts, wanted(source), tmp_path / "x")
    assert made.manifest.exact
    found = verify(tmp_path / "x")
    assert found.outcome.verdict.differences == []
    assert found.equal
    with Capsule(tmp_path / "x") as capsule:
        assert {part.topic for part in capsule.manifest.parts} >= {SNAPSHOTS.name, TELEMETRY.name}


def test_without_names_it_begins_cold_and_says_so(source: ListSource, tmp_path: Path) -> None:
    create(source, texts, wanted(source), tmp_path / "x")
    made = redact(tmp_path / "x", tmp_path / "r", b"salt")
    assert not made.manifest.exact
    assert "the warm-up begins cold" in made.manifest.notes[0]
    found = verify(tmp_path / "r")
    assert found.equal
    assert found.manifest.seen == {}
    assert SNAPSHOTS.name not in {part.topic for part in found.manifest.parts}
