"""Puts facts onto a link, those of one partition together, and knows which can never be sent."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from producers.envelope import Encoded, disclose, event_name
from producers.link import Link
from producers.parcels import Fact, Flying, Parcel, is_large, packed
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.topics import Topic

# Sending such a record again cannot help.
NEVER = (MessageSizeTooLargeError, RecordListTooLargeError)
_SPOOLED = "spooled fact"


class Courier:
    """``topics`` by name; ``refused`` hears of each fact that no try can deliver, and why."""

    def __init__(self, topics: Mapping[str, Topic], refused: Callable[[str, BaseException], None]) -> None:
        self._topics = topics
        self._refused = refused

    async def send(
        self,
        facts: Sequence[Fact],
        link: Link,
        codec: Codec,
        *,
        went: Callable[[Flying], None],
        sent: set[int],
    ) -> None:
        """Send facts; ``went`` hears of each parcel.

        The numbers of those that went, or that can never go, are put into ``sent``.

        Raises:
            KafkaError: they cannot be handed over.
        """
        parcels, refused = packed(facts, codec, await self._partitions(facts, link))
        for fact, why in refused:
            self._refused(event_name(fact.event), why)
            sent.add(fact.number)
        for parcel in parcels:
            acknowledged = await self._parcel(parcel, link)
            if acknowledged is not None:
                went(Flying(parcel.facts, acknowledged, time.monotonic()))
            sent.update(fact.number for fact in parcel.facts)

    async def deliver(self, records: Sequence[bytes], link: Link, codec: Codec) -> int:
        """Send spooled facts, and return how many arrived once it is known of all.

        Raises:
            KafkaError: some did not arrive, and may another time.
        """
        flying = await self._send_spooled(records, link, codec)
        results = await asyncio.gather(*(one for _, one in flying), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        trouble = next((failure for failure in failures if not isinstance(failure, NEVER)), None)
        if trouble is not None:
            raise trouble if isinstance(trouble, KafkaError) else KafkaError(repr(trouble))
        delivered = 0
        for (count, _), result in zip(flying, results, strict=True):
            if isinstance(result, BaseException):
                for _ in range(count):
                    self._refused(_SPOOLED, result)
            else:
                delivered += count
        return delivered

    async def _send_spooled(
        self, records: Sequence[bytes], link: Link, codec: Codec
    ) -> list[tuple[int, asyncio.Future[object]]]:
        """Send spooled facts; return how many went together, and the future of their acknowledgement."""
        facts = []
        for record in records:
            try:
                found = disclose(record)
                facts.append(
                    Fact(self._topics[found.topic], found.key, Encoded(found.event, found.body), 0.0, 0)
                )
            except (DecodeError, KeyError) as exc:
                self._refused(_SPOOLED, exc)
        parcels, refused = packed(facts, codec, await self._partitions(facts, link))
        for _, why in refused:
            self._refused(_SPOOLED, why)
        flying = []
        for parcel in parcels:
            acknowledged = await self._parcel(parcel, link)
            if acknowledged is not None:
                flying.append((len(parcel.facts), acknowledged))
        return flying

    async def _partitions(self, facts: Sequence[Fact], link: Link) -> dict[str, int]:
        names = {fact.topic.name for fact in facts}
        return {name: len(await link.partitions(self._topics[name])) for name in names}

    async def _parcel(self, parcel: Parcel, link: Link) -> asyncio.Future[object] | None:
        """Send a parcel, and return the future of its acknowledgement; None where it can never go."""
        topic, partition, facts, records = parcel
        try:
            if is_large(parcel):
                return await link.send(topic, records[0][1], key=facts[0].key, partition=partition)
            return await link.send_batch(topic, partition, records)
        except NEVER as exc:
            for fact in facts:
                self._refused(event_name(fact.event), exc)
            return None
