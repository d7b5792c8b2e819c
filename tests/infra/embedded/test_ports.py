import socket

import pytest

from infra.embedded.ports import Port, is_loopback, require_free
from schemas.errors import ConfigError
from tests.fixtures.ports import free_port


def test_free_ports_are_let_pass() -> None:
    require_free(Port("127.0.0.1", free_port(), "api.port"))


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {number} on 127.0.0.1 .*in use.*PENSTOCK_API__PORT"):
            require_free(Port("127.0.0.1", free_port(), "api.port"), Port("127.0.0.1", number, "api.port"))


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=host):
        require_free(Port(host, free_port(), "embedded.kafka_port"))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
