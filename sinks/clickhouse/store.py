"""ClickHouse over HTTP as the sink needs it: insertions of bytes, statements, and which errors mean what."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from schemas.errors import ConfigError, PenstockError, UnavailableError
from schemas.settings import ClickHouseSettings, RegistrySettings, Settings
from sinks.metrics import INSERT_SECONDS

CONNECT_S = 5
# A hung server is an outage too.
ANSWER_S = 120

# Codes of ClickHouse that may be about the bytes sent. Everything else is about the server: no space, too
# many parts, read-only, no such user. Even these are no proof: see culprits.
ABOUT_DATA = frozenset(
    {
        6, 26, 27, 32, 33, 38, 41, 72,  # cannot parse, cannot read all, input ends too early
        53, 69, 70, 117, 128, 131, 190, 321, 349, 469,  # wrong type, size, value, constraint
        173, 241,  # a length that nobody has memory for; or truly no memory
        1001,  # std::exception: how avro::Exception arrives
    }
)  # fmt: skip


class BadBytesError(PenstockError):
    """ClickHouse refused an insertion, perhaps for its bytes. Nothing of it was stored."""


class Store:
    """A connection that is made when first needed, and again after it was lost."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.clickhouse
        self._client: AsyncClient | None = None
        self._lock = asyncio.Lock()
        self._insertion: Mapping[str, str | int] = {
            "async_insert": 0,
            "insert_deduplicate": 1,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            # One block an insertion: it goes in whole or not at all, and its token is for all of it.
            "max_insert_block_size": 4 * settings.sink.batch_rows + 1_000_000,
            # Merges drop what was sent twice; looking for it in every block costs a fifth of an insertion.
            "optimize_on_insert": 0,
            # Panes of an hour's silence, or of a clock that jumped, may belong to many months.
            "max_partitions_per_insert_block": 0,
        }
        self._avro = {"format_avro_schema_registry_url": registry_url(settings.clickhouse, settings.registry)}

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def insert(
        self, table: str, columns: Sequence[str], fmt: str, rows: bytes, token: str = ""
    ) -> None:
        """Insert bytes of a format into a table of the database.

        ``token`` makes a second insertion of the same into the same table, and into all that is fed from it,
        go nowhere.

        Raises:
            BadBytesError: the bytes may be the reason that nothing was inserted.
            UnavailableError: the store is away or takes no insertions now; whether it did is not known.
        """
        settings = {**self._insertion, **(self._avro if fmt == "AvroConfluent" else {})}
        if token:
            settings["insert_deduplication_token"] = token
        client = await self._connected()
        with INSERT_SECONDS.labels(table).time():
            try:
                await client.raw_insert(
                    f"{self._settings.database}.{table}", columns or None, rows, settings=settings, fmt=fmt
                )
            except ClickHouseError as exc:
                raise self._meaning(exc) from exc

    async def command(self, sql: str) -> None:
        """Run a statement that returns nothing.

        Raises:
            UnavailableError: the store is away or refuses it.
        """
        client = await self._connected()
        try:
            await client.command(sql)
        except ClickHouseError as exc:
            raise self._away(exc) from exc

    async def rows(self, sql: str) -> Sequence[Sequence[Any]]:
        """Return the rows of a query; raises as ``command`` does."""
        client = await self._connected()
        try:
            answer = await client.query(sql)
        except ClickHouseError as exc:
            raise self._away(exc) from exc
        found: Sequence[Sequence[Any]] = answer.result_rows
        return found

    async def _connected(self) -> AsyncClient:
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> AsyncClient:
        settings = self._settings
        url = urlsplit(settings.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ConfigError(f"the setting clickhouse.url is no http:// or https:// address: {settings.url}")
        options: dict[str, Any] = {"ca_cert": str(settings.ca_file)} if settings.ca_file else {}
        try:
            return await clickhouse_connect.get_async_client(
                host=url.hostname,
                port=url.port or (8443 if url.scheme == "https" else 8123),
                secure=url.scheme == "https",
                username=settings.username,
                password=settings.password.get_secret_value(),
                connect_timeout=CONNECT_S,
                send_receive_timeout=ANSWER_S,
                compress=False,
                **options,
            )
        except ClickHouseError as exc:
            raise self._away(exc) from exc

    def _meaning(self, exc: ClickHouseError) -> PenstockError:
        code = getattr(exc, "code", None)
        if code in ABOUT_DATA and not _transport(exc):
            return BadBytesError(str(exc).strip()[:2000])
        return self._away(exc)

    def _away(self, exc: ClickHouseError) -> UnavailableError:
        text = " ".join(str(exc).split())[:500]
        return UnavailableError(f"ClickHouse at {self._settings.url} (setting clickhouse.url): {text}")


def registry_url(store: ClickHouseSettings, registry: RegistrySettings) -> str:
    """Return the registry's URL as ClickHouse asks it, with user and password where it needs them."""
    url = store.registry_url or registry.url
    if store.registry_url or not registry.username:
        return url
    scheme, _, rest = url.partition("://")
    user, password = quote(registry.username, safe=""), quote(registry.password.get_secret_value(), safe="")
    return f"{scheme}://{user}:{password}@{rest}"


def _transport(exc: ClickHouseError) -> bool:
    return isinstance(exc, OperationalError) and getattr(exc, "code", None) is None
