"""A capsule into tables of ClickHouse with a prefix of their own: facts and what was said, for SQL.

Tables, not topics: what comes into a topic is folded and told as if it happened now. A table has the columns
of its event as ClickHouse takes it in, ``kafka_*`` with partition, offset and time of the log.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from infra.replay.into import NAME
from infra.replay.into_tables import tables
from processors.chain import Record
from processors.replay.capsule.reader import Capsule
from processors.replay.digest import NAMES
from processors.replay.facts import BY_NAME, Intake
from processors.replay.merge import Order
from processors.replay.share import Said
from schemas.codec.serde import encode_body
from schemas.errors import ConfigError
from schemas.settings import Settings
from schemas.topics import SNAPSHOTS


def load(path: Path, prefix: str, settings: Settings) -> Mapping[str, int]:
    """Fill a table for each event, anew, and return how many rows each has, by its name.

    Raises:
        ConfigError: the prefix cannot be one.
        CapsuleError: the capsule is damaged.
        UnavailableError: ClickHouse or the registry is away, or the sink has made no tables yet.
    """
    if not prefix or set(prefix) - set(NAME) or prefix[0].isdigit():
        raise ConfigError(f"--prefix {prefix}: a prefix of tables has letters, digits and _ alone")
    rows: Counter[str] = Counter()
    with Capsule(path) as capsule:
        capsule.check()
        intake = Intake(capsule.codec(), {})
        topics = [part.topic for part in capsule.manifest.parts if part.topic != SNAPSHOTS.name]
        with tables(prefix, settings) as writer:
            for one in capsule.records(topics):
                event = intake.read(one)
                if event is None:
                    continue
                order = Order(one.arrived_at, one.topic, one.partition, one.offset)
                record = Record(BY_NAME[one.topic], one.partition, one.key, event, one.arrived_at)
                writer.take(Said(order, 0, 0, record, encode_body(event), late=False))
                rows[prefix + NAMES[type(event)]] += 1
    return dict(sorted(rows.items()))
