import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clickhouse import Store, clickhouse
from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.integration

PEOPLE = {"X-Penstock-Readonly": "1"}
FOREVER = "SELECT count() FROM numbers(1000000000000000000) WHERE rand() = 1"
RUNNING = (
    "SELECT count() FROM system.processes WHERE query LIKE '%rand() = 1%' AND query NOT LIKE '%processes%'"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    limits = {
        "PENSTOCK_API__SQL_MAX_SECONDS": "2",
        "PENSTOCK_API__SQL_MAX_ROWS": "1000",
        "PENSTOCK_API__SQL_MAX_MEMORY_BYTES": str(100 << 20),
        "PENSTOCK_EMBEDDED__CLICKHOUSE_HANDLES": "2",
    }
    with clickhouse(tmp_path_factory.mktemp("readonly"), settings=limits) as running:
        running.query("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        yield running


def ask(store: Store, sql: str, **parameters: str) -> httpx.Response:
    return httpx.post(store.url, params=parameters, content=sql, headers=PEOPLE, timeout=60)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t SELECT 1",
        "DROP TABLE t",
        "CREATE TABLE u (a Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE u (a Int8)",
        "ALTER TABLE t DELETE WHERE 1",
        "OPTIMIZE TABLE t",
        "TRUNCATE TABLE t",
        "SET readonly = 0",
        "SET max_execution_time = 0",
        "USE system",
        "KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
        "BACKUP DATABASE default TO File('/tmp/x')",
        "ATTACH TABLE x",
        "INSERT INTO FUNCTION file('/tmp/x', 'CSV', 'a Int8') SELECT 1",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1; SELECT 2",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 100",
        "SELECT 1 SETTINGS log_comment = 'hidden'",
        "SELECT * FROM Python(x)",
        "COMMIT",
    ],
)
def test_nothing_but_reading_is_possible(store: Store, sql: str) -> None:
    answer = ask(store, sql)
    assert answer.status_code in (400, 404, 500), answer.text
    assert answer.headers["X-ClickHouse-Exception-Code"] in ("164", "62", "46", "358", "452"), answer.text
    assert store.query("SELECT count() FROM t") == "0\n"


def test_the_bounds_of_the_settings_hold_whatever_is_asked(store: Store) -> None:
    too_long = ask(store, FOREVER, max_execution_time="1000")
    assert (too_long.status_code, too_long.headers["X-ClickHouse-Exception-Code"]) == (408, "159")
    too_many = ask(store, "SELECT number FROM numbers(2000)", max_result_rows="0")
    assert too_many.headers["X-ClickHouse-Exception-Code"] == "396"
    too_much = ask(store, "SELECT groupArray(number) FROM numbers(100000000)", max_memory_usage="0")
    assert too_much.headers["X-ClickHouse-Exception-Code"] == "241"
    assert ask(store, "SELECT 1").text == "1\n"


def test_get_and_the_setting_read_without_a_bound_on_rows(store: Store) -> None:
    sql = "SELECT number FROM numbers(300000)"
    assert httpx.get(store.url, params={"query": sql}).text.count("\n") == 300_000
    assert httpx.post(store.url, params={"readonly": "2"}, content=sql).text.count("\n") == 300_000
    refused = httpx.get(store.url, params={"query": "INSERT INTO t VALUES (1)"})
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert httpx.get(store.url, params={"query": "SELECT 1 SETTINGS max_threads = 1"}).text == "1\n"


def test_lifting_the_time_limit_in_the_text_of_a_get_does_not_help(store: Store) -> None:
    sql = f"{FOREVER} SETTINGS max_execution_time = 0"
    answer = httpx.get(store.url, params={"query": sql}, timeout=60)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (408, "159")
    wait_until(lambda: store.query(RUNNING) == "0\n", what="the query stopped")


def test_a_query_stops_when_its_client_leaves(store: Store) -> None:
    for headers in (PEOPLE, {}):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(store.url, content=FOREVER, headers=headers, timeout=0.5)
        wait_until(lambda: store.query(RUNNING) == "0\n", deadline_s=1.5, what="the query stopped")


def test_insertions_go_on_while_readers_take_all_they_can(store: Store) -> None:
    with hostile_readers(store, 6):
        wait_until(lambda: int(store.query(RUNNING)) >= 1, what="readers run")
        for n in range(20):
            assert store.query(f"INSERT INTO t VALUES ({n})") == ""
    assert store.query("SELECT count() FROM t") == "20\n"
    store.query("TRUNCATE TABLE t")


@contextmanager
def hostile_readers(store: Store, number: int) -> Iterator[None]:
    stop = time.monotonic() + 2

    def read() -> None:
        while time.monotonic() < stop:
            ask(store, FOREVER)

    threads = [threading.Thread(target=read) for _ in range(number)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def test_a_password_is_asked_for_where_one_is_set(tmp_path: Path) -> None:
    wanted = {"PENSTOCK_CLICKHOUSE__PASSWORD": "s3cret", "PENSTOCK_CLICKHOUSE__USERNAME": "penstock"}
    with clickhouse(tmp_path, settings=wanted) as store:
        assert httpx.post(store.url, content="SELECT 1").status_code == 403
        assert httpx.post(store.url, content="SELECT 1", auth=("penstock", "wrong")).status_code == 403
        assert httpx.post(store.url, content="SELECT 1", auth=("penstock", "s3cret")).text == "1\n"
        headers = {"X-ClickHouse-User": "penstock", "X-ClickHouse-Key": "s3cret"}
        assert httpx.post(store.url, content="SELECT 1", headers=headers).text == "1\n"
        named = {"user": "penstock", "password": "s3cret"}
        assert httpx.post(store.url, params=named, content="SELECT 1").text == "1\n"
        assert httpx.get(f"{store.url}/ping").text == "Ok.\n"
