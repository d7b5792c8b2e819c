"""``penstock observations`` and ``penstock alerts`` against the API on the real broker."""

import json
from collections.abc import Iterator

import pytest

from infra.cli.asking.durations import seconds, short
from schemas.errors import ConfigError
from schemas.settings import ApiSettings, ClickHouseSettings, KafkaSettings, RegistrySettings
from tests.api.findings import alert, observation
from tests.api.running import settings
from tests.fixtures.ports import free_port
from tests.infra.api_beside import Beside, beside
from tests.infra.cli.conftest import Run

OPENED = observation("one")
OTHER = observation("two", node_id="n2", severity="critical", text="n2 is \x1b[31mhot")


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, registry_url: str, clickhouse_url: str
) -> Iterator[Beside]:
    wanted = settings(
        tmp_path_factory.mktemp("findings"),
        kafka=KafkaSettings(bootstrap_servers=kafka_servers, topic_prefix=f"findings{free_port()}."),
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database="default"),
        api=ApiSettings(port=free_port()),
    )
    with beside(wanted) as found:
        for event in (OPENED, OTHER, alert()):
            found.do(found.stage.write(event))
        found.known("/api/v1/observations", lambda body: len(body["observations"]) == 2)
        found.known("/api/v1/alerts", lambda body: len(body["alerts"]) == 1)
        yield found


@pytest.fixture
def cli(penstock: Run, api: Beside, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PENSTOCK_API__PORT", str(api.settings.api.port))
    return penstock


@pytest.mark.integration
def test_lists(cli: Run) -> None:
    found = cli("observations", "list")
    assert found.status == 0, found.err
    lines = [line.split() for line in found.out.splitlines()]
    assert lines[0] == ["id", "state", "severity", "since", "where", "what"]
    assert {line[0] for line in lines[2:]} == {one.observation_id[:8] for one in (OPENED, OTHER)}
    assert "\x1b" not in found.out
    assert cli("observations", "list", "--node", "n9").out == "no observations\n"
    told = json.loads(cli("observations", "list", "--severity", "critical", "--json").out)
    assert [one["node_id"] for one in told["observations"]] == ["n2"]
    assert told["more"] is False
    assert "there are more observations" in cli("observations", "list", "--limit", "1").out
    assert json.loads(cli("observations", "list", "--limit", "1", "--json").out)["more"] is True
    assert "node_offline: n1 is silent" in cli("alerts", "list", "--alert", "node_offline").out


@pytest.mark.integration
def test_one_is_shown_with_evidence_and_history(cli: Run) -> None:
    found = cli("observations", "show", OTHER.observation_id[:8])
    assert found.status == 0, found.err
    for text in ("Check the fans.", ">= 83 °C", "88 °C", "opened", "critical", OTHER.observation_id):
        assert text in found.out
    assert json.loads(cli("alerts", "show", alert().alert_id, "--json").out)["history_complete"] is True


@pytest.mark.integration
def test_an_observation_from_seen_to_over(cli: Run, api: Beside) -> None:
    one = observation("three", node_id="n3")
    api.do(api.stage.write(one))
    api.known("/api/v1/observations?node=n3", lambda body: len(body["observations"]) == 1)
    short_id = one.observation_id[:13]
    seen = cli("observations", "acknowledge", short_id, "--note", "fan ordered", "--for", "2h")
    assert (seen.status, seen.out) == (0, "n3 thermal_drain: acknowledged\n")
    assert api.stage.acted[-1][2].note == "fan ordered"
    assert api.stage.acted[-1][2].by
    assert "already" in cli("observations", "acknowledge", short_id).out
    assert cli("observations", "dismiss", short_id).out == "n3 thermal_drain: dismissed\n"
    assert cli("observations", "restore", short_id).out == "n3 thermal_drain: open again\n"
    assert cli("observations", "resolve", short_id).out == "n3 thermal_drain: resolved\n"
    late = cli("observations", "resolve", one.observation_id)
    assert (late.status, "ended at" in late.err) == (1, True)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("list", "--state", "closed"), 1, "'closed' is no state"),
        (("list", "--from", "yesterday"), 1, "not a time"),
        (("list", "--limit", "0"), 2, "limit"),
        (("acknowledge", OPENED.observation_id, "--for", "soon"), 2, "no length of time"),
        (("acknowledge", OPENED.observation_id, "--for", "1h", "--until", "2126-01-01"), 1, "both given"),
        (("dismiss", OPENED.observation_id, "--until", "2001-01-01"), 1, "not after now"),
        (("resolve", "00000000-0000-0000-0000-000000000000"), 1, "ClickHouse has no table"),
        (("show", ""), 1, "the id is empty"),
        (("show", "zzz"), 1, "ClickHouse has no table"),
    ],
)
def test_what_cannot_be_is_one_sentence(cli: Run, arguments: tuple[str, ...], status: int, says: str) -> None:
    found = cli("observations", *arguments)
    assert found.status == status, found.err
    assert says in found.err
    assert "Traceback" not in found.err


@pytest.mark.integration
def test_the_beginning_of_an_id_must_name_one(cli: Run, api: Beside) -> None:
    for last in "12":
        twin = observation(last, observation_id=f"twin0000-0000-5000-8000-00000000000{last}", node_id="n8")
        api.do(api.stage.write(twin))
    api.known("/api/v1/observations?node=n8", lambda body: len(body["observations"]) == 2)
    assert "2 observations begin with twin" in cli("observations", "show", "twin").err
    assert cli("alerts", "show", alert().alert_id[:2]).status == 0


def test_the_api_away_says_what_to_do(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_API__PORT", str(free_port()))
    for arguments in (("observations", "list"), ("alerts", "resolve", "x"), ("watch", "--once")):
        away = penstock(*arguments)
        assert away.status == 1
        assert "penstock up" in away.err


def test_lengths_of_time() -> None:
    assert [seconds(text) for text in ("90s", "15m", "2h", "7d", "1w")] == [90, 900, 7200, 604800, 604800]
    for text in ("", "5", "-5m", "1y", "1.5h", "9999999999s"):
        with pytest.raises(ConfigError, match="no length of time"):
            seconds(text)
    assert [short(length) for length in (-1, 5, 119, 120, 7199, 7200, 172_800)] == [
        "0s", "5s", "119s", "2m", "120m", "2h", "2d",
    ]  # fmt: skip
