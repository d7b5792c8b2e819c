"""Clients that leave, do not read, or send as slowly as they can; and many at once."""

import asyncio
import json
import socket
import time
from typing import Any

import httpx
import pytest

from tests.api.router import behaviours as does
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.standin import good

HELLO = [{"role": "user", "content": "hello"}]
CHAT = "/v1/chat/completions"
ASKED = {"model": "m", "messages": HELLO}


def call(router: Router, body: bytes, *, length: int | None = None, path: str = CHAT) -> socket.socket:
    """Send a request and return its connection."""
    place = socket.create_connection(("127.0.0.1", int(router.url.rpartition(":")[2])), timeout=20)
    told = len(body) if length is None else length
    place.sendall(
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {told}\r\n\r\n".encode() + body
    )
    return place


def asked(**more: Any) -> bytes:
    return json.dumps({**ASKED, **more}).encode()


def rest(place: socket.socket) -> bytes:
    """Return what still comes until the connection ends."""
    found = b""
    try:
        while part := place.recv(1 << 16):
            found += part
    except ConnectionError:
        pass
    return found


def test_a_client_that_leaves_before_its_body_is_whole_asked_nothing(fleet: Fleet) -> None:
    fleet.upstream("vllm")
    router = fleet.router()
    call(router, b'{"model":', length=100).close()
    assert router.post(CHAT, ASKED).status_code == 200
    router.ended(completed=1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_while_it_is_answered(fleet: Fleet, stream: bool) -> None:
    standin = fleet.upstream("vllm", {"m": does.falls_silent if stream else does.hang})
    router = fleet.router()
    place = call(router, asked(stream=stream))
    until(lambda: len(standin.asked) == 1)
    if stream:
        assert b"200 OK" in place.recv(4096)
    place.close()
    router.ended(client_abandoned=1)
    until(lambda: standin.closed == 1)  # and the upstream need not go on


def test_a_client_that_leaves_while_it_waits_leaves_the_queue(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.late(0.3)}, slots=1)
    router = fleet.router()
    first = call(router, asked())
    until(lambda: len(standin.asked) == 1)
    leaving = [call(router, asked()) for _ in range(3)]
    until(lambda: router.metrics()["penstock_router_requests_open"] == 4)
    for place in leaving:
        place.close()
    router.ended(abandoned_queued=3)
    assert b"200 OK" in first.recv(4096)
    router.ended(abandoned_queued=3, completed=1)
    assert len(standin.asked) == 1  # the upstream never heard of the others
    first.close()


def test_requests_wait_for_a_free_place_and_say_how_long(fleet: Fleet) -> None:
    fleet.upstream("vllm", {"m": does.late(0.2)}, slots=1)
    router = fleet.router()
    first = call(router, asked())
    until(lambda: router.metrics()["penstock_router_requests_open"] == 1)
    answer = router.post(CHAT, ASKED)
    assert answer.status_code == 200
    assert int(answer.headers["x-penstock-queue-wait-ms"]) > 0
    first.close()


def test_patience_ends(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.hang}, slots=1)
    router = fleet.router()
    first = call(router, asked())
    until(lambda: len(standin.asked) == 1)
    answer = router.post(CHAT, ASKED, x_penstock_patience="0.1")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    first.close()
    router.ended(timed_out_queued=1, client_abandoned=1)


def test_a_client_that_does_not_read_holds_its_upstream_back_and_is_let_go(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.endless})
    router = fleet.router(stall_timeout_s=1.0)
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    place.connect(("127.0.0.1", int(router.url.rpartition(":")[2])))
    body = asked(stream=True)
    place.sendall(
        b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%s"
        % (CHAT.encode(), len(body), body)
    )
    router.ended(client_abandoned=1)
    until(lambda: standin.closed == 1)
    assert standin.written < 64 << 20
    place.close()


def test_headers_have_a_time_and_a_size(fleet: Fleet) -> None:
    router = fleet.router(header_timeout_s=0.3, header_bytes=2000)
    address = ("127.0.0.1", int(router.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as silent:
        assert b" 408 " in rest(silent)
    with socket.create_connection(address, timeout=20) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nhost: localhost\r\nx-a: ")
        assert b" 408 " in rest(slow)
    for pieces in (1, 2):
        with socket.create_connection(address, timeout=20) as large:
            head = b"POST / HTTP/1.1\r\nhost: localhost\r\nx-a: " + b"y" * 1000 + b"\r\nx-b: "
            for piece in [head, b"y" * 3000] if pieces == 2 else [head + b"y" * 3000 + b"\r\n\r\n"]:
                large.sendall(piece)
                time.sleep(0.01)  # so that they arrive one by one
            assert b" 431 " in rest(large)
    with socket.create_connection(address, timeout=20) as again:
        for _ in range(2):  # a connection that is kept has time again for each request
            again.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            found = b""
            while not found.endswith(b"running"):
                found += again.recv(4096)
        again.sendall(b"GET / HT")
        assert b" 408 " in rest(again)


def test_a_body_has_a_time(fleet: Fleet) -> None:
    router = fleet.router(body_timeout_s=0.2)
    with call(router, b'{"model":', length=100) as place:
        found = rest(place)
    assert b" 408 " in found
    router.ended()  # nothing was asked


def test_many_at_once(fleet: Fleet) -> None:
    """300 calls of 3 s, where a pool of connections with a ceiling would fail some."""
    fleet.upstream("vllm", {"m": does.late(3.0)})
    router = fleet.router()

    async def all_of_them() -> list[int]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=router.url, trust_env=False, timeout=60, limits=limits) as http:
            answers = await asyncio.gather(*(http.post(CHAT, json=ASKED) for _ in range(300)))
        return [answer.status_code for answer in answers]

    began = time.monotonic()
    assert asyncio.run(all_of_them()) == [200] * 300
    assert time.monotonic() - began < 60
    router.ended(completed=300)


def test_what_is_under_way_may_end_when_the_router_stops(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.late(0.5)})
    router = fleet.router(drain_s=20)
    place = call(router, asked())
    kept = socket.create_connection(("127.0.0.1", int(router.url.rpartition(":")[2])), timeout=20)
    kept.sendall(b"GET /api/version HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert b"200 OK" in kept.recv(4096)
    until(lambda: len(standin.asked) == 1)
    router.begin_stop()
    until(lambda: _refused(router))
    body = asked()
    kept.sendall(
        b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%s"
        % (CHAT.encode(), len(body), body)
    )
    assert b" 503 " in rest(kept)  # on a connection that was open, no new one begins
    assert b"200 OK" in rest(place)
    assert len(standin.asked) == 1
    place.close()
    kept.close()


def test_what_does_not_end_is_told_why(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.falls_silent, "slow": does.hang})
    router = fleet.router(drain_s=0.1)
    stream, whole = call(router, asked(stream=True)), call(router, asked(model="slow"))
    until(lambda: len(standin.asked) == 2)
    assert b"200 OK" in stream.recv(4096)
    router.begin_stop()
    assert b"the router is stopping" in rest(stream)
    assert b" 503 " in rest(whole)
    stream.close()
    whole.close()


def _refused(router: Router) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(router.url.rpartition(":")[2])), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it was in the queue of a door that closes
    return False


def test_two_routers_over_the_same_upstreams(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    routers = fleet.router(), fleet.router()
    for router in routers * 5:
        assert router.post(CHAT, ASKED).status_code == 200
    assert len(standin.asked) == 10
    for router in routers:
        router.ended(completed=5)


def test_connections_are_kept_on_both_sides(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": good})
    router = fleet.router()
    for stream in (False, True):
        for _ in range(5):
            router.post(CHAT, {**ASKED, "stream": stream})
    assert len(standin.connections) <= 2
