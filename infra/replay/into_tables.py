"""What a replay says into tables of ClickHouse, one for each event, with a prefix of their own.

A table has the columns of the event as ClickHouse takes it in, ``kafka_*`` with the partition and the log
time of its cause. It is filled anew by each replay.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from processors.replay.digest import NAMES
from processors.replay.share import Said
from schemas.errors import RefusedError
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.clickhouse.envelope import Enclosed, enclose
from sinks.clickhouse.store import Store
from sinks.clickhouse.tables import trial
from sinks.clickhouse.writers import Writers

BATCH: Final = 10_000
MARK: Final = "what a replay said"


@contextmanager
def tables(prefix: str, settings: Settings) -> Iterator["Tables"]:
    """Open the tables with a prefix; what has been taken is there when it is left.

    Raises:
        UnavailableError: ClickHouse or the registry is away, or the sink has made no tables yet.
        RefusedError: a table of that name is there, and of no replay.
    """
    with asyncio.Runner() as runner:
        store = Store(settings)
        try:
            found = Tables(prefix, settings.clickhouse.database, store, runner, runner.run(_ids(settings)))
            yield found
            found.flush()
        finally:
            runner.run(store.close())


class Tables:
    """Inserts in batches."""

    def __init__(
        self, prefix: str, database: str, store: Store, runner: asyncio.Runner, ids: Mapping[str, int]
    ) -> None:
        self._prefix = prefix
        self._database = database
        self._store = store
        self._runner = runner
        self._ids = ids
        self._waiting: dict[tuple[str, str], list[Enclosed]] = defaultdict(list)
        self._count = 0
        self._made: set[str] = set()

    def take(self, said: Said) -> None:
        """Take one event."""
        record = said.record
        place = NAMES[type(record.event)], record.topic.name
        row = Enclosed(record.partition, said.order.offset, said.order.at // 1000, said.body)
        self._waiting[place].append(row)
        self._count += 1
        if self._count >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Insert what waits."""
        waiting, self._waiting, self._count = self._waiting, defaultdict(list), 0
        self._runner.run(self._insert(waiting))

    async def _insert(self, waiting: Mapping[tuple[str, str], list[Enclosed]]) -> None:
        for (event, topic), rows in waiting.items():
            table = self._prefix + event
            if table not in self._made:
                await self._make(event, table)
            await self._store.insert(table, (), "AvroConfluent", enclose(self._ids[event], topic, rows))

    async def _make(self, event: str, table: str) -> None:
        name = f"{self._database}.{table}"
        await self._check(table)
        await self._store.command(f"DROP TABLE IF EXISTS {name} SYNC")
        like = f"{self._database}.{trial(event)}"
        engine = f"ENGINE = MergeTree ORDER BY tuple() COMMENT '{MARK}'"
        await self._store.command(f"CREATE TABLE {name} AS {like} {engine}")
        self._made.add(table)

    async def _check(self, table: str) -> None:
        """Refuse a name that another table has: only what a replay has made is made anew."""
        where = f"database = '{self._database}' AND name = '{table}'"
        rows = await self._store.rows(f"SELECT comment FROM system.tables WHERE {where}")
        if rows and rows[0][0] != MARK:
            raise RefusedError(f"there is a table {table} that no replay has made; take another prefix")


async def _ids(settings: Settings) -> Mapping[str, int]:
    registry = Registry(settings.registry)
    try:
        writers = Writers(registry)
        await writers.register()
        return writers.stored_ids
    finally:
        await registry.close()
