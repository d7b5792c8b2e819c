"""Containers: where their ports are published, and which one a process is in."""

import os

import pytest

from producers.node.discovery.containers import Published, container_id, container_of, published

PROXY = ["/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "18000"]
PROXY += ["-container-ip", "172.17.0.2", "-container-port", "8000", "-use-listen-fd"]
ID = "0123456789ab" * 5 + "cdef"


def test_a_published_port() -> None:
    assert published(PROXY) == Published("0.0.0.0", 18000, 8000)


@pytest.mark.parametrize(
    "argv", [[], ["dockerd"], PROXY[:7], [word.replace("tcp", "udp") for word in PROXY], ["docker-proxy"]]
)
def test_what_is_none(argv: list[str]) -> None:
    assert published(argv) is None


@pytest.mark.parametrize(
    "cgroup",
    [
        f"0::/system.slice/docker-{ID}.scope\n",
        f"12:cpu:/docker/{ID}\n0::/\n",
        f"0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-{ID}.scope\n",
    ],
)
def test_a_container(cgroup: str) -> None:
    assert container_id(cgroup) == "0123456789ab"


def test_no_container() -> None:
    assert container_id("0::/user.slice/user-1000.slice\n") == ""
    assert container_of(2**22 + 1) == "", "a process that vanished"
    assert isinstance(container_of(os.getpid()), str)
