"""vLLM, by pages written from the names it documents; none of a running vLLM was at hand."""

import math

import pytest

from producers.node.runtimes.deltas import Totals
from producers.node.runtimes.http import BadAnswer
from producers.node.runtimes.runtime import Live
from producers.node.runtimes.vllm import Vllm, read_page
from schemas.events.node_sample import RuntimeSample
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

MODEL = "meta-llama/Llama-3.1-8B-Instruct"


def engine(number: int, scale: float = 1.0) -> str:
    labels = f'engine="{number}",model_name="{MODEL}"'
    buckets = "".join(
        f'vllm:time_to_first_token_seconds_bucket{{{labels},le="{le}"}} {4 * scale}\n'
        for le in ("0.01", "0.1", "1.0", "+Inf")
    )
    return f"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{{labels}}} {3 * scale}
vllm:num_requests_waiting{{{labels}}} {2 * scale}
vllm:kv_cache_usage_perc{{{labels}}} {0.25 * scale}
vllm:prompt_tokens_total{{{labels}}} {1000 * scale}
vllm:prompt_tokens_created{{{labels}}} 1.7e+09
vllm:generation_tokens_total{{{labels}}} {500 * scale}
vllm:prefix_cache_queries_total{{{labels}}} {1000 * scale}
vllm:prefix_cache_hits_total{{{labels}}} {640 * scale}
vllm:num_preemptions_total{{{labels}}} {scale}
vllm:request_success_total{{{labels},finished_reason="stop"}} {5 * scale}
vllm:request_success_total{{{labels},finished_reason="length"}} {2 * scale}
vllm:request_success_total{{{labels},finished_reason="abort"}} {scale}
{buckets}vllm:time_to_first_token_seconds_sum{{{labels}}} {0.5 * scale}
vllm:time_to_first_token_seconds_count{{{labels}}} {4 * scale}
vllm:e2e_request_latency_seconds_sum{{{labels}}} {8 * scale}
vllm:e2e_request_latency_seconds_count{{{labels}}} {4 * scale}
vllm:request_queue_time_seconds_sum{{{labels}}} {0.1 * scale}
vllm:request_queue_time_seconds_count{{{labels}}} {4 * scale}
"""


def counted(*pages: Live) -> RuntimeSample:
    """What the counters of these pages, two seconds apart, come to, the first being the ground."""
    totals = Totals()
    for index, page in enumerate(pages):
        totals.observe(2.0 * index, page.counts)
    return totals.onto(RuntimeSample("vllm:8000", "vllm", "up"))


def test_all_engines_are_summed_and_their_caches_averaged() -> None:
    found = read_page(engine(0) + engine(1, 3.0))
    assert (found.requests_running, found.requests_waiting) == (12.0, 8.0)
    assert found.kv_cache_ratio == pytest.approx(0.5)
    assert found.running_by_model == ((MODEL, 12.0),)


def test_counters_and_histograms_are_differences() -> None:
    sample = counted(read_page(engine(0) + engine(1)), read_page(engine(0, 2.0) + engine(1)))
    assert (sample.prompt_tokens, sample.generation_tokens, sample.interval_s) == (1000.0, 500.0, 2.0)
    assert (sample.cached_prompt_tokens, sample.preemptions) == (640.0, 1.0)
    assert (sample.requests_finished, sample.requests_failed) == (7.0, 1.0)
    assert (sample.ttft_sum_s, sample.ttft_count) == (0.5, 4.0)
    assert (sample.e2e_sum_s, sample.e2e_count) == (8.0, 4.0)
    assert sample.queue_sum_s == pytest.approx(0.1)
    assert sample.queue_count == 4.0


def test_an_engine_that_began_anew_is_no_burst_of_tokens() -> None:
    page, again = engine(0, 10.0) + engine(1), engine(0, 0.1) + engine(1)
    assert counted(read_page(page), read_page(again)).generation_tokens == 0.0


V0 = """vllm:num_requests_running{model_name="m"} 1.0
vllm:num_requests_waiting{model_name="m"} 0.0
vllm:num_requests_swapped{model_name="m"} 0.0
vllm:gpu_cache_usage_perc{model_name="m"} 0.125
vllm:gpu_prefix_cache_hits_total{model_name="m"} 3.0
vllm:avg_generation_throughput_toks_per_s{model_name="m"} 41.5
vllm:generation_tokens_total{model_name="m"} 70.0
"""


def test_the_names_of_v0() -> None:
    found = read_page(V0)
    assert (found.requests_running, found.kv_cache_ratio) == (1.0, 0.125)
    assert {(count.field, count.value) for count in found.counts} == {
        ("generation_tokens", 70.0),
        ("cached_prompt_tokens", 3.0),
    }


def test_two_names_of_one_reading_count_once() -> None:
    both = 'vllm:kv_cache_usage_perc{engine="0"} 0.5\nvllm:gpu_cache_usage_perc{engine="0"} 0.5\n'
    assert read_page(both).kv_cache_ratio == 0.5


def test_a_negative_counter_is_no_count_and_a_negative_gauge_is_left_to_the_checks() -> None:
    found = read_page("vllm:generation_tokens_total -5\nvllm:num_requests_running -1\n")
    assert found.counts == ()
    assert found.requests_running == -1.0


def test_a_page_of_something_else_tells_nothing() -> None:
    for page in ("", "<html>\n<body>vllm:num_requests_running 3</body>\n", "process_cpu_seconds_total 4\n"):
        found = read_page(page)
        assert found.counts == ()
        assert math.isnan(found.requests_running)


def test_more_series_than_any_vllm_has_are_an_error() -> None:
    page = "".join(f'vllm:num_requests_running{{model_name="{n}"}} 1\n' for n in range(100_000))
    with pytest.raises(BadAnswer, match="100000 series"):
        read_page(page)


@pytest.mark.asyncio
async def test_models_and_version() -> None:
    server = RuntimeServer(
        {
            "/v1/models": models(MODEL, owner="vllm", max_model_len=131072),
            "/version": {"version": "0.11.0"},
            "/metrics": engine(0),
        }
    )
    async with serving(server) as http:
        described = await Vllm().describe(http)
        live = await Vllm().live(http)
    assert described.version == "0.11.0"
    assert [(each.name, each.context_length) for each in described.loaded] == [(MODEL, 131072.0)]
    assert [(each.name, each.loaded) for each in described.available] == [(MODEL, True)]
    assert live.requests_running == 3.0


@pytest.mark.asyncio
async def test_without_statistics_it_is_up_if_it_names_its_models() -> None:
    server = RuntimeServer({"/metrics": "python_info 1\n", "/v1/models": models(MODEL)})
    async with serving(server) as http:
        assert math.isnan((await Vllm().live(http)).requests_running)
        server.routes["/v1/models"] = "<html>"
        with pytest.raises(BadAnswer):
            await Vllm().live(http)


@pytest.mark.asyncio
async def test_without_its_key_the_metrics_are_read_all_the_same() -> None:
    server = RuntimeServer({"/metrics": engine(0)})  # everything else is 404 here, 401 there
    async with serving(server) as http:
        assert (await Vllm().live(http)).requests_running == 3.0
        assert (await Vllm().describe(http)).available == ()


def test_counts_know_their_model() -> None:
    assert {count.model for count in read_page(engine(0)).counts} == {MODEL}
