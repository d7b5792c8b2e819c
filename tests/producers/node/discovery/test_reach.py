"""Whose address it is, and whether anything listens there."""

import socket

import psutil
import pytest

from producers.node.discovery.reach import addresses, listens, local, reachable_url
from tests.fixtures.ports import free_port


@pytest.mark.asyncio
async def test_what_listens_on_loopback_alone_is_reached_there_alone() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert await listens(url)
        assert await reachable_url(url) == url
    assert not await listens(url)


@pytest.mark.asyncio
async def test_what_listens_everywhere_is_reached_by_an_address_of_the_machine() -> None:
    own = next(addresses(), None)
    if own is None:
        pytest.skip("this machine has loopback alone")
    with socket.create_server(("", free_port())) as server:
        port = server.getsockname()[1]
        assert await reachable_url(f"http://127.0.0.1:{port}") == f"http://{own}:{port}"
        assert await reachable_url("http://10.1.2.3:1/v1") == "http://10.1.2.3:1/v1"


@pytest.mark.parametrize("url", ["http://h:99999", "http://:1", "http://[::1"])
@pytest.mark.asyncio
async def test_what_is_no_address_does_not_listen(url: str) -> None:
    assert not await listens(url)


def test_whose_address_it_is() -> None:
    assert local("http://127.0.0.1:1")
    assert local("http://localhost:1")
    assert local("http://[::1]:1")
    assert local(f"http://{socket.gethostname()}:1")
    assert not local("http://192.0.2.7:1"), "an address for documents"
    assert not local("http://gpu-box.example:1")
    for found in psutil.net_if_addrs().values():
        for each in found:
            if each.family == socket.AF_INET:
                assert local(f"http://{each.address}:1")
