"""SGLang: ``/metrics`` where it runs with ``--enable-metrics``, ``/server_info``, ``/v1/models``.

Names from SGLang's page on production metrics. The ranks of one replica repeat its figures, so of series that
differ in the rank alone the largest counts; the replicas of data parallelism are summed.
``generation_tokens_total`` moves when a request ends; newer servers count each step in
``realtime_tokens_total``, which is preferred.
"""

from collections.abc import Iterable

from producers.node.runtimes.http import BadAnswer, RuntimeHttp, number, text
from producers.node.runtimes.metrics_page import Table, histogram, live
from producers.node.runtimes.openai_compatible import listed, serving
from producers.node.runtimes.prometheus import Series, TooManySeries, parse
from producers.node.runtimes.runtime import Description, Live

_TTFT = histogram("sglang:time_to_first_token_seconds")
_E2E = histogram("sglang:e2e_request_latency_seconds")
_QUEUE = histogram("sglang:queue_time_seconds")
_REALTIME = "sglang:realtime_tokens_total"
_DECODED = "decoded"
_RANKS = frozenset({"tp_rank", "pp_rank", "moe_ep_rank"})

TABLE = Table(
    running=("sglang:num_running_reqs",),
    waiting=("sglang:num_queue_reqs",),
    kv_cache=("sglang:token_usage",),
    counts={
        "prompt_tokens": ("sglang:prompt_tokens_total",),
        "generation_tokens": (_DECODED, "sglang:generation_tokens_total"),
        "cached_prompt_tokens": ("sglang:cached_tokens_total",),
        "requests_finished": ("sglang:num_requests_total",),
        "requests_failed": ("sglang:num_aborted_requests_total",),
        "ttft_sum_s": _TTFT[0],
        "ttft_count": _TTFT[1],
        "e2e_sum_s": _E2E[0],
        "e2e_count": _E2E[1],
        "queue_sum_s": _QUEUE[0],
        "queue_count": _QUEUE[1],
    },
    more=(_REALTIME,),
)


def read_page(page: str) -> Live:
    """Return the readings of a metrics page; all unknown where it is not SGLang's.

    Raises:
        BadAnswer: it has more series than any SGLang.
    """
    try:
        return live(TABLE, _replicas(map(_by_mode, parse(page, TABLE.names))))
    except TooManySeries as exc:
        raise BadAnswer(f"/metrics has {exc}") from exc


def _by_mode(series: Series) -> Series:
    decoded = series.name == _REALTIME and series.labels.get("mode") == "decode"
    return series._replace(name=_DECODED) if decoded else series


def _replicas(series: Iterable[Series]) -> list[Series]:
    found: dict[str, Series] = {}
    for each in series:
        plain = each._replace(labels={k: v for k, v in each.labels.items() if k not in _RANKS})
        known = found.get(plain.key)
        found[plain.key] = plain if known is None or plain.value > known.value else known
    return list(found.values())


class Sglang:
    """One server, with any number of replicas."""

    async def live(self, http: RuntimeHttp) -> Live:
        """Return the metrics; a server that shows none must at least name its models."""
        try:
            found = read_page(await http.page("/metrics"))
        except BadAnswer:
            found = Live()
        if not found.counts:
            listed(await http.value("/v1/models"))
        return found

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return version, slots and models; without the server's key there are none."""
        try:
            models = serving(listed(await http.value("/v1/models")))
            info = await _server_info(http)
        except BadAnswer:
            return Description()
        slots = number(info.get("max_running_requests"))
        return Description(text(info.get("version")), slots, models.loaded, models.available)


async def _server_info(http: RuntimeHttp) -> dict[str, object]:
    try:
        return dict(await http.json("/server_info"))
    except BadAnswer:
        return dict(await http.json("/get_server_info"))  # its name until 2025
