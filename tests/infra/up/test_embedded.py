import pytest

from infra.up.embedded import Embedded, embedded
from infra.up.ports import ports
from schemas.settings import load_settings


def test_by_default_everything_runs_here() -> None:
    assert embedded(load_settings({})) == set(Embedded)


@pytest.mark.parametrize(
    ("name", "value", "elsewhere"),
    [
        ("KAFKA__BOOTSTRAP_SERVERS", "kafka-1:9092,kafka-2:9092", Embedded.KAFKA),
        ("KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:19092", Embedded.KAFKA),
        ("CLICKHOUSE__URL", "https://clickhouse.example:8443", Embedded.STORE),
        ("CLICKHOUSE__URL", "http://127.0.0.1", Embedded.STORE),
        ("REGISTRY__URL", "http://registry.example:8081", Embedded.REGISTRY),
    ],
)
def test_another_address_means_that_it_runs_elsewhere(name: str, value: str, elsewhere: Embedded) -> None:
    settings = load_settings({f"PENSTOCK_{name}": value})
    assert embedded(settings) == set(Embedded) - {elsewhere}
    assert elsewhere.value not in ports(settings)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_any_name_of_loopback_leads_here(host: str) -> None:
    assert Embedded.KAFKA in embedded(load_settings({"PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": f"{host}:9092"}))


def test_a_moved_port_still_leads_here() -> None:
    settings = load_settings({"PENSTOCK_EMBEDDED__CLICKHOUSE_PORT": "18123"})
    assert Embedded.STORE in embedded(settings)
    assert [port.number for port in ports(settings)["store"]] == [18123]


def test_every_port_has_a_setting_of_its_own() -> None:
    listens = [port for each in ports(load_settings({})).values() for port in each]
    assert len({port.setting for port in listens}) == len(listens) == len({port.number for port in listens})
