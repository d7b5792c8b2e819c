"""The agent's own files for deployment. Docker, launchd and udev themselves are not tried here."""

import json
import os
import plistlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli.main import COMMANDS
from schemas.settings import load
from tests.fixtures.ports import free_port

INFRA = Path(__file__).parents[2] / "infra"
IMAGE = (INFRA / "node.Dockerfile").read_text("utf-8")
# Packages whose modules have other names.
MODULES = {
    "chdb-core": "chdb",
    "clickhouse-connect": "clickhouse_connect",
    "faust-streaming": "faust",
    "mode-streaming": "mode",
    "prompt-toolkit": "prompt_toolkit",
}
WITHOUT = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import infra.cli.service, producers.emitter, producers.node.playback
from infra.cli.main import main
sys.exit(main(["node", "--once", "--json"]))
"""


def left_out() -> set[str]:
    return set(re.findall(r"--no-install-package ([a-z-]+)", IMAGE))


def test_the_image_leaves_out_what_is_locked() -> None:
    lock = (INFRA.parent / "uv.lock").read_text("utf-8")
    assert {"chdb-core", "faust-streaming", "fastapi"} <= left_out()
    assert [name for name in left_out() if f'\nname = "{name}"\n' not in lock] == []


def test_the_agent_runs_without_what_its_image_leaves_out(tmp_path: Path) -> None:
    absent = {MODULES.get(name, name) for name in left_out()}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")},
        "PENSTOCK_DATA_DIR": str(tmp_path),
        "PENSTOCK_NODE__DISCOVER": "false",
        "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
    }
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=absent)],
        env=environment,
        cwd=INFRA.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sample"]["host"]["memory_total_bytes"] > 0


def test_the_image_is_the_agent_of_a_user_without_rights() -> None:
    assert re.findall(r"^USER (\w+)$", IMAGE, re.MULTILINE) == ["penstock"]
    assert re.findall(r"^CMD (.+)$", IMAGE, re.MULTILINE) == ['["node"]']
    named = dict(re.findall(r"-e (PENSTOCK_\w+)=(\S+)", IMAGE))
    assert len(named) == 3
    load(named, file=None)


def test_launchd_starts_a_command_with_known_settings() -> None:
    found = plistlib.loads((INFRA / "launchd" / "io.penstock.node.plist").read_bytes())
    program, command = found["ProgramArguments"]
    assert (Path(program).name, command in COMMANDS) == ("penstock", True)
    load(found["EnvironmentVariables"], file=None)
    assert found["UserName"] != "root"
    assert found["Umask"] == 0o077
    assert found["KeepAlive"] is True


@pytest.mark.parametrize("file", ["60-penstock-rapl.rules", "rapl.conf"])
def test_rapl_needs_one_group_and_no_capability(file: str) -> None:
    text = (INFRA / "systemd" / file).read_text("utf-8")
    settings = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert "penstock-rapl" in settings[-1]
    assert "CAP_" not in text
    unit = (INFRA / "systemd" / "penstock-node.service").read_text("utf-8")
    assert "CapabilityBoundingSet=\n" in unit


def test_the_unit_may_ask_for_the_state_of_the_clock_and_not_set_it() -> None:
    unit = (INFRA / "systemd" / "penstock-node.service").read_text("utf-8").splitlines()
    (calls,) = (line for line in unit if line.startswith("SystemCallFilter="))
    assert {"adjtimex", "clock_adjtime"} <= set(calls.split())
    assert not [line for line in unit if line.startswith("ProtectClock=")]
    assert "CapabilityBoundingSet=" in unit
