"""Whether a capsule still says what it said: replayed here, with this version, and compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from processors.replay.capsule.manifest import Manifest, Told
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.replaying import replay, told
from processors.replay.outcome import Outcome
from processors.replay.share import Report

_NOTHING = 0, ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A topic and key of which this version says something else than when the capsule was made.

    ``was`` and ``now``: how many events, and their digest.
    """

    topic: str
    key: str
    was: tuple[int, str]
    now: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it. ``changed``: the first of those, in the order of topics and keys."""

    manifest: Manifest
    outcome: Outcome
    changed: tuple[Changed, ...]

    @property
    def equal(self) -> bool:
        """Return whether it is as it was when made, and as it was live where that was recorded."""
        return not self.changed and self.outcome.verdict.equal


def verify(path: Path, *, jobs: int = 1, report: Report = lambda _at, _count: None) -> Verified:
    """Check a capsule's bytes, replay it, and compare.

    Raises:
        CapsuleError: it is damaged, altered, or of a newer version.
        ConfigError: its settings do not fit this version.
    """
    with Capsule(path) as capsule:
        capsule.check()
        manifest = capsule.manifest
    outcome = replay(path, manifest, jobs=jobs, report=report)
    return Verified(manifest, outcome, tuple(_changed(manifest.recomputed, told(outcome.digest))))


def _changed(before: Mapping[str, Told], after: Mapping[str, Told]) -> list[Changed]:
    was, now = _places(before), _places(after)
    return [
        Changed(*place, was.get(place, _NOTHING), now.get(place, _NOTHING))
        for place in sorted(was.keys() | now.keys())
        if was.get(place) != now.get(place)
    ]


def _places(topics: Mapping[str, Told]) -> dict[tuple[str, str], tuple[int, str]]:
    return {(topic, key): found for topic, one in topics.items() for key, found in one.keys.items()}
