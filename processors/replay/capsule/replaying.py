"""A capsule through the stages once more: no Kafka, no ClickHouse, nothing but the file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processors.fleet.catalog import ALERTS as ALERT_KINDS
from processors.patterns.catalog import PATTERNS
from processors.patterns.rules import Rules, kinds_of, parse
from processors.replay.capsule.manifest import Manifest, Told
from processors.replay.capsule.reader import Capsule
from processors.replay.digest import Digest
from processors.replay.facts import chosen
from processors.replay.outcome import Outcome
from processors.replay.plan import Plan
from processors.replay.replay import Replay, Take
from processors.replay.resume import Cut, Cuts
from processors.replay.share import Report
from processors.replay.sources.capsule import CapsuleSource
from processors.stage import Stage
from processors.topology import stages_of

# What makes observations and alerts of facts. People's rules, and whom they tell, are no part of an incident.
OF_NODES = ("node-stage", "request-stage", "pattern-stage")
STAGES = (*OF_NODES, "fleet-stage")


@dataclass(frozen=True, slots=True)
class OpenCapsule:
    """Opens the source in whichever process reads it."""

    path: Path
    draft: Manifest | None = None

    def __call__(self) -> CapsuleSource:
        """Open it."""
        return CapsuleSource(Capsule(self.path, self.draft))


@dataclass(frozen=True, slots=True)
class BuildStages:
    """Makes the stages as the capsule's settings have them."""

    names: tuple[str, ...]
    pue: float
    rules: str

    def __call__(self) -> Sequence[Stage[Any]]:
        """Make them."""
        return chosen(stages_of(self.pue, rules_of(self.rules)), self.names)


def rules_of(text: str) -> Rules:
    """Return rules as TOML; the defaults if there is none.

    Raises:
        ConfigError: it is wrong for this version.
    """
    if not text:
        return Rules()
    return parse(text, "the rules of the capsule", kinds_of(PATTERNS), kinds_of(ALERT_KINDS))


def builder(manifest: Manifest) -> BuildStages:
    """Return what makes the stages of a capsule."""
    settings = manifest.settings
    return BuildStages(settings.stages, settings.pue, settings.rules)


def plan_of(manifest: Manifest, *, keep: bool = False) -> Plan:
    """Return what a replay of a capsule is to do."""
    times, selection, resumed = manifest.times, manifest.selection, manifest.resume
    return Plan(
        begins=times.since,
        ends=times.until,
        since=times.read_from,
        partitions=manifest.partitions,
        nodes=frozenset(selection.nodes),
        fleet=selection.fleet,
        compare=bool(manifest.seen),
        compacted=frozenset(manifest.compacted),
        lag_us=times.lag_us,
        keep=keep,
        fed_back=manifest.fed_back,
        cuts=Cuts()
        if resumed is None
        else Cuts(
            {one.partition: Cut(one.offset, one.at) for one in resumed.ticks},
            resumed.requests_at,
            resumed.since,
            resumed.loaded_before,
        ),
    )


def replay(
    path: Path,
    manifest: Manifest,
    *,
    draft: bool = False,
    jobs: int = 1,
    take: Take | None = None,
    report: Report = lambda _at, _count: None,
) -> Outcome:
    """Replay a capsule; ``take`` is given what the stages say in the range. ``draft``: it is not sealed yet.

    Raises:
        CapsuleError: it is damaged.
        ConfigError: its settings do not fit this version.
    """
    run = Replay(
        OpenCapsule(path, manifest if draft else None),
        builder(manifest),
        plan_of(manifest, keep=take is not None),
        jobs,
    )
    return run.run(take=take or (lambda _said: None), report=report)


def told(digest: Digest) -> dict[str, Told]:
    """Return of each topic how many events were said, their digest, and both of each key."""
    keys: dict[str, dict[str, tuple[int, str]]] = {}
    for topic, key, count, found in digest.places():
        keys.setdefault(topic, {})[key] = (count, found)
    return {
        topic: Told(records=sum(count for count, _ in keys[topic].values()), digest=found, keys=keys[topic])
        for topic, found in digest.topics().items()
    }
