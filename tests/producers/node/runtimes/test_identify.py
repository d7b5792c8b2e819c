"""What a server says it is."""

import pytest

from producers.node.runtimes.http import NobodyThere, RuntimeHttp
from producers.node.runtimes.identify import identify
from producers.node.runtimes.target import Kind
from tests.fixtures.ports import free_port
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

LMSTUDIO = {"data": [{"id": "m", "state": "loaded"}]}
OLLAMA = {"version": "0.17.4"}
LLAMABOX = "llamabox:tokens_decode_total 1\n"


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (RuntimeServer({"/v1/models": models("m", owner="vllm")}), "vllm"),
        (RuntimeServer({"/v1/models": models("m", owner="sglang")}), "sglang"),
        (RuntimeServer({"/v1/models": models("m", owner="llamacpp")}), "llamacpp"),
        (RuntimeServer({"/v1/models": models("m", owner="library"), "/api/version": OLLAMA}), "ollama"),
        (RuntimeServer({"/v1/models": models("m", owner="org"), "/api/v0/models": LMSTUDIO}), "lmstudio"),
        (RuntimeServer({"/v1/models": models("m")}), "openai"),
        (RuntimeServer({"/metrics": "# HELP x\nvllm:num_requests_running 0\n"}), "vllm"),
        (RuntimeServer({"/metrics": LLAMABOX, "/v1/models": models("m")}), "llamabox"),
        (RuntimeServer({"/v1/models": {"error": {"code": 503}}}, server="llama.cpp", status=503), "llamacpp"),
        (RuntimeServer({}), None),
        (RuntimeServer({"/v1/models": "<html>", "/metrics": "up 1\n"}), None),
        (RuntimeServer({"/api/v1/models": {"data": [{"id": "m"}]}}), None),
        (RuntimeServer({"/v1/models": models("m")}, status=401), None),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_what_answers(server: RuntimeServer, expected: Kind | None) -> None:
    async with serving(server) as http:
        assert await identify(http) == expected
        assert await identify(http, "ollama") == expected
        assert await identify(http, "vllm") == expected


@pytest.mark.asyncio
async def test_nobody_there() -> None:
    http = RuntimeHttp(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NobodyThere):
        await identify(http)
    await http.close()
