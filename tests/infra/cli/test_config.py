import json
from pathlib import Path

import pytest

from schemas.settings.load import names
from tests.infra.cli.conftest import Run


def rows(text: str) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in json.loads(text)}


def test_every_setting_is_shown_with_its_source(
    penstock: Run, monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    file = empty_home / "settings.toml"
    file.write_text("[kafka]\npartitions = 8\n", "utf-8")
    monkeypatch.setenv("PENSTOCK_API__PORT", "8900")
    result = penstock("--config", str(file), "config", "--json")
    found = rows(result.out)
    assert tuple(found) == names()
    assert (found["kafka.partitions"]["value"], found["kafka.partitions"]["source"]) == (8, str(file))
    assert found["api.port"]["source"] == "environment PENSTOCK_API__PORT"
    assert found["log.level"]["source"] == "default"


@pytest.mark.parametrize("form", [[], ["--json"], ["--changed"]])
def test_secrets_are_hidden(penstock: Run, monkeypatch: pytest.MonkeyPatch, form: list[str]) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__SASL_PASSWORD", "hush")
    result = penstock("config", *form)
    assert result.status == 0
    assert "hush" not in result.out
    assert "*****" in result.out


def test_changed_leaves_the_defaults_out(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_EMBEDDED__KAFKA_PORT", "19092")
    found = rows(penstock("config", "--changed", "--json").out)
    assert set(found) == {"embedded.kafka_port", "kafka.bootstrap_servers"}
