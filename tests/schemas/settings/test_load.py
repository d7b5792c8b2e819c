from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.settings import Section, Settings, load, load_settings
from schemas.settings.load import names, variable


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder with an empty home, so that no settings file of the user is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config-home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def file(folder: Path, text: str, name: str = "settings.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_without_anything_the_defaults_hold() -> None:
    loaded = load({})
    assert loaded.settings == Settings()
    assert loaded.sources == {}
    assert loaded.file is None


def test_the_environment_sets_any_name() -> None:
    settings = load_settings({"PENSTOCK_KAFKA__PARTITIONS": "8", "PENSTOCK_DATA_DIR": "/x", "PATH": "/bin"})
    assert settings.kafka.partitions == 8
    assert settings.data_dir == Path("/x")


def test_a_file_sets_any_name(elsewhere: Path) -> None:
    path = file(elsewhere, '[kafka]\npartitions = 8\n[node.tags]\nrack = "b2"\n')
    loaded = load({"PENSTOCK_CONFIG": str(path)})
    assert loaded.settings.kafka.partitions == 8
    assert loaded.settings.node.tags == {"rack": "b2"}
    assert loaded.sources == {"kafka.partitions": str(path), "node.tags": str(path)}


def test_the_environment_is_stronger_than_the_file(elsewhere: Path) -> None:
    path = file(elsewhere, "[kafka]\npartitions = 8\nreplication_factor = 3\n")
    loaded = load({"PENSTOCK_KAFKA__PARTITIONS": "16"}, path)
    assert (loaded.settings.kafka.partitions, loaded.settings.kafka.replication_factor) == (16, 3)
    assert loaded.sources["kafka.partitions"] == "environment PENSTOCK_KAFKA__PARTITIONS"
    assert loaded.sources["kafka.replication_factor"] == str(path)


def test_the_file_on_the_command_line_is_stronger_than_the_one_in_the_environment(elsewhere: Path) -> None:
    first, second = (file(elsewhere, f"[kafka]\npartitions = {n}\n", f"{n}.toml") for n in (2, 3))
    assert load({"PENSTOCK_CONFIG": str(first)}, second).settings.kafka.partitions == 3


@pytest.mark.parametrize("place", ["penstock.toml", "config-home/penstock/config.toml"])
def test_a_file_in_a_usual_place_is_found(elsewhere: Path, place: str) -> None:
    file(elsewhere, "[kafka]\npartitions = 8\n", place)
    loaded = load({})
    assert loaded.settings.kafka.partitions == 8
    assert loaded.file is not None
    assert loaded.file.name == Path(place).name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PENSTOCK_KAFKA__PARTITION", "PENSTOCK_KAFKA__PARTITIONS"),
        ("PENSTOCK_KAFAK__PARTITIONS", "PENSTOCK_KAFKA__PARTITIONS"),
        ("PENSTOCK_DATADIR", "PENSTOCK_DATA_DIR"),
    ],
)
def test_an_unknown_name_in_the_environment_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown setting {name} .*did you mean {nearest}"):
        load({name: "1"})


@pytest.mark.parametrize(
    ("text", "name", "nearest"),
    [
        ("[kafka]\npartition = 1\n", "kafka.partition", "kafka.partitions"),
        ("[kafak]\npartitions = 1\n", "kafak.partitions", "kafka.partitions"),
        ("partitions = 1\n", "partitions", "kafka.partitions"),
    ],
)
def test_an_unknown_name_in_the_file_names_the_nearest(
    elsewhere: Path, text: str, name: str, nearest: str
) -> None:
    with pytest.raises(
        ConfigError, match=rf"settings.toml: unknown setting {name}; did you mean {nearest}\?"
    ):
        load({}, file(elsewhere, text))


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("PENSTOCK_KAFKA__PARTITIONS", "many", "kafka.partitions"),
        ("PENSTOCK_API__PORT", "70000", "api.port"),
        ("PENSTOCK_NODE__INTERVAL_S", "0", "node.interval_s"),
        ("PENSTOCK_LOG__LEVEL", "loud", "log.level"),
        ("PENSTOCK_NODE__TAGS", "rack=b2", "PENSTOCK_NODE__TAGS must be a JSON object"),
        ("PENSTOCK_NODE__TAGS", '["b2"]', "node.tags"),
        ("PENSTOCK_CLICKHOUSE__DATABASE", "a; DROP", "clickhouse.database"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_source(key: str, value: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        load({key: value})
    assert key in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(elsewhere: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load({"PENSTOCK_CONFIG": str(elsewhere / "none.toml")})


def test_a_file_that_is_not_toml_is_an_error(elsewhere: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load({}, file(elsewhere, "[kafka\n"))


def test_secrets_are_in_no_text_of_the_settings() -> None:
    secrets = {
        variable(name): f"hush-{name}"
        for name in names()
        if name.endswith(("password", "token")) and not name.endswith("tokens")
    }
    assert len(secrets) == 5
    settings = load_settings(secrets)
    assert settings.kafka.sasl_password.get_secret_value() == "hush-kafka.sasl_password"
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_secret_is_not_in_the_error_about_it(elsewhere: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, file(elsewhere, "[kafka]\nsasl_password = 12345678\n"))
    assert "12345678" not in str(caught.value)


def test_an_address_follows_the_embedded_port() -> None:
    loaded = load({"PENSTOCK_EMBEDDED__KAFKA_PORT": "19092", "PENSTOCK_EMBEDDED__CLICKHOUSE_PORT": "18123"})
    assert loaded.settings.kafka.bootstrap_servers == "127.0.0.1:19092"
    assert loaded.settings.clickhouse.url == "http://127.0.0.1:18123"
    assert loaded.settings.registry.url == Settings().registry.url
    assert loaded.sources["kafka.bootstrap_servers"] == "follows embedded.kafka_port"


def test_an_address_that_is_set_follows_nothing() -> None:
    loaded = load(
        {"PENSTOCK_EMBEDDED__KAFKA_PORT": "19092", "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": "kafka.example:9092"}
    )
    assert loaded.settings.kafka.bootstrap_servers == "kafka.example:9092"


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")]
)
def test_an_address_follows_the_embedded_host(host: str, reached: str) -> None:
    settings = load_settings({"PENSTOCK_EMBEDDED__HOST": host})
    assert settings.kafka.bootstrap_servers == f"{reached}:9092"
    assert settings.registry.url == f"http://{reached}:8081"


def test_every_name_has_a_variable_of_its_own() -> None:
    assert len({variable(name) for name in names()}) == len(names())
    assert variable("kafka.partitions") == "PENSTOCK_KAFKA__PARTITIONS"


def test_every_setting_says_what_it_means() -> None:
    sections = [type(value) for _, value in Settings() if isinstance(value, Section)]
    assert len(sections) > 5
    for section in sections:
        assert all(field.description for field in section.model_fields.values()), section.__name__


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().kafka.partitions = 3  # type: ignore[misc]  # that is the point


def test_every_setting_that_is_a_list_or_a_table_can_be_said_in_the_environment() -> None:
    usual = load({}).settings
    for name in names():
        value: object = usual
        for part in name.split("."):
            value = getattr(value, part)
        if isinstance(value, tuple | dict):
            load({variable(name): "[]" if isinstance(value, tuple) else "{}"})
