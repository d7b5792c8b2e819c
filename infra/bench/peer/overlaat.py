"""Overlaat's queue in front of the stand-in, with its scheduler on and its events in SQLite."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.bench.hop.ends import clean, free_port, running, wait
from infra.bench.peer.installed import Package, installed

PACKAGE = Package("overlaat", "0.0.13")
_PLACES = 64
"""More than there are clients: the queue is on and never what limits."""


@contextmanager
def overlaat(upstream: int, model: str) -> Iterator[int]:
    """Run it in front of a port; yield its own."""
    python = installed(PACKAGE)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        (folder / "models.yaml").write_text(models(model), "utf-8")
        environment = {
            **clean(),
            "HOME": name,
            "DATABASE_URL": f"sqlite:///{folder / 'events.db'}",
            "QUEUE_PROXY_UPSTREAM": f"http://127.0.0.1:{upstream}",
            "QUEUE_PROXY_LITELLM_CONFIG": str(folder / "models.yaml"),
        }
        made = (str(python), "-m", "overlaat.db", "init", environment["DATABASE_URL"])
        subprocess.run(
            made, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        where = ("--host", "127.0.0.1", "--port", str(port))
        served = (str(python), "-m", "uvicorn", "overlaat.queue_proxy:app", *where, "--no-access-log")
        with running(served, environment, folder):
            wait(port)
            yield port


def models(model: str) -> str:
    """Return the list of models, which is YAML, and so may be JSON."""
    return json.dumps(
        {"model_list": [{"model_name": model, "litellm_params": {"max_parallel_requests": _PLACES}}]}
    )
