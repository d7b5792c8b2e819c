"""Kafka, the store, the registry, and the ports of what runs here."""

import asyncio

import httpx

from infra.doctor.finding import Finding, fail, ok
from infra.embedded.ports import require_free
from infra.up.embedded import Embedded, embedded
from infra.up.ports import ports as ports_of
from schemas.errors import ConfigError, PenstockError
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import Settings

TIMEOUT_S = 3.0
NOT_RUNNING = "not running; penstock up starts it"


def kafka(settings: Settings) -> Finding:
    """Judge whether the broker answers, where it is not ours to start."""
    from infra.embedded.kafka import is_ready

    address = settings.kafka.bootstrap_servers
    try:
        connection(settings.kafka)  # certificates and keys, before anybody is asked
        answers = asyncio.run(is_ready(settings.kafka))
    except ConfigError as exc:
        return fail("kafka", f"{address} cannot be asked", str(exc))
    advice = "see kafka.bootstrap_servers, kafka.security_protocol and kafka.sasl_*"
    return _judged("kafka", Embedded.KAFKA in embedded(settings), answers, address, advice)


def store(settings: Settings) -> Finding:
    """Judge whether ClickHouse answers and lets us in."""
    url, problem = settings.clickhouse.url, ""
    try:
        answer = httpx.get(
            url,
            params={"query": "SELECT version()"},
            auth=(settings.clickhouse.username, settings.clickhouse.password.get_secret_value()),
            timeout=TIMEOUT_S,
            verify=str(settings.clickhouse.ca_file) if settings.clickhouse.ca_file else True,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        answers, problem = False, str(exc)
    else:
        answers = answer.is_success
        if not answers:
            return fail(
                "store", f"{url} answers {answer.text[:200].strip()}", "see clickhouse.username and password"
            )
        url = f"{url} (ClickHouse {answer.text.strip()})"
    advice = f"see clickhouse.url and clickhouse.ca_file: {problem}"
    return _judged("store", Embedded.STORE in embedded(settings), answers, url, advice)


def registry(settings: Settings) -> Finding:
    """Judge whether the schema registry answers and lets us in."""
    url, problem = settings.registry.url, ""
    try:
        asyncio.run(_subjects(settings))
        answers = True
    except (PenstockError, OSError) as exc:
        answers, problem = False, str(exc)
    advice = f"see registry.url, registry.username and registry.token: {problem}"
    return _judged("registry", Embedded.REGISTRY in embedded(settings), answers, url, advice)


def ports(settings: Settings) -> Finding:
    """Judge whether what starts here could listen, where it does not already."""
    if _up_is_running(settings):
        return ok("ports", "in use by the Penstock that runs here")
    try:
        require_free(*(port for listens in ports_of(settings).values() for port in listens))
    except ConfigError as exc:
        return fail("ports", "one is taken", str(exc))
    return ok("ports", "all are free")


def _judged(check: str, is_ours: bool, answers: bool, address: str, advice: str) -> Finding:
    if answers:
        return ok(check, f"answers at {address}")
    if is_ours:
        return ok(check, NOT_RUNNING)
    return fail(check, f"does not answer at {address}", advice)


def _up_is_running(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.api.host in ("0.0.0.0", "::") else settings.api.host
    try:
        answer = httpx.get(f"http://{host}:{settings.api.port}/healthz", timeout=TIMEOUT_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.is_success


async def _subjects(settings: Settings) -> None:
    registry_ = Registry(settings.registry)
    try:
        await registry_.subjects()
    finally:
        await registry_.close()
