"""Rules and channels as their topics have them: one fact for each revision, the newest holds.

A change is decided on what the topic holds at that moment, and written in one transaction: a rule goes to its
topic and into every partition of the telemetry, from where it reaches each stage in the order of the facts
there. Who writes takes the transactional id, so of two writers the second one waits for, or ends, the first.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from api.leaving import stop
from schemas.codec import Codec
from schemas.errors import EventError, PenstockError, UnavailableError
from schemas.events.channel_changed import ChannelChanged
from schemas.events.rule_changed import RuleChanged
from schemas.kafka import compression, connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import CHANNELS, RULES, TELEMETRY, Topic

logger = logging.getLogger(__name__)

ANSWER_S = 15.0
_AGAIN_S = 5.0
_CLOSE_S = 2.0

Changed = RuleChanged | ChannelChanged


class Kind(NamedTuple):
    """What one topic of documents holds. ``copied``: the topic whose partitions all get each change too."""

    name: str
    topic: Topic
    event: type[Changed]
    copied: Topic | None


RULE = Kind("rule", RULES, RuleChanged, TELEMETRY)
CHANNEL = Kind("channel", CHANNELS, ChannelChanged, None)


class Wanted(NamedTuple):
    """A document that is to hold from now on; an empty ``text`` deletes it."""

    id: str
    text: str


class Document(NamedTuple):
    """The newest revision of one; ``text`` is empty where it was deleted. Times are µs since the epoch."""

    id: str
    revision: int
    text: str
    by: str
    changed_at: int


Decide = Callable[[Mapping[str, Document]], Iterable[Wanted | Document]]


class Documents:
    """Reads and writes the documents of one Kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec: Codec | None = None
        # One writer at a time in this process; between processes the transactional id decides.
        self._lock = asyncio.Lock()

    async def read(self, kind: Kind) -> Mapping[str, Document]:
        """Return every document that is not deleted, by id, in the order of their ids.

        Raises:
            UnavailableError: Kafka or the registry does not answer.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await self._read(kind)
        except (KafkaError, OSError) as exc:  # a timeout is an OSError
            raise self._away(exc) from exc
        return {name: found[name] for name in sorted(found) if found[name].text}

    async def change(self, kind: Kind, by: str, decide: Decide) -> Sequence[Document]:
        """Write what ``decide`` wants of the documents as they are, deleted ones included, and return it.

        Raises:
            UnavailableError: Kafka or the registry does not take it, or another process changes documents
                at the same moment: nothing was written, or it is not known whether.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await self._change(kind, by, decide)
            except ProducerFenced as exc:
                raise UnavailableError(
                    f"another process changes {kind.name}s at this moment and nothing was written: try again"
                ) from exc
            except (KafkaError, OSError) as exc:
                raise self._away(exc) from exc

    async def announce(self) -> None:
        """Tell the stages the newest revision of every rule once more; waits until Kafka takes it.

        They know them, unless their states were lost or are of another version of Penstock: a stage that
        begins anew has no rules. Whoever has a revision passes over it.
        """
        while True:
            try:
                async with self._lock, asyncio.timeout(ANSWER_S):
                    await self._change(RULE, "", lambda now: now.values())
                return
            except (KafkaError, PenstockError, OSError) as exc:
                logger.debug("the rules are not announced yet: %s", exc)
            await asyncio.sleep(_AGAIN_S)

    async def _change(self, kind: Kind, by: str, decide: Decide) -> Sequence[Document]:
        """Write what is wanted; a document that is as the topic has it goes to the copies alone."""
        kafka = self._settings.kafka
        producer = AIOKafkaProducer(
            **connection(kafka),
            transactional_id=f"{kafka.topic_prefix}{kind.topic.name}-writer",
            compression_type=compression(kafka),
        )
        async with AsyncExitStack() as leaving:
            leaving.push_async_callback(stop, producer, within_s=_CLOSE_S)
            # From here on whoever wrote before has ended: what is read now is the last word.
            await producer.start()
            now = await self._read(kind)
            changes = [
                each if isinstance(each, Document) else self._next(now, each, by) for each in decide(now)
            ]
            if changes:
                async with producer.transaction():
                    await self._send(producer, kind, changes, now)
            return changes

    def _next(self, now: Mapping[str, Document], wanted: Wanted, by: str) -> Document:
        before = now.get(wanted.id)
        revision = before.revision + 1 if before else 1
        return Document(wanted.id, revision, wanted.text, by, time.time_ns() // 1000)

    async def _send(
        self,
        producer: AIOKafkaProducer,
        kind: Kind,
        changes: Sequence[Document],
        now: Mapping[str, Document],
    ) -> None:
        codec = await self._known()
        own = kind.topic.full_name(self._settings.kafka)
        sent = []
        for each in changes:
            value = codec.encode(
                kind.event(
                    str(uuid4()), each.changed_at, each.id, each.revision, not each.text, each.by, each.text
                )
            )
            if now.get(each.id) != each:
                sent.append(await producer.send(own, value, key=each.id.encode()))
            for partition in await self._copies(producer, kind):
                sent.append(await producer.send(partition.topic, value, partition=partition.partition))
        await asyncio.gather(*sent)

    async def _copies(self, producer: AIOKafkaProducer, kind: Kind) -> Sequence[TopicPartition]:
        if kind.copied is None:
            return ()
        name = kind.copied.full_name(self._settings.kafka)
        return [TopicPartition(name, each) for each in sorted(await producer.partitions_for(name))]

    async def _read(self, kind: Kind) -> dict[str, Document]:
        codec = await self._known()
        consumer = AIOKafkaConsumer(
            **connection(self._settings.kafka), enable_auto_commit=False, isolation_level="read_committed"
        )
        async with AsyncExitStack() as leaving:
            leaving.push_async_callback(stop, consumer, within_s=_CLOSE_S)
            await consumer.start()
            place = TopicPartition(kind.topic.full_name(self._settings.kafka), 0)
            end = (await consumer.end_offsets([place]))[place]
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            found: dict[str, Document] = {}
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(place, timeout_ms=200)).get(place, ()):
                    _take(found, kind, codec, record.value)
            return found

    async def _known(self) -> Codec:
        if self._codec is None:
            registry = Registry(self._settings.registry)
            try:
                self._codec = await registry.codec(("rule_changed", "channel_changed"))
            finally:
                await registry.close()
        return self._codec

    def _away(self, exc: Exception) -> UnavailableError:
        reason = str(exc) or f"no answer within {ANSWER_S:g} s"
        return UnavailableError(
            f"Kafka at {self._settings.kafka.bootstrap_servers} does not answer: {reason}"
        )


def _take(found: dict[str, Document], kind: Kind, codec: Codec, value: bytes | None) -> None:
    if value is None:
        return
    try:
        event = codec.decode(value)
    except EventError:
        # Not of this version; the stages say so in dead letters.
        return
    if not isinstance(event, kind.event):
        return
    _, occurred_at, name, revision, deleted, by, text = event
    before = found.get(name)
    if before is None or revision > before.revision:
        found[name] = Document(name, revision, "" if deleted else text, by, occurred_at)
