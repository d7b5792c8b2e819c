"""vLLM: ``/metrics`` (V1 names, and what V0 called them), ``/v1/models``, ``/version``.

Names from vLLM's documents and its ``v1/metrics/loggers.py``. Each engine of a data-parallel server has a
series of its own. V1 tells no throughput: tokens a second come from the counters, which move with every step.
"""

from producers.node.runtimes.http import BadAnswer, RuntimeHttp, text
from producers.node.runtimes.metrics_page import Table, histogram, live
from producers.node.runtimes.openai_compatible import listed, serving
from producers.node.runtimes.prometheus import Series, TooManySeries, parse
from producers.node.runtimes.runtime import Description, Live

_TTFT = histogram("vllm:time_to_first_token_seconds")
_E2E = histogram("vllm:e2e_request_latency_seconds")
_QUEUE = histogram("vllm:request_queue_time_seconds")
_SUCCESS = "vllm:request_success_total"
_FINISHED, _FAILED = "finished", "failed"
# finished_reason of a request that did not end by itself; all others did.
_BAD_ENDS = frozenset({"abort", "error"})

TABLE = Table(
    running=("vllm:num_requests_running",),
    waiting=("vllm:num_requests_waiting",),
    kv_cache=("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    counts={
        "prompt_tokens": ("vllm:prompt_tokens_total", "vllm:request_prompt_tokens_sum"),
        "generation_tokens": ("vllm:generation_tokens_total", "vllm:request_generation_tokens_sum"),
        "cached_prompt_tokens": (
            "vllm:prefix_cache_hits_total",
            "vllm:gpu_prefix_cache_hits_total",
            "vllm:prompt_tokens_cached_total",
        ),
        "requests_finished": (_FINISHED,),
        "requests_failed": (_FAILED,),
        "preemptions": ("vllm:num_preemptions_total",),
        "ttft_sum_s": _TTFT[0],
        "ttft_count": _TTFT[1],
        "e2e_sum_s": _E2E[0],
        "e2e_count": _E2E[1],
        "queue_sum_s": _QUEUE[0],
        "queue_count": _QUEUE[1],
    },
    more=(_SUCCESS,),
)


def read_page(page: str) -> Live:
    """Return the readings of a metrics page; all unknown where it is not vLLM's.

    Raises:
        BadAnswer: it has more series than any vLLM.
    """
    try:
        return live(TABLE, [_by_end(each) for each in parse(page, TABLE.names)])
    except TooManySeries as exc:
        raise BadAnswer(f"/metrics has {exc}") from exc


def _by_end(series: Series) -> Series:
    """Tell the ends apart that vLLM counts in one metric."""
    if series.name != _SUCCESS:
        return series
    bad = series.labels.get("finished_reason") in _BAD_ENDS
    return series._replace(name=_FAILED if bad else _FINISHED)


class Vllm:
    """One server, with any number of engines."""

    async def live(self, http: RuntimeHttp) -> Live:
        """Return the metrics; a server whose statistics are switched off must at least name its models."""
        found = read_page(await http.page("/metrics"))
        if not found.counts:
            listed(await http.value("/v1/models"))
        return found

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return version and models; without the server's key there are neither."""
        try:
            models = serving(listed(await http.value("/v1/models")))
            version = text((await http.json("/version")).get("version"))
        except BadAnswer:
            return Description()
        return Description(version=version, loaded=models.loaded, available=models.available)
