"""From the options of ``penstock capsule create`` to what a capsule is to hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from infra.capsule.texts import STACK
from infra.replay.asked import asked_for
from infra.replay.opening import EVENT_LOG, KAFKA, opener
from processors.replay.capsule.create import Wish
from processors.replay.capsule.manifest import Selection, StageSettings
from processors.replay.capsule.replaying import OF_NODES, STAGES, BuildStages, rules_of
from processors.replay.explain.found import long_enough, only
from processors.replay.facts import Intake
from processors.replay.prepare import Asked, prepare
from processors.replay.replay import Replay
from processors.replay.snapshot import load, read_since
from processors.replay.source import FOREVER, Source
from processors.replay.sources.followed import Followed
from processors.stage import Stage
from schemas.codec import Event
from schemas.errors import ConfigError, RefusedError
from schemas.events.alert import Alert, AlertResolved
from schemas.events.observation import Observation, ObservationResolved
from schemas.settings import Settings
from schemas.topics import ALERTS, OBSERVATIONS

# What is shown of the time before an onset and after an end.
MARGIN_US = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options, as written."""

    observation: str = ""
    alert: str = ""
    begins: str = ""
    ends: str = ""
    fleet: str = ""
    nodes: tuple[str, ...] = ()
    rules: Path | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    """An observation or an alert as the log tells it. Times: arrivals, µs since the epoch."""

    id: str
    node: str
    fleet: str
    thresholds: str
    begins: int
    ends: int | None


def source_opener(text: str, settings: Settings) -> Callable[[], Source]:
    """Return what opens a source: ``stack``, or what ``penstock replay --source`` takes."""
    if text == STACK:
        return partial(_stack, settings)
    return opener(text, settings)


def _stack(settings: Settings) -> Source:
    return Followed(opener(EVENT_LOG, settings)(), opener(KAFKA, settings)())


def wish(open_source: Callable[[], Source], source: Source, settings: Settings, options: Options) -> Wish:
    """Return what a capsule is to hold.

    Raises:
        ConfigError: the options do not go together, or one means nothing.
        RefusedError: the source has nothing of it.
    """
    _check(options)
    stages = _settings(settings, options)
    finding = None
    if options.observation or options.alert:
        finding = _found(open_source, source, BuildStages(stages.stages, stages.pue, stages.rules), options)
        options = (
            replace(options, observation=finding.id)
            if options.observation
            else replace(options, alert=finding.id)
        )
        if options.observation and not options.fleet:
            options = replace(options, nodes=(finding.node,))
        options = replace(options, fleet=options.fleet or finding.fleet)
    if options.nodes:
        stages = stages.model_copy(update={"stages": OF_NODES})
    build = BuildStages(stages.stages, stages.pue, stages.rules)
    built = build()
    prepared = prepare(source, built, _asked(source, settings, options, finding))
    notes = prepared.notes + _other_rules(finding, rules_of(stages.rules).digest)
    return Wish(
        _selection(options),
        prepared.plan,
        prepared.warm_up._replace(notes=notes),
        stages,
        _records_from(source, built, prepared.plan),
    )


def _check(options: Options) -> None:
    asked = [name for name in ("observation", "alert") if getattr(options, name)]
    if len(asked) == 2:
        raise ConfigError("a capsule is of one incident: --observation or --alert, not both")
    if asked and (options.begins or options.ends or options.nodes):
        raise ConfigError(f"--{asked[0]} tells the range and the node: leave out --from, --to and --node")
    if not asked and not options.begins:
        raise ConfigError("which incident? give --observation ID, --alert ID, or --from T --to T")


def _settings(settings: Settings, options: Options) -> StageSettings:
    file = options.rules or settings.worker.rules_file
    try:
        text = "" if file is None else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the file of rules {file} cannot be read: {exc}") from exc
    return StageSettings(stages=STAGES, pue=settings.worker.pue, rules=text)


def _asked(source: Source, settings: Settings, options: Options, finding: _Finding | None) -> Asked:
    asked = asked_for(
        source, settings, begins=options.begins, ends=options.ends, as_of="", warm_up="", lag="15m",
        nodes=options.nodes, fleet=options.fleet, compare=False, keep=False,
    )  # fmt: skip
    return asked if finding is None else replace(asked, begins=finding.begins, ends=finding.ends)


def _selection(options: Options) -> Selection:
    kind = "observation" if options.observation else "alert" if options.alert else "range"
    return Selection.model_validate(
        {
            "asked": kind,
            "id": options.observation or options.alert,
            "fleet": options.fleet,
            "nodes": tuple(sorted(options.nodes)),
        }
    )


def _found(
    open_source: Callable[[], Source], source: Source, build: BuildStages, options: Options
) -> _Finding:
    """Return the incident that was asked for, as the log has it, or as a replay says where nobody said it."""
    wanted = options.observation or options.alert
    long_enough(wanted)
    topic = OBSERVATIONS if options.observation else ALERTS
    events: dict[str, list[tuple[int, Event]]] = {}

    def see(at: int, event: Event | None) -> None:
        if event is not None and (found := _id_of(event)).startswith(wanted):
            events.setdefault(found, []).append((at, event))

    if source.holds([topic]):
        intake = Intake(source.codec(), {})
        for record in source.read([topic], 0, FOREVER):
            see(record.arrived_at, intake.read(record))
    else:
        plan = prepare(source, build(), Asked(keep=True)).plan
        Replay(open_source, build, plan).run(take=lambda said: see(said.order.at, said.record.event))
    if not events:
        what = "observation" if options.observation else "alert"
        raise RefusedError(f"{source.name} has no {what} whose id is, or begins with, {wanted}")
    return _finding(*only(events, wanted))


def _id_of(event: Event) -> str:
    if isinstance(event, Observation):
        return event.observation_id
    return event.alert_id if isinstance(event, Alert) else ""


def _finding(found: str, events: Sequence[tuple[int, Any]]) -> _Finding:
    first_at, first = events[0]
    last_at, last = events[-1]
    begins = min(first.onset_at, first_at, getattr(first, "window_started_at", first_at)) - MARGIN_US
    over = isinstance(last, ObservationResolved | AlertResolved)
    return _Finding(
        found,
        first.node_id,
        first.fleet,
        getattr(last, "thresholds", ""),
        begins,
        last_at + MARGIN_US if over else None,
    )


def _other_rules(finding: _Finding | None, digest: str) -> tuple[str, ...]:
    """Say if the incident was judged by other rules than the settings have now."""
    if finding is None or not finding.thresholds or finding.thresholds == digest:
        return ()
    return (
        f"it was judged by other rules (digest {finding.thresholds}) than are in force ({digest}): "
        "give those of then with --rules",
    )


def _records_from(source: Source, stages: Sequence[Stage[Any]], plan: Any) -> int:  # noqa: ANN401 - a Plan
    """Return where reading begins, which with snapshots is before the oldest state that is used."""
    if not plan.cuts.ticks:
        return int(plan.since)
    since = read_since(load(source, stages, plan.cuts.loaded_before, say=lambda _text: None))
    return int(plan.since) if since is None else min(int(plan.since), since)
