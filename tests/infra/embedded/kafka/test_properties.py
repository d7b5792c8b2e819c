from pathlib import Path

import pytest

from infra.embedded.kafka.properties import advertised_host, server_properties
from schemas.codec.serde import EVENT_LIMIT_BYTES
from schemas.settings import EmbeddedSettings, KafkaSettings, Settings


def _properties(**embedded: object) -> dict[str, str]:
    settings = Settings(embedded=EmbeddedSettings.model_validate(embedded))
    return dict(line.split("=", 1) for line in server_properties(settings, Path("/data")).splitlines())


def test_everything_is_on_loopback_by_default() -> None:
    listeners = _properties(kafka_port=19092, kafka_controller_port=19093)["listeners"]
    assert listeners == "CLIENTS://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"


def test_the_controller_stays_on_loopback() -> None:
    properties = _properties(host="10.0.0.5")
    assert properties["listeners"] == "CLIENTS://10.0.0.5:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["advertised.listeners"] == "CLIENTS://10.0.0.5:9092"


def test_an_ipv6_address_is_bracketed() -> None:
    assert _properties(host="::1")["listeners"].startswith("CLIENTS://[::1]:9092,")


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_one_that_listens_everywhere_names_the_host_of_the_settings(everywhere: str) -> None:
    settings = Settings(
        embedded=EmbeddedSettings(host=everywhere),
        kafka=KafkaSettings(bootstrap_servers="hub.example:9092,b:1"),
    )
    assert advertised_host(settings) == "hub.example"


def test_the_largest_event_fits_into_a_dead_letter() -> None:
    assert int(_properties()["message.max.bytes"]) > 2 * EVENT_LIMIT_BYTES
