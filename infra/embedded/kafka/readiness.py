"""When the broker can be used."""

import asyncio

from schemas.settings import KafkaSettings

TIMEOUT_S = 3.0


async def is_ready(settings: KafkaSettings) -> bool:
    """Say whether Kafka answers and has a broker that takes part."""
    # aiokafka writes a line to the log for each refused connection: ask the port first.
    if not await _any_listens(settings.bootstrap_servers):
        return False
    # Imported once there is something to ask: it takes 0.4 s, and the broker itself needs none of it.
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    from schemas.kafka import connection

    admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=int(TIMEOUT_S * 1000))
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


async def _any_listens(servers: str) -> bool:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            _, writer = await asyncio.wait_for(
                asyncio.open_connection(host.strip("[]"), int(port)), TIMEOUT_S
            )
        except (OSError, TimeoutError):
            continue
        writer.close()
        return True
    return False
