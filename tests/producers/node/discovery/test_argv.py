"""Which processes are runtimes, by how they were started."""

import pytest

from producers.node.discovery.argv import Started, option, started

PYTHON = "/usr/bin/python3.12"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["/usr/local/bin/ollama", "serve"], Started("ollama")),
        (["C:\\Program Files\\Ollama\\ollama.exe", "serve"], Started("ollama")),
        (["ollama", "run", "llama3"], None),
        (["/usr/local/bin/ollama", "runner", "--model", "x", "--port", "33445"], None),
        (["vllm", "serve", "m", "--port", "8001"], Started("vllm", 8001)),
        ([PYTHON, "/x/bin/vllm", "serve", "m", "--port=8002", "--host", "::"], Started("vllm", 8002, "::")),
        ([PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", "m"], Started("vllm")),
        ([PYTHON, "-u", "/x/vllm/entrypoints/openai/api_server.py", "--port", "9"], Started("vllm", 9)),
        ([PYTHON, "-m", "vllm.collect_env"], None),
        (["vllm", "bench"], None),
        (["VLLM::EngineCore"], None),
        ([PYTHON, "-m", "sglang.launch_server", "--port", "30001"], Started("sglang", 30001)),
        (["/app/llama-server", "-m", "x.gguf", "--port", "8081"], Started("llamacpp", 8081)),
        (["llama-cli", "-m", "x.gguf"], None),
        (["llama-box-linux-amd64-cuda", "-m", "x.gguf"], Started("llamabox")),
        (["llama-box", "--rpc-server-host", "0.0.0.0"], None),
        (["/opt/LM Studio/LM Studio", "--no-sandbox"], Started("lmstudio")),
        ([PYTHON, "-c", "import vllm"], None),
        ([PYTHON, "train.py", "vllm", "serve"], None),
        (["grep", "vllm", "serve"], None),
        (["vim", "/etc/ollama", "serve"], None),
        ([], None),
        ([""], None),
    ],
)  # fmt: skip
def test_what_a_process_is(argv: list[str], expected: Started | None) -> None:
    assert started(argv) == expected


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "", "８０"])
def test_a_port_that_is_none(port: str) -> None:
    assert started(["llama-server", "--port", port]) == Started("llamacpp")


def test_the_last_value_holds() -> None:
    assert option(["x", "--port", "1", "--port=2"], "--port") == "2"
    assert option(["x", "--port"], "--port") is None
