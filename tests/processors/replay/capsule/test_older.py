"""A capsule of an older version still replays: one is kept, with events in the schemas of then."""

from collections import Counter
from pathlib import Path

from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.redaction.redact import redact
from processors.replay.capsule.verify import verify
from processors.replay.facts import Intake
from tests.processors.replay.capsule.older import FILE, ROUTED_ID, SAMPLE_ID


def test_it_has_the_schemas_of_then() -> None:
    with Capsule(FILE) as capsule:
        capsule.check()
        schemas = capsule.manifest.schemas
        assert '"agent_uptime_s"' in schemas[SAMPLE_ID].text
        assert '"fallback"' not in schemas[ROUTED_ID].text
        intake = Intake(capsule.codec(), {})
        found = Counter(type(intake.read(one)).__name__ for one in capsule.records(["telemetry", "requests"]))
    assert intake.unreadable == 0
    assert found["NodeSample"] == 300
    assert found["RequestRouted"] > 10


def test_it_is_replayed_and_judged() -> None:
    """What stages say may have changed since; that they read all of it may not."""
    found = verify(FILE)
    assert (found.outcome.unreadable, found.outcome.refused) == (0, [])
    assert found.outcome.counts["node-states", "node_state"] == 300
    assert found.outcome.counts["observations", "observation_opened"] >= 1
    assert found.manifest.seen == {}


def test_it_can_still_be_freed_of_names(tmp_path: Path) -> None:
    redact(FILE, tmp_path / "x", b"salt")
    assert verify(tmp_path / "x").equal
