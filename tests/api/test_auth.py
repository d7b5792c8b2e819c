"""API keys."""

import json
import stat
from pathlib import Path

import pytest

from api.allowance import USUAL, Allowance
from api.app import create_app
from api.auth import KeyRing, check_may_listen, is_loopback, presented
from schemas.errors import ConfigError, RefusedError
from schemas.settings import ApiSettings
from tests.api.running import settings, within


def test_a_key_works_until_it_is_revoked(tmp_path: Path) -> None:
    ring, server = KeyRing(tmp_path), KeyRing(tmp_path)
    assert not server.any_works()
    key = ring.create("ci")
    assert server.accepts(key)
    assert server.any_works()
    ring.revoke("ci")
    assert not server.accepts(key)
    assert not server.any_works()


def test_the_file_holds_no_secret_and_is_the_owners(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.create("ci")
    text = ring.path.read_text()
    assert key.rsplit("_", 1)[1] not in text
    assert json.loads(text)["keys"][0]["name"] == "ci"
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600


def test_other_texts_are_no_keys(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.create("ci")
    for text in (
        "",
        "psk_",
        key[:-1],
        key + "x",
        key.upper(),
        "psk_000000000000_" + "a" * 43,
        key[:17] + "a" * 43,
    ):
        assert not ring.accepts(text)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    first = ring.create("ci")
    with pytest.raises(RefusedError, match="ci"):
        ring.create("ci")
    ring.revoke(ring.keys()[0].id)
    second = ring.create("ci")
    assert not ring.accepts(first)
    assert ring.accepts(second)
    with pytest.raises(RefusedError, match="no working key"):
        ring.revoke("other")


def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.path.write_text("{")
    with pytest.raises(ConfigError, match="api_keys"):
        ring.any_works()


def test_beyond_this_machine_a_key_must_exist(tmp_path: Path) -> None:
    away = settings(tmp_path, api=ApiSettings(host="0.0.0.0"))
    with pytest.raises(ConfigError, match="penstock keys create"):
        create_app(away)
    KeyRing(tmp_path).create("ci")
    create_app(away)
    check_may_listen("127.0.0.1", KeyRing(tmp_path / "none"))


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.3.3.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("10.0.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_what_is_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_a_key_comes_in_either_header() -> None:
    assert presented({"authorization": "bearer  k "}) == "k"
    assert presented({"x-api-key": "k"}) == "k"
    assert presented({"authorization": "Basic abc"}) == ""


@pytest.mark.asyncio
async def test_off_loopback_everything_but_healthz_needs_a_key(tmp_path: Path) -> None:
    key = KeyRing(tmp_path).create("ci")
    async with within(settings(tmp_path, api=ApiSettings(host="0.0.0.0"))) as (client, _):
        assert (await client.get("/healthz")).status_code == 200
        for path in ("/api/v1/nodes", "/metrics", "/readyz", "/openapi.json", "/nothing"):
            refused = await client.get(path)
            assert refused.status_code == 401, path
            assert refused.headers["www-authenticate"] == "Bearer"
            assert "penstock keys create" in refused.json()["hint"]
        assert (
            await client.get("/api/v1/nodes", headers={"Authorization": f"Bearer {key}"})
        ).status_code == 200
        assert (await client.get("/api/v1/nodes", headers={"X-API-Key": key})).status_code == 200
        KeyRing(tmp_path).revoke("ci")
        assert (await client.get("/api/v1/nodes", headers={"X-API-Key": key})).status_code == 401


def test_a_key_may_be_given_scopes_and_old_files_have_none(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    plain, acting = ring.create("plain"), ring.create("acting", ["operate", "operate"])
    found = [ring.find(key) for key in (plain, acting)]
    assert [key.scopes for key in found if key] == [(), ("operate",)]
    with pytest.raises(RefusedError, match="no scope everything; there are: operate"):
        ring.create("more", ["everything"])
    entries = json.loads(ring.path.read_text())
    for entry in entries["keys"]:
        del entry["scopes"]
    ring.path.write_text(json.dumps(entries))
    old = KeyRing(tmp_path).find(acting)
    assert old
    assert old.scopes == ()


def test_what_a_key_may_have_is_kept_and_changed_at_once(tmp_path: Path) -> None:
    ring, server = KeyRing(tmp_path), KeyRing(tmp_path)
    text = ring.create("app", allowance=Allowance(priority_ceiling=5, models=("a", "b")))
    found = server.find(text)
    assert found is not None
    assert found.allowance == Allowance(priority_ceiling=5, models=("a", "b"))
    ring.allow("app", {"weight": 3.0, "models": ()})
    changed = server.find(text)
    assert changed is not None
    assert changed.allowance == Allowance(priority_ceiling=5, weight=3.0)


def test_what_makes_no_sense_is_allowed_to_nobody(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.create("app")
    for wrong in (
        {"weight": 0}, {"weight": float("inf")}, {"tokens": -1}, {"period_s": 0}, {"max_in_flight": 0},
        {"priority_ceiling": 101}, {"max_wait_s": -1}, {"goal": "speed"},
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            ring.allow("app", wrong)
    with pytest.raises(RefusedError, match="no working key"):
        ring.allow("other", {})
    assert ring.keys()[0].allowance == USUAL


def test_a_key_of_before_there_were_limits_has_the_usual(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.create("app")
    kept = json.loads(ring.path.read_text())
    del kept["keys"][0]["allowance"]
    ring.path.write_text(json.dumps(kept))
    assert KeyRing(tmp_path).keys()[0].allowance == USUAL
    kept["keys"][0]["allowance"] = {"wait": 3}
    ring.path.write_text(json.dumps(kept))
    with pytest.raises(ConfigError, match="api_keys"):
        KeyRing(tmp_path).keys()
