"""Stand-ins for three runtimes that serve, on free ports: what the agent asks of vLLM, llama.cpp and Ollama.

Their pages have the names that they document and about the size of real ones; their counters move.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

START_S = 10.0
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
_LABELS = f'engine="0",model_name="{MODEL}"'
_HISTOGRAMS = (
    *("time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds"),
    *("request_queue_time_seconds", "request_inference_time_seconds", "request_prefill_time_seconds"),
    *("request_decode_time_seconds", "request_prompt_tokens", "request_generation_tokens"),
    *("iteration_tokens_total", "request_params_max_tokens", "request_params_n"),
)
_BUCKETS = (*(f"{0.001 * 2**power:g}" for power in range(20)), "+Inf")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Standins:
    """Addresses by kind; ``hang``: vLLM answers nothing from then on."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self._hangs = threading.Event()

    def hang(self) -> None:
        """Let vLLM accept requests and never answer."""
        self._hangs.set()

    async def serve(self, began: threading.Event, end: asyncio.Event) -> None:
        """Serve until the end."""
        runners = []
        for kind, routes in _ROUTES.items():
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self._handler(kind, routes, end))
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.urls[kind] = f"http://127.0.0.1:{runner.addresses[0][1]}"
            runners.append(runner)
        began.set()
        await end.wait()
        for runner in runners:
            await runner.cleanup()

    def _handler(self, kind: str, routes: Mapping[str, Callable[[], Any]], end: asyncio.Event) -> _Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if kind == "vllm" and self._hangs.is_set():
                await end.wait()
            if request.path not in routes:
                return web.Response(status=404)
            found = routes[request.path]()
            return web.Response(text=found) if isinstance(found, str) else web.json_response(found)

        return answer


@contextmanager
def standins() -> Iterator[Standins]:
    """Serve in a thread while the block runs."""
    began, end, loop, found = threading.Event(), asyncio.Event(), asyncio.new_event_loop(), Standins()
    thread = threading.Thread(target=loop.run_until_complete, args=(found.serve(began, end),), daemon=True)
    thread.start()
    try:
        began.wait(START_S)
        yield found
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


def _count(per_s: float) -> float:
    return round(per_s * time.monotonic(), 3)


def _histogram(name: str) -> Iterator[str]:
    yield f"# HELP vllm:{name} Histogram of {name}.\n# TYPE vllm:{name} histogram"
    for place, bound in enumerate(_BUCKETS):
        yield f'vllm:{name}_bucket{{{_LABELS},le="{bound}"}} {_count(0.1 * (place + 1))}'
    yield f"vllm:{name}_count{{{_LABELS}}} {_count(0.1 * len(_BUCKETS))}"
    yield f"vllm:{name}_sum{{{_LABELS}}} {_count(0.7)}"


def _vllm_metrics() -> str:
    gauges = {"num_requests_running": 7, "num_requests_waiting": 2, "kv_cache_usage_perc": _count(1) % 1}
    counters = {
        "prompt_tokens_total": _count(4000),
        "generation_tokens_total": _count(900),
        "prefix_cache_queries_total": _count(4000),
        "prefix_cache_hits_total": _count(2500),
        "num_preemptions_total": _count(0.01),
    }
    lines = [f"vllm:{name}{{{_LABELS}}} {value}" for name, value in (gauges | counters).items()]
    ends = [
        f'vllm:request_success_total{{{_LABELS},finished_reason="{reason}"}} {_count(1)}'
        for reason in ("stop", "length", "abort")
    ]
    histograms = [line for name in _HISTOGRAMS for line in _histogram(name)]
    return "\n".join((*lines, *ends, *histograms, ""))


def _listed(owner: str, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401 - whatever JSON holds
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": owner, **more}]}


def _llamacpp_metrics() -> str:
    return (
        f"llamacpp:prompt_tokens_total {_count(300)}\nllamacpp:tokens_predicted_total {_count(60)}\n"
        "llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n"
    )


def _slots() -> list[Mapping[str, Any]]:
    return [{"id": slot, "is_processing": slot < 2, "next_token": {"n_decoded": slot}} for slot in range(4)]


_TAG = {
    **{"name": "llama3.1:8b", "model": "llama3.1:8b", "size": 4_920_753_328, "digest": "46e0c10c039e"},
    "details": {"family": "llama", "quantization_level": "Q4_K_M"},
}
_LOADED = {
    **_TAG,
    **{"size_vram": 6_000_000_000, "context_length": 8192, "expires_at": "2999-01-01T00:00:00Z"},
}
_SHOWN = {
    "model_info": {
        **{"general.architecture": "llama", "general.parameter_count": 8_030_261_248},
        **{"llama.block_count": 32, "llama.context_length": 131_072, "llama.attention.head_count": 32},
    }
}
_ROUTES: Mapping[str, Mapping[str, Callable[[], Any]]] = {
    "vllm": {
        "/metrics": _vllm_metrics,
        "/v1/models": lambda: _listed("vllm", max_model_len=131_072),
        "/version": lambda: {"version": "0.11.0"},
    },
    "llamacpp": {
        "/health": lambda: {"status": "ok"},
        "/metrics": _llamacpp_metrics,
        "/slots": _slots,
        "/props": lambda: {"build_info": "b7000", "total_slots": 4, "model_path": "llama.Q4_K_M.gguf"},
        "/v1/models": lambda: _listed("llamacpp", meta={"size": 4_920_753_328}),
    },
    "ollama": {
        "/api/version": lambda: {"version": "0.17.4"},
        "/api/ps": lambda: {"models": [_LOADED]},
        "/api/tags": lambda: {"models": [_TAG]},
        "/api/show": lambda: _SHOWN,
    },
}
