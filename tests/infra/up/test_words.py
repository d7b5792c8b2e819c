import shlex
import sys
from pathlib import Path

import pytest

from infra.up.words import QUERIES, places, program, queries
from schemas.settings import load_settings


def test_queries_can_be_copied() -> None:
    assert [shlex.split(command)[2] for command in queries("penstock")] == list(QUERIES)


def test_places_are_those_of_the_settings() -> None:
    settings = load_settings({"PENSTOCK_API__HOST": "0.0.0.0", "PENSTOCK_API__PORT": "8900"})
    assert dict(places(settings))["Nodes"] == "http://127.0.0.1:8900/api/v1/nodes"


def test_the_router_is_named_where_it_runs() -> None:
    assert dict(places(load_settings({})))["Models"].startswith("http://127.0.0.1:8484/v1 ")
    assert "Models" not in dict(places(load_settings({"PENSTOCK_ROUTER__ENABLED": "false"})))


def test_the_program_is_called_as_this_user_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    beside = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(beside.parents[1])
    assert program(None) == f"{beside.parent.name}/bin/penstock"
    monkeypatch.chdir(tmp_path)
    assert program(None) == str(beside / "penstock")
    monkeypatch.setenv("PATH", str(beside))
    assert program(Path("x.toml")) == "penstock --config x.toml"
