"""No secret leaves the node in a command line, however it was passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.node.discovery.redact import HIDDEN, LIMIT_CHARS, redact, secret

S = "s3cr3t-value"


@pytest.mark.parametrize(
    "argv",
    [
        ["vllm", "serve", "m", "--api-key", S],
        ["vllm", "serve", "m", f"--api-key={S}"],
        ["vllm", "serve", "m", "--api-key", "first", S, "--port", "8000"],
        ["x", "--apiKey", S],
        ["x", "--API_KEY", S],
        ["x", "--hf-token", S],
        ["x", "-password", S],
        ["x", "--ssl-key-password", S],
        ["x", "--redis.password", S],
        ["x", "--client-secret", S],
        ["env", f"HF_TOKEN={S}", "vllm", "serve"],
        ["env", f"AWS_SECRET_ACCESS_KEY={S}"],
        ["env", f"OPENAI_API_KEY={S}"],
        ["x", "--url", f"postgres://user:{S}@db:5432/x"],
        ["x", f"--url=https://{S}@example.org/path"],
        ["x", f"http://host/path?api_key={S}&x=1"],
        ["x", f"http://host/path?x=1&token={S}"],
        ["x", "-H", f"Authorization: Bearer {S}"],
        ["x", "--header", f"X-Api-Key: {S}"],
        ["x", "--config", f'{{"host": "h", "password": "{S}"}}'],
        ["x", "--config", f"{{'api_key': '{S}', 'a': 1}}"],
        ["x", "--config", f'{{"auth_token":"{S}'],
        ["sh", "-c", f"HF_TOKEN={S} vllm serve m"],
        ["sh", "-c", f"export PASSWORD='{S}'; vllm serve m"],
        ["sh", "-c", f'vllm serve m --api-key "{S}" --port 8000'],
        ["sh", "-c", f"vllm serve m --api-key {S} --port 8000"],
    ],
)
def test_secrets_by_their_names(argv: list[str]) -> None:
    shown = redact(argv)
    assert S not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "value",
    [
        "hf_abcdefghijklmnop", "sk-proj-abcdefghijklm", "ghp_abcdefghijklmnop", "github_pat_abcdefgh123",
        "glpat-abcdefghijk", "xoxb-1234567890", "AKIAABCDEFGHIJKLMNOP", "nvapi-abcdefghijk",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "argv", [["x", "{}"], ["x", "--model", "{}"], ["sh", "-c", "run {} now"], ["x", "--a={}"]]
)
def test_secrets_by_their_look(value: str, argv: list[str]) -> None:
    assert value not in redact([word.format(value) for word in argv])


@pytest.mark.parametrize(
    "argv",
    [
        ["vllm", "serve", "meta-llama/Llama-3.1-8B", "--max-num-batched-tokens", "8192", "--tokenizer", "x"],
        ["llama-server", "-m", "/models/tiny.gguf", "--port", "8080", "-c", "512", "-np", "2"],
        ["ollama", "serve"],
        ["python3", "-m", "sglang.launch_server", "--tokenizer-mode", "auto", "--kv-cache-dtype", "fp8"],
        ["x", "http://127.0.0.1:8000/v1", "--max-tokens=5", "--ssl-keyfile-path-here"],
    ],
)
def test_what_is_no_secret_stays(argv: list[str]) -> None:
    assert redact(argv) == " ".join(argv)


def test_what_follows_the_secret_stays() -> None:
    assert redact(["vllm", "--api-key", S, "--port", "8000"]) == f"vllm --api-key {HIDDEN} --port 8000"


def test_a_long_command_line_is_cut() -> None:
    assert len(redact(["x"] * 10_000)) == LIMIT_CHARS


@pytest.mark.parametrize(
    "word", ["a" * 1_000_000, "a=" * 100_000, "a.-" * 100_000, "'a" * 100_000, "--a " * 100_000]
)
def test_a_megabyte_of_arguments_does_not_hurt(word: str) -> None:
    assert len(redact([word] * 3)) <= LIMIT_CHARS


def test_names() -> None:
    assert all(map(secret, ("api_key", "HF_TOKEN", "dbPassword", "x-auth", "passwd")))
    assert not any(map(secret, ("tokenizer", "max_tokens", "monkey", "keyboard", "author", "port")))


@given(st.lists(st.text(max_size=30), max_size=8))
def test_nothing_makes_it_raise(argv: list[str]) -> None:
    assert len(redact(argv)) <= LIMIT_CHARS


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=30))
def test_any_value_of_a_key_is_hidden(value: str) -> None:
    assert f"<{value}>" not in redact(
        ["x", "--api-key", f"<{value}>", f"--token=<{value}>", f"A_SECRET=<{value}>"]
    )
