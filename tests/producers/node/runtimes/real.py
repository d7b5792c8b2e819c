"""Runs real servers that the environment names: executables, and a model small enough for a CPU.

PENSTOCK_TEST_OLLAMA        an ollama
PENSTOCK_TEST_LLAMA_SERVER  llama.cpp's llama-server
PENSTOCK_TEST_MODEL         a GGUF file with a llama of some hundred kilobytes; its weights may be random
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.producers.registry_server import until


def named(variable: str) -> str:
    """Return the file that a variable names, or skip the test."""
    found = os.environ.get(variable, "")
    if not found:
        pytest.skip(f"{variable} names no file")
    assert Path(found).is_file(), f"{variable} names {found}, which is not there"
    return found


class Server:
    """A process and those it starts, which outlive it otherwise; ``kill`` is kill -9."""

    def __init__(self, argv: list[str], environ: Mapping[str, str], log: Path, url: str, ready: str) -> None:
        self.url = url
        self._argv = argv
        self._environ = {**os.environ, **environ}
        self._log = log
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await until(self._answers, 120.0)

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text("utf-8", "replace")[-2000:]
        try:
            return httpx.get(f"{self.url}{self._ready}", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def ollama(folder: Path, port: int) -> Iterator[Server]:
    """Yield an Ollama that keeps everything in a folder; it is not started."""
    environ = {
        "OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(folder / "models"), "HOME": str(folder),
        "OLLAMA_NOPRUNE": "1",
    }  # fmt: skip
    argv = [named("PENSTOCK_TEST_OLLAMA"), "serve"]
    server = Server(argv, environ, folder / "ollama.log", f"http://127.0.0.1:{port}", "/api/version")
    try:
        yield server
    finally:
        server.kill()


def create(folder: Path, port: int) -> None:
    """Give a running Ollama the model ``tiny``."""
    file = folder / "Modelfile"
    file.write_text(
        f'FROM {named("PENSTOCK_TEST_MODEL")}\nPARAMETER num_ctx 512\nTEMPLATE "{{{{ .Prompt }}}}"\n'
    )
    subprocess.run(
        [named("PENSTOCK_TEST_OLLAMA"), "create", "tiny", "-f", str(file)],
        env={**os.environ, "OLLAMA_HOST": f"127.0.0.1:{port}", "HOME": str(folder)},
        capture_output=True,
        check=True,
    )


@contextmanager
def llama_server(folder: Path, port: int, *options: str) -> Iterator[Server]:
    """Yield a llama-server with two slots; it is not started."""
    argv = [
        named("PENSTOCK_TEST_LLAMA_SERVER"), "-m", named("PENSTOCK_TEST_MODEL"), "--host", "127.0.0.1",
        "--port", str(port), "-c", "1024", "-np", "2", "--no-warmup", *options,
    ]  # fmt: skip
    server = Server(argv, {}, folder / "llama-server.log", f"http://127.0.0.1:{port}", "/health")
    try:
        yield server
    finally:
        server.kill()
