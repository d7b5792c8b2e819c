import asyncio
import json
from pathlib import Path

import pytest

from infra.cli.main import main
from schemas.settings import KafkaSettings, RegistrySettings, Settings
from schemas.topics import NOTIFICATIONS
from tests.sinks.notify.making import notification
from tests.sinks.notify.test_redeliver import fact
from tests.sinks.notify.world import World


@pytest.fixture
def settings(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for name, value in {
        "DATA_DIR": str(tmp_path),
        "KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
        "KAFKA__TOPIC_PREFIX": kafka_settings.topic_prefix,
        "REGISTRY__URL": registry_url,
    }.items():
        monkeypatch.setenv(f"PENSTOCK_{name}", value)
    return Settings(data_dir=tmp_path, kafka=kafka_settings, registry=RegistrySettings(url=registry_url))


async def given_up(settings: Settings) -> None:
    world = World(settings)
    await world.open()
    one = notification()
    await world.put(one)
    await world._put(NOTIFICATIONS, one.rule_id, fact(one, "gave_up"))
    await world.close()


@pytest.mark.integration
def test_what_was_given_up_is_delivered_again_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(given_up(settings))
    assert main(["notify", "redeliver", "--channel", "other"]) == 0
    assert capsys.readouterr().out.startswith("Delivered again: 0.")
    assert main(["notify", "redeliver", "--dry-run", "--json"]) == 0
    expected = {"channel": "ops", "kind": "opened", "title": "Too hot: n1"}
    assert json.loads(capsys.readouterr().out) == {"again": [expected], "over": 0, "dry_run": True}
    assert main(["notify", "redeliver"]) == 0
    assert "Delivered again: 1." in capsys.readouterr().out
    assert main(["notify", "redeliver"]) == 0
    assert "Delivered again: 0." in capsys.readouterr().out


def test_a_time_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notify", "redeliver", "--since", "soon"]) == 2
    assert "90s, 15m, 2h" in capsys.readouterr().err
