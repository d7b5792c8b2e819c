"""Brings the tables to what this version needs: numbered SQL files, each applied once and remembered.

Every statement may run twice, so two processes that migrate at once do no harm, and neither does one that
dies in the middle. A file that was applied and has changed since is an error. What follows from the settings
and the schemas is brought up to date each time: how long rows are kept, and the comments of the columns.

A view whose query was changed is renamed there and back. A deduplication token counts for each view by the
view's identity, and ``MODIFY QUERY`` leaves it registered under another one until the server starts again
(tried: ClickHouse 26.9): a batch that was inserted before that start and again after it would be there twice.
A rename registers it as it was, without a moment in which rows pass it by.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template

from schemas.errors import ConfigError
from schemas.settings import ClickHouseSettings
from sinks.clickhouse.store import Store
from sinks.clickhouse.tables import TABLES, comments

logger = logging.getLogger(__name__)

# A batch in doubt is inserted again within seconds of its sink's death; these remember the last 10,000
# insertions of each table, for 30 days where Keeper does.
TABLE_SETTINGS = ", ".join(
    (
        "non_replicated_deduplication_window = 10000",
        "replicated_deduplication_window = 10000",
        "replicated_deduplication_window_seconds = 2592000",
        "ttl_only_drop_parts = 1",
        "default_compression_codec = 'ZSTD(1)'",
    )
)
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)
_CHANGED_VIEW = re.compile(r"ALTER TABLE (\S+) .*MODIFY QUERY")
_KEPT = re.compile(r"TTL [^\n]*?toIntervalDay\((\d+)\)")
_TTL = re.compile(
    r"CREATE TABLE IF NOT EXISTS \$database\.(\w+) .*TTL (toDateTime\(\w+\)) \+ INTERVAL \$(\w+) DAY",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of ``migrations/``."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, before anything is filled in."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, settings: ClickHouseSettings) -> Sequence[str]:
        """Return the statements with names, engines and times filled in."""
        text = Template(_COMMENT.sub("", self.text)).substitute(blanks(settings))
        return [each.strip() for each in text.split(";\n") if each.strip()]


def migrations() -> Sequence[Migration]:
    """Return every file, by number."""
    found = []
    for file in resources.files("sinks.clickhouse").joinpath("migrations").iterdir():
        stem, _, suffix = file.name.rpartition(".")
        if suffix == "sql":
            number, _, name = stem.partition("_")
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    return sorted(found, key=lambda each: each.number)


def blanks(settings: ClickHouseSettings) -> dict[str, str]:
    """Return what stands for each ``$name`` of the files."""
    return {
        "database": settings.database,
        "on_cluster": on_cluster(settings),
        "replicated": "Replicated" if settings.cluster else "",
        "settings": TABLE_SETTINGS,
        "samples_ttl_days": str(settings.samples_ttl_days),
        "panes_ttl_days": str(settings.panes_ttl_days),
        "requests_ttl_days": str(settings.requests_ttl_days),
        "summaries_ttl_days": str(settings.summaries_ttl_days),
        "event_log_ttl_days": str(settings.event_log_ttl_days),
    }


def on_cluster(settings: ClickHouseSettings) -> str:
    """Return the clause that makes a statement run on every server of the cluster; empty without one."""
    return f"ON CLUSTER `{settings.cluster}`" if settings.cluster else ""


async def migrate(
    store: Store, settings: ClickHouseSettings, files: Sequence[Migration] | None = None
) -> Sequence[Migration]:
    """Apply what is missing and return it.

    Raises:
        ConfigError: an applied file has another checksum now.
        UnavailableError: the store is away or refuses a statement.
    """
    files = migrations() if files is None else files
    await _prepare(store, settings)
    applied = await _applied(store, settings)
    missing = []
    for each in files:
        checksum = applied.get(each.number)
        if checksum is None:
            await _apply(store, settings, each)
            missing.append(each)
        elif checksum != each.checksum:
            raise ConfigError(
                f"the migration {each.number:04d}_{each.name} was applied to the database {settings.database}"
                " and has changed since; this version of Penstock does not fit that database"
            )
    await _keep_for(store, settings)
    await _comment(store, settings)
    return missing


async def _prepare(store: Store, settings: ClickHouseSettings) -> None:
    cluster, database = on_cluster(settings), settings.database
    await store.command(f"CREATE DATABASE IF NOT EXISTS {database} {cluster}")
    await store.command(
        f"CREATE TABLE IF NOT EXISTS {database}.schema_migrations {cluster} (number UInt32, name String,"
        " checksum String COMMENT 'SHA-256 of the file', applied_at DateTime DEFAULT now())"
        f" ENGINE = {blanks(settings)['replicated']}ReplacingMergeTree ORDER BY number"
        " COMMENT 'Migrations that were applied.'"
    )


async def _applied(store: Store, settings: ClickHouseSettings) -> dict[int, str]:
    rows = await store.rows(f"SELECT number, checksum FROM {settings.database}.schema_migrations")
    return {int(number): str(checksum) for number, checksum in rows}


async def _apply(store: Store, settings: ClickHouseSettings, migration: Migration) -> None:
    statements = migration.statements(settings)
    views = [found.group(1) for each in statements if (found := _CHANGED_VIEW.match(each))]
    for view in views:
        # Whoever migrated before may have died with it aside.
        await store.command(f"RENAME TABLE IF EXISTS {_aside(view)} TO {view} {on_cluster(settings)}")
    for statement in statements:
        await store.command(statement)
    for view in views:
        there_and_back = f"{view} TO {_aside(view)}, {_aside(view)} TO {view}"
        await store.command(f"RENAME TABLE {there_and_back} {on_cluster(settings)}")
    await store.command(
        f"INSERT INTO {settings.database}.schema_migrations (number, name, checksum)"
        f" VALUES ({migration.number}, '{migration.name}', '{migration.checksum}')"
    )
    logger.info("migration %04d_%s is applied", migration.number, migration.name)


def _aside(view: str) -> str:
    return f"{view}_aside"


async def _keep_for(store: Store, settings: ClickHouseSettings) -> None:
    """Change how long rows are kept where the settings say something else than the table."""
    days = blanks(settings)
    rows = await store.rows(
        f"SELECT name, create_table_query FROM system.tables WHERE database = '{settings.database}'"
    )
    kept = {name: found.group(1) for name, query in rows if (found := _KEPT.search(query))}
    for table, time, setting in _times_to_live():
        if kept.get(table, days[setting]) != days[setting]:
            await store.command(
                f"ALTER TABLE {settings.database}.{table} {on_cluster(settings)}"
                f" MODIFY TTL {time} + INTERVAL {days[setting]} DAY"
            )
            logger.info("rows of %s are kept for %s days", table, days[setting])


def _times_to_live() -> Iterator[tuple[str, str, str]]:
    """Yield each table that forgets: its name, the time that counts and the setting that says how long."""
    for migration in migrations():
        for statement in migration.text.split(";\n"):
            found = _TTL.search(statement)
            if found:
                yield found.group(1), found.group(2), found.group(3)


async def _comment(store: Store, settings: ClickHouseSettings) -> None:
    """Say of each column what its event's schema says, in the words and units of the schema."""
    rows = await store.rows(
        f"SELECT table, name, comment FROM system.columns WHERE database = '{settings.database}'"
    )
    said = {(table, name): comment for table, name, comment in rows}
    for table in {each.name: each for each in TABLES}.values():
        changes = [
            f"COMMENT COLUMN `{name}` {literal(text)}"
            for name, text in comments(table).items()
            if said.get((table.name, name), text) != text
        ]
        if changes:
            await store.command(
                f"ALTER TABLE {settings.database}.{table.name} {on_cluster(settings)} {', '.join(changes)}"
            )


def literal(text: str) -> str:
    """Return a text as a literal of ClickHouse's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
