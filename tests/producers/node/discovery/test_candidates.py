"""From what is named and what runs to addresses, in the order of how sure they are."""

import pytest

from producers.node.discovery.argv import Started
from producers.node.discovery.candidate import Candidate, local_url
from producers.node.discovery.candidates import candidates
from producers.node.discovery.containers import Published
from producers.node.discovery.environment import url_of
from producers.node.discovery.named import candidates as named
from producers.node.discovery.processes import Process
from schemas.errors import ConfigError
from schemas.settings import NodeSettings

DEFAULTS = {1234, 8000, 8080, 9931, 11434, 30000}


def by_port(
    *processes: Process, settings: NodeSettings | None = None, environ: dict[str, str] | None = None
) -> dict[int, Candidate]:
    found = candidates(named(settings or NodeSettings()), environ or {}, processes)
    return {int(each.url.rsplit(":", 1)[1]): each for each in found}


def vllm(port: int | None = 8000, pid: int = 10, **more: object) -> Process:
    return Process(pid, Started("vllm", port), None, "vllm serve m")._replace(**more)  # type: ignore[arg-type]


def test_with_nothing_known_the_default_ports_are_asked() -> None:
    found = by_port()
    assert found.keys() == DEFAULTS
    assert {each.discovered_by for each in found.values()} == {"default"}


def test_the_surest_way_is_named_and_the_process_known_all_the_same() -> None:
    settings = NodeSettings(runtimes="vllm=http://127.0.0.1:8000")
    found = by_port(vllm(), settings=settings)[8000]
    assert (found.discovered_by, found.pid, found.command_line) == ("settings", 10, "vllm serve m")


def test_the_process_of_another_kind_is_not_that_of_the_setting() -> None:
    settings = NodeSettings(runtimes="sglang=http://127.0.0.1:8000")
    assert by_port(vllm(), settings=settings)[8000].pid == 0


def test_several_of_one_kind() -> None:
    found = by_port(vllm(8001, 10), vllm(8002, 11), vllm(8001, 12))
    assert (found[8001].pid, found[8002].pid) == (10, 11), "the parent is the first"


def test_argv_environment_sockets_defaults() -> None:
    process = Process(7, Started("ollama"), None)
    assert by_port(process)[11434].discovered_by == "default"
    assert by_port(process._replace(ports=(11999,)))[11999].discovered_by == "socket"
    said = process._replace(environment_url="http://127.0.0.1:11888")
    assert by_port(said)[11888].discovered_by == "environment"
    assert by_port(vllm(8005))[8005].discovered_by == "argv"


def test_published_ports_that_may_lead_to_a_runtime_and_no_others() -> None:
    def proxy(port: int, inside: int) -> Process:
        return Process(900 + port, None, Published("0.0.0.0", port, inside))

    found = by_port(proxy(18000, 8000), proxy(15432, 5432), proxy(17777, 7777), vllm(7777, container="abc"))
    assert found[18000].discovered_by == "socket"
    assert 15432 not in found, "a database is not asked"
    assert (found[17777].discovered_by, found[17777].container) == ("socket", "abc")


def test_the_agents_own_environment() -> None:
    found = by_port(environ={"OLLAMA_HOST": "0.0.0.0:11999"})
    assert found[11999] == Candidate("http://127.0.0.1:11999", "environment", "ollama")


@pytest.mark.parametrize(
    ("kind", "environ", "expected"),
    [
        ("ollama", {"OLLAMA_HOST": "127.0.0.1:1"}, "http://127.0.0.1:1"),
        ("ollama", {}, ""),
        ("llamacpp", {"LLAMA_ARG_PORT": "8099"}, "http://127.0.0.1:8099"),
        ("llamacpp", {"LLAMA_ARG_PORT": "8099", "LLAMA_ARG_HOST": "::"}, "http://[::1]:8099"),
        ("llamacpp", {"LLAMA_ARG_PORT": "99999"}, ""),
        ("vllm", {"OLLAMA_HOST": "127.0.0.1:1"}, ""),
    ],
)  # fmt: skip
def test_variables_of_runtimes(kind: str, environ: dict[str, str], expected: str) -> None:
    assert url_of(kind, environ) == expected  # type: ignore[arg-type]


def test_settings() -> None:
    settings = NodeSettings(
        runtimes=" vllm=http://h:8001/ , https://gateway/v1?x=y ", ollama_url="http://127.0.0.1:5"
    )
    assert named(settings) == (
        Candidate("http://127.0.0.1:5", "settings", "ollama"),
        Candidate("http://h:8001", "settings", "vllm"),
        Candidate("https://gateway/v1?x=y", "settings"),
    )


@pytest.mark.parametrize(
    "wrong", ["vlm=http://h:1", "127.0.0.1:8000", "vllm=h:1", "http://h:99999", "http://[::1", "vllm="]
)
def test_settings_that_cannot_work(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"node\.runtimes"):
        named(NodeSettings(runtimes=wrong))


def test_how_a_server_is_asked() -> None:
    assert local_url(1, "0.0.0.0") == local_url(1) == "http://127.0.0.1:1"
    assert local_url(1, "::") == "http://[::1]:1"
    assert local_url(1, "10.0.0.5") == "http://10.0.0.5:1"
