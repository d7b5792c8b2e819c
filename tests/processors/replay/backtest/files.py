"""The recorded incident as a log file, for tests whose backtests run in other processes."""

from pathlib import Path

from infra.score.schema_ids import schema_ids
from processors.replay.digest import NAMES
from producers.simulator.log import log_file
from schemas.codec.serde import encode_body
from schemas.log_file import LogRecord
from tests.processors.replay.backtest.recorded import PARTITIONS, records


def written(folder: Path) -> Path:
    """Write it and return it."""
    file = folder / "recorded.log"
    with log_file(file, schema_ids(), partitions=PARTITIONS, about={"test": "backtest"}) as writer:
        for topic, partition, key, event, arrived_at in records():
            record = LogRecord(topic.name, partition, 0, arrived_at, key, encode_body(event))
            writer.put(record, NAMES[type(event)])
    return file
