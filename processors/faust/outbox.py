"""What a batch has to say, as bytes ready to be sent."""

import logging

from processors.faust.hour import Snapshot
from processors.faust.letters import Cap, Record, Source, dead_letter
from processors.faust.log import Outgoing
from processors.faust.snapshots import events
from processors.stage import Output, Outputs, Rejected
from schemas.codec import Codec
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.topics import DEAD_LETTERS, SNAPSHOTS, Topic

logger = logging.getLogger(__name__)

# A broker refuses batches over 1 MiB by default, and one refused record would refuse its whole transaction.
OUTPUT_LIMIT_BYTES = 900 * 1024


class Outbox:
    """Collects the outputs and dead letters of one partition between transactions."""

    def __init__(self, codec: Codec, settings: Settings, source: Source, cap: Cap) -> None:
        self._codec = codec
        self._settings = settings
        self._source = source
        self._limit = settings.worker.dead_letters_per_minute
        self._places: dict[str, tuple[str, int | None]] = {}
        self._outgoing: list[Outgoing] = []
        self.cap = cap
        self.dead = 0
        self.suppressed = 0

    def add(self, record: Record, outputs: Outputs) -> None:
        """Take what a stage said about a record."""
        for output in outputs:
            if isinstance(output, Rejected):
                self.reject(record, output)
            else:
                self._put(record, output)

    def reject(self, record: Record, rejected: Rejected) -> None:
        """Keep the record as a dead letter, unless there were too many this minute."""
        before = self.cap.suppressed
        self.cap, kept = self.cap.admit(record.timestamp * 1000, self._limit)
        if not kept:
            self.suppressed += 1
            return
        self.dead += 1
        letter = dead_letter(self._source, record, rejected, before)
        self._outgoing.append(self._encoded(Output(DEAD_LETTERS, self._source.topic, letter)))

    def keep(self, snapshot: Snapshot, topic_id: str) -> None:
        """Take a snapshot, which stays in the partition whose records it folds."""
        name, raw = SNAPSHOTS.full_name(self._settings.kafka), snapshot.key.encode()
        for event in events(snapshot, self._source, topic_id):
            self._outgoing.append(Outgoing(name, self._source.partition, raw, self._codec.encode(event)))

    def take(self) -> list[Outgoing]:
        """Return what has come together and begin anew; the counts begin anew too."""
        taken, self._outgoing = self._outgoing, []
        self.dead = self.suppressed = 0
        return taken

    def _put(self, record: Record, output: Output) -> None:
        try:
            outgoing = self._encoded(output)
            if len(outgoing.value) > OUTPUT_LIMIT_BYTES:
                raise ValueError(f"an output of {len(outgoing.value)} bytes is too large to send")
        except Exception as exc:
            # A bug of the stage: its state stays, and the record that brought it about is kept.
            logger.exception(
                "an output for topic %s cannot be sent; topic %s, partition %d, offset %d",
                output.topic.name,
                self._source.topic,
                self._source.partition,
                record.offset,
            )
            self.reject(record, Rejected("rejected", f"{type(exc).__name__}: {exc}"))
        else:
            self._outgoing.append(outgoing)

    def _encoded(self, output: Output) -> Outgoing:
        topic, key, event = output
        name, partition = self._places.get(topic.name) or self._place(topic)
        raw = None if key is None else key.encode()
        if partition is None:
            partition = self._source.partition if key is None else partition_of(key, self._source.partitions)
        return Outgoing(name, partition, raw, self._codec.encode(event))

    def _place(self, topic: Topic) -> tuple[str, int | None]:
        """Outputs of the source's own key stay in the partition of their cause; None: the key decides."""
        partition: int | None = 0
        if topic.spread:
            partition = self._source.partition if topic.key == self._source.key else None
        place = self._places[topic.name] = (topic.full_name(self._settings.kafka), partition)
        return place
