from uuid import uuid4

import httpx
import pytest

from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.integration


class Client:
    def __init__(self, url: str) -> None:
        self.url = url
        self.id = uuid4().hex

    def post(self, sql: str, **parameters: str) -> httpx.Response:
        return httpx.post(self.url, params={"session_id": self.id, **parameters}, content=sql, timeout=30)

    def text(self, sql: str, **parameters: str) -> str:
        answer = self.post(sql, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def client(clickhouse_url: str) -> Client:
    return Client(clickhouse_url)


def test_settings_temporary_tables_and_the_database_last(client: Client, clickhouse_database: str) -> None:
    client.text("SET max_block_size = 77")
    client.text("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.text("INSERT INTO mine FORMAT TSV\n5\n")
    client.text(f"USE {clickhouse_database}")
    assert (
        client.text("SELECT getSetting('max_block_size'), currentDatabase()")
        == f"77\t{clickhouse_database}\n"
    )
    assert client.text("SELECT a FROM mine", session_check="1") == "5\n"
    assert Client(client.url).post("SELECT a FROM mine").headers["X-ClickHouse-Exception-Code"] == "60"


def test_what_a_request_sets_in_its_url_does_not_last(client: Client, clickhouse_database: str) -> None:
    client.text("SET max_block_size = 77")
    seen = "SELECT getSetting('max_block_size'), currentDatabase()"
    assert (
        client.text(seen, max_block_size="5", database=clickhouse_database) == f"5\t{clickhouse_database}\n"
    )
    assert client.post("SELECT throwIf(1)", max_block_size="6").status_code == 500
    assert client.text("SELECT 1", readonly="1") == "1\n"
    assert client.text(seen) == "77\tdefault\n"
    client.text("CREATE TEMPORARY TABLE still_writable (a UInt8)")


def test_a_read_only_request_cannot_write_in_a_session_either(client: Client) -> None:
    client.text("CREATE TEMPORARY TABLE mine (a UInt8)")
    for sql in ("INSERT INTO mine VALUES (1)", "DROP TABLE mine", "CREATE DATABASE x", "KILL QUERY WHERE 1"):
        assert client.post(sql, readonly="1").headers["X-ClickHouse-Exception-Code"] == "164"
    assert client.text("SELECT count() FROM mine", readonly="1") == "0\n"


def test_a_session_serves_one_request_at_a_time(client: Client) -> None:
    parameters = {"session_id": client.id, "query": "SELECT number FROM numbers(1e12)"}
    with httpx.stream("POST", client.url, params=parameters) as busy:
        assert busy.status_code == 200
        assert client.post("SELECT 1").headers["X-ClickHouse-Exception-Code"] == "373"
    # Its client has left: the query is stopped and the session is free again.
    wait_until(lambda: client.post("SELECT 1").status_code == 200, what="the session is free")


def test_a_session_ends_when_it_is_unused_or_closed(client: Client) -> None:
    assert client.post("SELECT 1", session_check="1").headers["X-ClickHouse-Exception-Code"] == "372"
    client.text("SELECT 1", session_timeout="0")
    wait_until(
        lambda: client.post("SELECT 1", session_check="1").status_code != 200, what="the session ended"
    )
    client.text("SELECT 1", close_session="1")
    assert client.post("SELECT 1", session_check="1").headers["X-ClickHouse-Exception-Code"] == "372"


def test_many_requests_one_after_another_never_find_their_session_locked(client: Client) -> None:
    with httpx.Client() as connection:
        for n in range(200):
            answer = connection.post(
                client.url, params={"session_id": client.id, "max_threads": "1"}, content=f"SELECT {n}"
            )
            assert answer.text == f"{n}\n"
