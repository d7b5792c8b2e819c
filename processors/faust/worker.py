"""The worker process: waits for Kafka and the registry, then runs every stage until it is told to stop."""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import mode.loop
import uvloop
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from processors.faust.health import Progress, served
from processors.faust.intake import Intake
from processors.faust.runner import StageRunner
from processors.faust.transport import StageApp
from processors.stage import Stage
from schemas.errors import ConfigError, PenstockError, UnavailableError
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import TOPICS

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


def serve(settings: Settings, stages: Sequence[Stage[Any]]) -> int:
    """Run the stages until SIGTERM or Ctrl-C.

    Returns:
        The exit status: 0 when told to stop, 1 when something gave way, 2 when the settings cannot work.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(settings, stages))
    except ConfigError as exc:
        logger.error("%s", exc)
        return 2
    except PenstockError as exc:
        logger.error("%s", exc)
        return 1
    return 0


async def _until_told(settings: Settings, stages: Sequence[Stage[Any]]) -> None:
    task = asyncio.ensure_future(work(settings, stages))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def work(settings: Settings, stages: Sequence[Stage[Any]]) -> None:
    """Run the stages until cancelled; what is not stored is stored before this returns.

    Raises:
        ConfigError: the settings, or the topics as they are, cannot work.
        UnavailableError: Kafka went away in a way that only a new start mends.
    """
    mode.loop.use("uvloop")  # for the loops of Faust's threads; ours is running already
    spare_the_collector()
    progress = Progress()
    runners: list[StageRunner[Any]] = []
    apps: list[StageApp] = []

    def unhealthy() -> str:
        lag = sum(runner.lag(_consumer(app)) for runner, app in zip(runners, apps, strict=True))
        last = [each.progressed_at for runner in runners for each in runner.partitions.values()]
        return progress.judge(lag, max(last, default=0.0))

    registry = Registry(settings.registry)
    try:
        async with served(settings.worker.metrics_port, unhealthy):
            progress.waiting_for = "Kafka"
            partitions = await _when_up(lambda: _prepare(settings, stages), "Kafka")
            progress.waiting_for = "the schema registry"
            intake = Intake(await _when_up(registry.codec, "the schema registry"), registry)
            progress.waiting_for = ""
            runners.extend(StageRunner(stage, intake, settings, partitions) for stage in stages)
            apps.extend(runner.app() for runner in runners)
            await _run(apps)
    finally:
        await registry.close()


def spare_the_collector() -> None:
    """Let Python look for reference cycles a hundredth as often: states and events have none.

    They are tuples within tuples, which the collector walks in vain; measured with the node stage, a quarter
    of all time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _run(apps: Sequence[StageApp]) -> None:
    try:
        for app in apps:
            await app.start()
        ends = [asyncio.ensure_future(app.wait_until_stopped()) for app in apps]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
    finally:
        for app in apps:
            await app.stop()
    reasons = [app.crash_reason for app in apps if app.crash_reason is not None]
    if reasons:
        raise UnavailableError(f"the worker gave way: {reasons[0]!r}") from reasons[0]


def _consumer(app: StageApp) -> Any:  # noqa: ANN401 - a BatchConsumer, once there is one
    return app._consumer


async def _when_up(attempt: Callable[[], Awaitable[Result]], what: str) -> Result:
    """Return what the attempt returns, repeating it for as long as ``what`` is away, with one line of log."""
    waiting = False
    while True:
        try:
            result = await attempt()
        except UnavailableError as exc:
            if not waiting:
                logger.warning("waiting for %s: %s", what, exc)
                waiting = True
            await asyncio.sleep(exc.retry_after_s)
        else:
            if waiting:
                logger.info("%s is there", what)
            return result


async def _prepare(settings: Settings, stages: Sequence[Stage[Any]]) -> int:
    """Make the topics that are missing, and return how many partitions those have that are spread.

    Raises:
        ConfigError: they differ, so that an output could not stay in the partition of its cause.
    """
    topics = {topic.name: topic for topic in TOPICS}
    for stage in stages:
        topics |= {stage.source.name: stage.source, stage.states.name: stage.states}
    await ensure_topics(settings.kafka, topics.values())
    names = {topic.full_name(settings.kafka) for topic in topics.values() if topic.spread}
    counts = await _partitions(settings, sorted(names))
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        raise ConfigError(f"spread topics must have the same number of partitions, but have: {shown}")
    return next(iter(counts.values()))


async def _partitions(settings: Settings, names: Sequence[str]) -> dict[str, int]:
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    try:
        await admin.start()
        described = await admin.describe_topics(list(names))
    except (KafkaError, OSError) as exc:
        raise UnavailableError(f"Kafka at {settings.kafka.bootstrap_servers}: {exc}") from exc
    finally:
        await admin.close()
    return {topic["topic"]: len(topic["partitions"]) for topic in described}
