"""The query API: the application, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from api import problem
from api.auth import KeyRing, check_may_listen, is_loopback
from api.edge import Edge
from api.metrics import ApiMetrics
from api.notify import channels, deliveries, rules
from api.notify.documents import Documents
from api.parts import Parts
from api.query import actions, alerts, as_of, backtests, explain, nodes, observations
from api.query import endpoint as operation
from api.query.backtest_jobs import Backtests
from api.query.finding import ALERT, OBSERVATION
from api.query.findings_metrics import FindingsCollector
from api.query.fleet import FleetView
from api.query.hub import Hub
from api.query.live import Live
from api.query.operator import Operator
from api.query.prometheus import FleetCollector
from api.query.standing import Standing
from api.sql import endpoint as sql
from api.sql.run import SqlService
from api.store import Store
from processors.replay.backtest.quickest import of_clickhouse
from schemas.settings import Settings

_ABOUT = """
What a fleet does and did. Times are RFC 3339, UTC; a reading that does not exist is null; units are in the
descriptions. Every error is `application/problem+json` with a `detail` and, where something can be done, a
`hint`. Off loopback a key is needed: `Authorization: Bearer KEY`.
"""


def create_app(settings: Settings) -> FastAPI:
    """Return the application.

    Raises:
        ConfigError: it would listen beyond this machine and nobody has a key.
    """
    keys = KeyRing(settings.data_dir)
    check_may_listen(settings.api.host, keys)
    local = is_loopback(settings.api.host)
    metrics = ApiMetrics()
    app = FastAPI(
        title="Penstock",
        version=version("penstock"),
        description=_ABOUT,
        lifespan=_lifespan(settings, metrics),
        # Their pages load scripts from elsewhere; /openapi.json is what programs and pages of one's own need.
        docs_url=None,
        redoc_url=None,
    )
    told = (rules, channels, deliveries)
    for resource in (nodes, observations, alerts, explain, actions, as_of, backtests, *told, sql, operation):
        app.include_router(resource.router)
    problem.install(app)
    app.add_middleware(Edge, metrics=metrics, keys=None if local else keys, local=local)
    return app


def _lifespan(
    settings: Settings, metrics: ApiMetrics
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        fleet, hub, store = FleetView(), Hub(), Store(settings.clickhouse)
        standing = (Standing(OBSERVATION), Standing(ALERT))
        live = Live(settings, fleet, hub, metrics, standing)
        service, operator = SqlService(store, settings.api), Operator(settings)
        app.state.parts = Parts(
            settings, store, service, fleet, hub, live, metrics, operator, *standing, Documents(settings)
        )
        collectors = (FleetCollector(fleet), FindingsCollector(standing))
        for collector in collectors:
            metrics.registry.register(collector)
        jobs = app.state.backtests = Backtests(partial(of_clickhouse, settings))
        documents = app.state.parts.documents
        tasks = (asyncio.create_task(live.run()), asyncio.create_task(documents.announce()))
        try:
            yield
        finally:
            hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await jobs.close()
            await operator.close()
            await service.close()
            await store.close()
            for collector in collectors:
                metrics.registry.unregister(collector)

    return lifespan
