"""An incident from a log into a capsule, replayed before it gets its name."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from processors.replay.capsule.manifest import (
    FORMAT,
    Manifest,
    Resume,
    SchemaText,
    Selection,
    StageSettings,
    Tick,
    Times,
)
from processors.replay.capsule.recording import Recording
from processors.replay.capsule.replaying import BuildStages, replay, told
from processors.replay.capsule.writer import drafting
from processors.replay.outcome import Outcome
from processors.replay.plan import Plan
from processors.replay.share import Report
from processors.replay.source import Source, missing
from processors.replay.warmup import WarmUp
from schemas.errors import RefusedError

# Of schema ids, the event and the text of each that is known.
Texts = Callable[[Collection[int]], Mapping[int, SchemaText]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a capsule is to hold. ``records_from``: with snapshots, where the oldest of their records is."""

    selection: Selection
    plan: Plan
    warm_up: WarmUp
    settings: StageSettings
    records_from: int


@dataclass(frozen=True, slots=True)
class Made:
    """A capsule that was written, and what came of its replay."""

    manifest: Manifest
    outcome: Outcome


def create(
    source: Source,
    texts: Texts,
    wish: Wish,
    target: Path,
    *,
    jobs: int = 1,
    report: Report = lambda _at, _count: None,
) -> Made:
    """Write a capsule and return what is in it.

    Raises:
        RefusedError: there is nothing in the range, or the disk does not take it.
        DecodeError: the source is damaged.
        UnavailableError: the source cannot be reached.
    """
    settings = wish.settings
    stages = BuildStages(settings.stages, settings.pue, settings.rules)()
    recording = Recording(source, stages, wish.plan, wish.records_from)
    with drafting(target) as draft:
        draft.write(recording)
        if not recording.facts:
            raise RefusedError(
                f"{source.name} has no facts of this in the range: there is nothing to capture"
            )
        parts = draft.joined()
        preliminary = Manifest(
            format=FORMAT,
            penstock=version("penstock"),
            redacted=False,
            times=times(wish.plan),
            selection=wish.selection,
            partitions=wish.plan.partitions,
            settings=settings,
            schemas=texts(sorted(draft.schema_ids)),
            parts=parts,
            seen=recording.seen(),
            recomputed={},
            exact=wish.warm_up.exact,
            fed_back=wish.plan.fed_back,
            compacted=tuple(sorted(wish.plan.compacted)),
            resume=_resume(wish.plan),
            left_out=dict(recording.left_out),
            notes=(*wish.warm_up.notes, *missing(sorted(source.gaps()))),
        )
        outcome = replay(draft.path, preliminary, draft=True, jobs=jobs, report=report)
        sealed = preliminary.model_copy(update={"recomputed": told(outcome.digest)})
        draft.seal(sealed)
    return Made(sealed, outcome)


def times(plan: Plan) -> Times:
    """Return the times of a plan as a manifest has them."""
    return Times(read_from=plan.since, since=plan.begins, until=plan.ends, lag_us=plan.lag_us)


def _resume(plan: Plan) -> Resume | None:
    cuts = plan.cuts
    if not cuts.ticks:
        return None
    return Resume(
        ticks=tuple(
            Tick(partition=each, offset=cut.offset, at=cut.at) for each, cut in sorted(cuts.ticks.items())
        ),
        requests_at=cuts.requests_at,
        since=cuts.since,
        loaded_before=cuts.loaded_before,
    )
