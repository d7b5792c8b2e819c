"""LM Studio, by answers written from its documents."""

import math

import pytest

from producers.node.runtimes.http import BadAnswer
from producers.node.runtimes.lmstudio import LmStudio, describe, parameters
from tests.producers.node.runtimes.runtime_server import RuntimeServer, serving

V0 = {
    "object": "list",
    "data": [
        {
            "id": "qwen2-vl-7b-instruct", "object": "model", "type": "vlm", "arch": "qwen2_vl",
            "quantization": "4bit", "state": "not-loaded", "max_context_length": 32768,
        },
        {
            "id": "meta-llama-3.1-8b-instruct", "object": "model", "type": "llm", "arch": "llama",
            "quantization": "Q4_K_M", "state": "loaded", "max_context_length": 131072,
            "loaded_context_length": 4096,
        },
    ],
}  # fmt: skip
V1 = {
    "models": [
        {
            "type": "llm", "key": "gemma-3-270m-it-qat", "architecture": "gemma3", "size_bytes": 241_410_208,
            "quantization": {"name": "Q4_0", "bits_per_weight": 4}, "params_string": "270M",
            "loaded_instances": [{"id": "gemma-3-270m-it-qat", "config": {"context_length": 4096}}],
            "max_context_length": 32768,
        },
        {"type": "llm", "key": "other", "loaded_instances": []},
    ]
}  # fmt: skip


def test_the_list_of_0_3() -> None:
    found = describe(V0)
    assert [(each.name, each.context_length) for each in found.loaded] == [
        ("meta-llama-3.1-8b-instruct", 4096.0)
    ]
    assert [(each.architecture, each.quantization, each.loaded) for each in found.available] == [
        ("qwen2_vl", "4bit", False),
        ("llama", "Q4_K_M", True),
    ]


def test_the_list_of_0_4() -> None:
    found = describe(V1)
    assert [(each.name, each.size_bytes) for each in found.loaded] == [("gemma-3-270m-it-qat", 241_410_208.0)]
    one, other = found.available
    assert (one.architecture, one.quantization, one.parameters) == ("gemma3", "Q4_0", 270e6)
    assert (one.context_length, one.loaded, other.loaded) == (32768.0, True, False)


@pytest.mark.parametrize(
    ("told", "expected"),
    [("7B", 7e9), ("270M", 270e6), ("1.5 b", 1.5e9), ("", math.nan), (7, math.nan), ("8x7B", math.nan)],
)
def test_parameters(told: object, expected: float) -> None:
    assert parameters(told) == pytest.approx(expected, nan_ok=True)


@pytest.mark.asyncio
async def test_a_model_that_is_loaded_or_unloaded_shows_at_the_next_reading() -> None:
    server = RuntimeServer({"/api/v0/models": V0})
    async with serving(server) as http:
        loaded = (await LmStudio().live(http)).loaded
        assert loaded is not None
        assert len(loaded) == 1
        server.routes["/api/v0/models"] = {"data": []}
        assert (await LmStudio().live(http)).loaded == ()
        server.routes["/api/v0/models"] = {"data": "none"}
        with pytest.raises(BadAnswer):
            await LmStudio().live(http)
