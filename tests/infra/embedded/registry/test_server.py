"""The registry as a process, with Penstock's own client."""

import socket
from pathlib import Path

import httpx
import pytest

from schemas.codec.catalog import packaged
from schemas.errors import RefusedError
from schemas.registry import Registry
from schemas.settings import RegistrySettings
from tests.fixtures.ports import free_port
from tests.fixtures.processes import running, wait_until
from tests.fixtures.registry import answers, registry

pytestmark = pytest.mark.integration


async def _ids(url: str) -> dict[str, int]:
    client = Registry(RegistrySettings(url=url))
    try:
        return {
            release.subject: await client.register(release.subject, release.text)
            for event in packaged().values()
            for release in event
        }
    finally:
        await client.close()


@pytest.mark.asyncio
async def test_our_client_registers_what_is_packaged(registry_url: str) -> None:
    client = Registry(RegistrySettings(url=registry_url))
    try:
        await client.codec()
        with pytest.raises(RefusedError, match="409"):
            await client.register(packaged()["clock_tick"][-1].subject, '"string"')
    finally:
        await client.close()


@pytest.mark.asyncio
async def test_ids_are_the_same_after_a_restart_and_on_another_machine(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with registry(here, free_port()) as url:
        first = await _ids(url)
    with registry(here, free_port()) as url:
        known = httpx.get(f"{url}/schemas/ids/{first['penstock.NodeSample']}")
        assert known.status_code == 200
        assert await _ids(url) == first
    with registry(there, free_port()) as url:
        assert await _ids(url) == first


def _refusal(folder: Path, port: int) -> tuple[int, str]:
    log = folder / "out"
    environment = {"PENSTOCK_DATA_DIR": str(folder), "PENSTOCK_EMBEDDED__REGISTRY_PORT": str(port)}
    with running("infra.embedded.registry", environment, log) as process:
        code = process.wait(30)
    return code, log.read_text("utf-8")


def test_a_port_in_use_names_port_and_setting(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, said = _refusal(tmp_path, port)
    assert code != 0
    assert f"port {port}" in said
    assert "embedded.registry_port (PENSTOCK_EMBEDDED__REGISTRY_PORT)" in said


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    file = tmp_path / "registry" / "registry.json"
    file.write_text("{")
    code, said = _refusal(tmp_path, free_port())
    assert code != 0
    assert str(file) in said
    assert "Traceback" not in said


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with registry(tmp_path, free_port()):
        code, said = _refusal(tmp_path, free_port())
    assert code != 0
    assert str(tmp_path / "registry") in said


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    port = free_port()
    environment = {"PENSTOCK_DATA_DIR": str(tmp_path), "PENSTOCK_EMBEDDED__REGISTRY_PORT": str(port)}
    with running("infra.embedded.registry", environment, tmp_path / "out") as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}"), what="the registry ready")
        process.terminate()
        assert process.wait(30) == 0
