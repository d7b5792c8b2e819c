"""From an incident to a webhook, once each though parts are killed; and to a capsule, judged once more."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.chaos.stack import Stack, running_stack
from tests.fixtures.processes import wait_until

SCENARIO = Path(__file__).with_name("hot.yaml")
SPEED = "20"
TOLD_S = 120.0
# A machine without a stack: what asks for one fails at once.
NOWHERE = {
    "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "PENSTOCK_REGISTRY__URL": "http://127.0.0.1:1",
    "PENSTOCK_CLICKHOUSE__URL": "http://127.0.0.1:1",
}
RULE = {
    "id": "hot",
    "name": "An accelerator is hot",
    "source": "node-states",
    "select": {"nodes": ["hot", "cool"]},
    "when": {"field": "gpu.temperature_c", "op": ">", "value": 80, "clear_value": 75},
    "for_s": 5,
    "notify": {"channels": ["hook"], "cooldown_s": 0},
}


class Receiver:
    """Keeps what it is sent; each body with its headers, in order."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"

    def kinds(self) -> list[str]:
        """Return the kind of each message, one that came again counted once."""
        by_id = {headers["webhook-id"]: json.loads(body) for headers, body in list(self.taken)}
        return [kind_of(each) for each in by_id.values()]


def kind_of(body: dict[str, Any]) -> str:
    return str(body["type"]).rpartition(".")[2]


@contextmanager
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = Thread(target=found.server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        thread.join()
        found.server.server_close()


@contextmanager
def simulated(stack: Stack) -> Iterator[None]:
    """Simulate the incident into the stack's Kafka."""
    command = [sys.executable, "-m", "infra.cli.main", "simulate", str(SCENARIO), "--speed", SPEED]
    process = subprocess.Popen(command, env=os.environ | dict(stack.variables), stdout=subprocess.DEVNULL)
    try:
        yield
        assert process.wait(TOLD_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def killed(stack: Stack, part: str) -> None:
    wait_until(lambda: stack.pids(part), what=f"{part} running")
    before = set(stack.pids(part))
    stack.kill(part)
    wait_until(lambda: set(stack.pids(part)) - before, deadline_s=60, what=f"{part} running again")


@pytest.mark.soak
@pytest.mark.integration
@pytest.mark.timeout(420)
def test_an_incident_is_told_and_so_is_its_end(tmp_path: Path) -> None:
    with (
        receiver() as told,
        running_stack(tmp_path / "data", {"PENSTOCK_NOTIFIER__ALLOW": "127.0.0.1"}) as stack,
    ):
        api = httpx.Client(base_url=f"http://127.0.0.1:{stack.settings.api.port}/api/v1", timeout=30)
        made = api.put(
            "/channels/hook", json={"id": "hook", "kind": "webhook", "settings": {"url": told.url}}
        )
        assert made.status_code == 200, made.text
        secret = made.json()["secrets"]["secret"]
        assert api.post("/channels/hook/test").json()["verdict"] == "delivered"
        assert api.put("/rules/hot", json=RULE).status_code == 200
        with simulated(stack):
            killed(stack, "notifier")
            wait_until(lambda: "opened" in told.kinds(), deadline_s=TOLD_S, what="the incident was told")
            killed(stack, "notifier")
            killed(stack, "worker")
        wait_until(lambda: "resolved" in told.kinds(), deadline_s=TOLD_S, what="its end was told")
        check(told, secret)
        rows = "SELECT kind, delivered, failed FROM notifications WHERE rule_id = 'hot' ORDER BY occurred_at"
        wanted = [{"kind": kind, "delivered": ["hook"], "failed": []} for kind in ("opened", "resolved")]
        wait_until(lambda: stack.sql(rows) == wanted, deadline_s=60, what="the store says so too")
        firings = stack.sql("SELECT state, node_id, resolved_because FROM firings")
        assert [(each["state"], each["node_id"]) for each in firings] == [("resolved", "hot")]
        judged_again(stack, tmp_path)
        api.close()


def judged_again(stack: Stack, folder: Path) -> None:
    """Explain what was noticed, capture it, replay that without servers, and judge it by other thresholds."""
    wanted = (
        "SELECT observation_id FROM observations WHERE node_id = 'hot' AND pattern = 'nvidia_thermal_redline'"
    )
    wait_until(
        lambda: stack.sql(wanted + " AND state = 'resolved'"), deadline_s=TOLD_S, what="it was noticed"
    )
    (row,) = stack.sql(wanted)
    id_ = str(row["observation_id"])[:8]
    explained = json.loads(said(stack.variables, "explain", id_, "--json"))
    assert (explained["recorded"], explained["agrees"]) == (True, True)
    capsule, rules = str(folder / "hot.capsule"), folder / "new.toml"
    said(stack.variables, "capsule", "create", "--observation", id_, "-o", capsule)
    verified = json.loads(said(NOWHERE, "capsule", "verify", capsule, "--json"))
    assert (verified["as_made"], verified["as_live"]) == (True, True)
    rules.write_text("[patterns.nvidia_thermal_redline]\nenabled = false\n")
    tried = json.loads(said(NOWHERE, "backtest", "--rules", str(rules), "--source", capsule, "--json"))
    assert (tried["figures"]["lost"], tried["figures"]["gained"]) == (1, 0)
    assert tried["recorded"] == {"same": 1, "only_recorded": 0, "only_judged": 0}


def said(variables: Mapping[str, str], *arguments: str) -> str:
    """Return what a command prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    command = [sys.executable, "-m", "infra.cli.main", *arguments]
    done = subprocess.run(command, env=clean | dict(variables), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(told: Receiver, secret: str) -> None:
    """Assert that every message is signed, and that all but the test are of one group, each kind once."""
    bodies = []
    for headers, body in told.taken:
        Webhook(secret).verify(body, headers)
        bodies.append(json.loads(body))
    assert sorted(told.kinds()) == ["opened", "opened", "resolved"], told.kinds()  # the first one is the test
    groups = {json.dumps(each["data"]["group_id"]) for each in bodies if not each["data"]["test"]}
    assert len(groups) == 1
