import pytest

from infra.embedded.clickhouse.failure import ClickHouseError
from infra.embedded.clickhouse.limits import Limits
from infra.embedded.clickhouse.profile import profile
from infra.embedded.clickhouse.query import Access, Query, read

LIMITS = Limits(
    server_bytes=8 << 30,
    write_query_bytes=6 << 30,
    read_query_bytes=1 << 30,
    read_query_s=30.0,
    read_query_rows=1000,
    read_query_threads=2,
    writers=8,
    readers=4,
)


def asked(line: str, method: str = "POST", **headers: str) -> Query:
    return read(method, line, {name.replace("_", "-"): value for name, value in headers.items()})


def test_parameters_settings_and_the_rest_are_told_apart() -> None:
    query = asked(
        "/?query=SELECT%20{a:String}&param_a=x%2By&max_threads=2&database=d&query_id=q&query=%20FROM+t"
    )
    assert query.text == b"SELECT {a:String} FROM t"
    assert query.parameters == {"a": "x+y"}
    assert query.settings == {"max_threads": "2"}
    assert (query.database, query.query_id, query.default_format) == ("d", "q", "TabSeparated")


@pytest.mark.parametrize(
    ("query", "access"),
    [
        (asked("/"), Access.WRITE),
        (asked("/?readonly=0"), Access.WRITE),
        (asked("/?readonly=1"), Access.READ),
        (asked("/?readonly=2"), Access.READ),
        (asked("/", "GET"), Access.READ),
        (asked("/?readonly=2", X_Penstock_Readonly="1"), Access.PEOPLE),
        (asked("/", "GET", X_Penstock_Readonly="true"), Access.PEOPLE),
        (asked("/", X_Penstock_Readonly="0"), Access.WRITE),
    ],
)
def test_access(query: Query, access: Access) -> None:
    assert query.access is access


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/?session_id=s&session_timeout=3601", 374),
        ("/?session_id=s&session_timeout=-1", 374),
        ("/?session_id=s&session_timeout=x", 374),
        ("/?role=admin", 511),
        ("/?client_protocol_version=x", 36),
    ],
)
def test_nonsense_is_refused(line: str, code: int) -> None:
    with pytest.raises(ClickHouseError) as raised:
        asked(line)
    assert raised.value.code == code


def test_a_native_revision_that_the_engine_does_not_speak_is_refused_in_native_alone() -> None:
    query = asked("/?client_protocol_version=54460&default_format=Native")
    query.refuse_native_of("JSON")
    with pytest.raises(ClickHouseError, match="client_protocol_version") as raised:
        query.refuse_native_of("native")
    assert raised.value.status == 501
    asked("/?client_protocol_version=54405").refuse_native_of("Native")


def test_people_are_bounded_and_readonly_comes_last() -> None:
    settings = profile(
        asked("/?max_execution_time=0&max_result_rows=50", X_Penstock_Readonly="1"), LIMITS, in_session=False
    )
    assert settings["max_execution_time"] == "30"
    assert settings["max_result_rows"] == "50"
    assert settings["max_memory_usage"] == str(1 << 30)
    assert list(settings.items())[-1] == ("readonly", "1")


def test_a_client_may_bound_itself_further_but_not_less() -> None:
    settings = profile(
        asked("/?max_execution_time=1.5&max_memory_usage=99999999999&max_threads=64", "GET"),
        LIMITS,
        in_session=False,
    )
    assert (settings["max_execution_time"], settings["max_memory_usage"]) == ("1.5", str(1 << 30))
    assert (settings["max_threads"], settings["readonly"]) == ("2", "2")
    assert "max_result_rows" not in settings


def test_a_session_never_gets_readonly_because_it_could_not_be_taken_back() -> None:
    assert "readonly" not in profile(asked("/?session_id=s&readonly=1"), LIMITS, in_session=True)
