"""llama.cpp's server, by answers of a real one (build b9294); ``test_real_llamacpp`` asks a running one."""

import asyncio
import math

import pytest
from aiohttp import web

from producers.node.runtimes.http import BadAnswer
from producers.node.runtimes.llamacpp import LlamaCpp, Written, describe, quantization, readings
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

PAGE = """# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 120
llamacpp:prompt_tokens_cached_total 30
llamacpp:tokens_predicted_total 200
llamacpp:predicted_tokens_seconds 50.5
llamacpp:requests_processing 1
llamacpp:requests_deferred 2
"""


def slot(number: int, *, busy: bool, written: int = 0) -> dict[str, object]:
    return {
        "id": number, "n_ctx": 256, "is_processing": busy,
        "next_token": [{"has_next_token": busy, "n_remain": 1, "n_decoded": written}],
    }  # fmt: skip


def generated(page: str, slots: list[dict[str, object]] | None, so_far: Written) -> float:
    (found,) = [c.value for c in readings(page, slots, so_far).counts if c.field == "generation_tokens"]
    return found


def test_slots_and_metrics_together() -> None:
    found = readings(PAGE, [slot(0, busy=True, written=7), slot(1, busy=False, written=90)], Written())
    assert (found.slots, found.requests_running, found.requests_waiting) == (2.0, 1.0, 2.0)
    assert {count.field: count.value for count in found.counts} == {
        "prompt_tokens": 120.0,
        "cached_prompt_tokens": 30.0,
        "generation_tokens": 207.0,
    }


def test_either_alone() -> None:
    by_page, by_slots = readings(PAGE, None, Written()), readings(None, [slot(0, busy=False)], Written())
    assert (by_page.requests_running, math.isnan(by_page.slots)) == (1.0, True)
    assert (by_slots.requests_running, by_slots.slots, by_slots.counts) == (0.0, 1.0, ())


def test_a_long_answer_is_counted_while_it_is_written_and_once() -> None:
    so_far, page = Written(), PAGE
    seen = [generated(page, [slot(0, busy=True, written=n)], so_far) for n in (0, 40, 80)]
    ended = PAGE.replace("predicted_total 200", "predicted_total 300")
    seen.append(generated(ended, [slot(0, busy=False, written=100)], so_far))
    assert seen == [200.0, 240.0, 280.0, 300.0]


def test_a_request_that_ends_between_the_two_answers_makes_nothing_go_back() -> None:
    so_far = Written()
    both = PAGE.replace("predicted_total 200", "predicted_total 300")
    seen = [
        generated(PAGE, [slot(0, busy=True, written=90)], so_far),
        generated(PAGE, [slot(0, busy=False)], so_far),  # not in the counter yet
        generated(both, [slot(0, busy=False)], so_far),
        generated(both, [slot(0, busy=True, written=20)], so_far),
    ]
    assert seen == [290.0, 290.0, 300.0, 320.0]


@pytest.mark.asyncio
async def test_the_counter_is_read_before_the_slots_for_what_ends_between_them_must_not_count_twice() -> None:
    server = RuntimeServer({"/health": {"status": "ok"}, "/slots": [slot(0, busy=True)]})

    async def page(_: web.Request) -> web.StreamResponse:
        assert "/slots" not in server.asked
        return web.Response(text=PAGE)

    server.routes["/metrics"] = page
    async with serving(server) as http:
        assert (await LlamaCpp().live(http)).counts != ()
    assert server.asked[-1] == "/slots"


def test_another_process_begins_anew() -> None:
    so_far = Written()
    generated(PAGE, None, so_far)
    assert generated(PAGE.replace("predicted_total 200", "predicted_total 3"), None, so_far) == 3.0


def test_how_slots_were_told_until_b4027() -> None:
    assert readings(None, [{"id": 0, "state": 1}, {"id": 1, "state": 0}], Written()).requests_running == 1.0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/models/tinyllama-1.1b-chat.Q4_K_M.gguf", "Q4_K_M"),
        ("C:\\models\\Qwen2.5-7B-IQ3_XXS.gguf", "IQ3_XXS"),
        ("gemma-BF16-00001-of-00002.gguf", "BF16"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("tiny.gguf", ""),
        ("/Q4_0/tiny.gguf", ""),
    ],
)
def test_quantisation_by_the_name_of_the_file(path: str, expected: str) -> None:
    assert quantization(path) == expected


def test_models_and_properties() -> None:
    assert describe([{"id": "m", "meta": {"ftype": "Q4_K - Medium"}}], {}).available[0].quantization == "Q4_K"
    meta = {"n_ctx_train": 2048, "n_embd": 64, "n_params": 112_448, "size": 449_792}
    props = {
        "total_slots": 2, "model_path": "/m/tiny.Q8_0.gguf", "build_info": "b9294-abc",
        "default_generation_settings": {"n_ctx": 256},
    }  # fmt: skip
    found = describe([{"id": "tiny", "meta": meta}, {"id": "other", "status": {"value": "unloaded"}}], props)
    assert (found.version, found.slots) == ("b9294-abc", 2.0)
    assert [(each.name, each.size_bytes, each.context_length) for each in found.loaded] == [
        ("tiny", 449_792.0, 256.0)
    ]
    one, other = found.available
    assert (one.quantization, one.parameters, one.context_length) == ("Q8_0", 112_448.0, 2048.0)
    assert (one.loaded, other.loaded) == (True, False)


@pytest.mark.asyncio
async def test_only_its_health_is_there() -> None:
    async with serving(RuntimeServer({"/health": {"status": "ok"}})) as http:
        found = await LlamaCpp().live(http)
        assert math.isnan(found.requests_running)
        assert (await LlamaCpp().describe(http)).available == ()


@pytest.mark.asyncio
async def test_while_it_loads_it_is_not_up() -> None:
    loading = {"error": {"code": 503, "message": "Loading model"}}
    server = RuntimeServer({"/health": loading, "/slots": loading, "/metrics": loading}, status=503)
    async with serving(server) as http:
        with pytest.raises(BadAnswer, match="503"):
            await LlamaCpp().live(http)


@pytest.mark.asyncio
async def test_slots_that_hang_cost_themselves_alone() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(
        RuntimeServer({"/health": {"status": "ok"}, "/slots": hang, "/metrics": PAGE})
    ) as http:
        found = await LlamaCpp().live(http)
    assert (found.requests_running, math.isnan(found.slots)) == (1.0, True)


@pytest.mark.asyncio
async def test_models_that_are_no_models_are_none() -> None:
    server = RuntimeServer({"/v1/models": models("tiny"), "/props": [1, 2]})
    async with serving(server) as http:
        assert [each.name for each in (await LlamaCpp().describe(http)).available] == ["tiny"]
