import gzip
import json
import shutil
import subprocess
import zlib
from collections.abc import Callable

import httpx
import lz4.frame
import pytest
import zstandard

from infra.embedded.clickhouse.native_blocks import BlockDecoder, BlockEncoder

pytestmark = pytest.mark.integration


def post(url: str, content: str | bytes = "", **parameters: str) -> httpx.Response:
    return httpx.post(url, params=parameters, content=content, timeout=30)


def summary(answer: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = json.loads(answer.headers["X-ClickHouse-Summary"])
    return found


def test_health_and_unknown_paths(clickhouse_url: str) -> None:
    for path in ("/", "/ping", "/replicas_status"):
        assert httpx.get(clickhouse_url + path).text == "Ok.\n"
        assert httpx.head(clickhouse_url + path).status_code == 200
    assert httpx.get(f"{clickhouse_url}/nothing").status_code == 404


def test_an_answer_has_the_headers_that_clients_read(clickhouse_url: str) -> None:
    answer = post(clickhouse_url, "SELECT number FROM numbers(7) FORMAT JSONEachRow", query_id="my-id")
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-id"
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=UTF-8"
    assert answer.headers["X-ClickHouse-Timezone"] == post(clickhouse_url, "SELECT timezone()").text.strip()
    assert (
        answer.headers["X-ClickHouse-Server-Display-Name"]
        == post(clickhouse_url, "SELECT displayName()").text.strip()
    )
    assert (summary(answer)["read_rows"], summary(answer)["result_rows"]) == ("7", "7")


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ({"query": "SELECT 1, 'a'"}, ""),
        ({}, "SELECT 1, 'a'"),
        ({"query": "SELECT 1,"}, "'a'"),
        ({"query": "SELECT {n:UInt8}, {s:String}", "param_n": "1", "param_s": "a"}, ""),
        ({"default_format": "TSV"}, "SELECT 1, 'a';"),
        ({}, "WITH 1 AS x SELECT x, 'a' -- FORMAT JSON"),
        ({}, "(SELECT 1, 'a')"),
    ],
)
def test_where_a_query_may_stand(clickhouse_url: str, parameters: dict[str, str], body: str) -> None:
    assert post(clickhouse_url, body, **parameters).text == "1\ta\n"


def test_the_default_format_comes_by_parameter_or_header(clickhouse_url: str) -> None:
    assert post(clickhouse_url, "SELECT 1 AS a", default_format="JSONEachRow").text == '{"a":1}\n'
    answer = httpx.post(
        clickhouse_url, content="SELECT 1 AS a", headers={"X-ClickHouse-Format": "CSVWithNames"}
    )
    assert answer.text == '"a"\n1\n'


def test_the_database_comes_by_parameter_or_header(clickhouse_url: str, clickhouse_database: str) -> None:
    assert (
        post(clickhouse_url, "SELECT currentDatabase()", database=clickhouse_database).text.strip()
        == clickhouse_database
    )
    named = httpx.post(
        clickhouse_url,
        content="SELECT currentDatabase()",
        headers={"X-ClickHouse-Database": clickhouse_database},
    )
    assert named.text.strip() == clickhouse_database
    assert post(clickhouse_url, "SELECT currentDatabase()").text == "default\n"


@pytest.mark.parametrize(
    ("parameters", "body", "status", "code"),
    [
        ({}, "SELEC 1", 400, "62"),
        ({}, "", 400, "62"),
        ({}, "SELECT 1; SELECT 2", 400, "62"),
        ({}, "bare_word", 400, "62"),
        ({}, "SELECT nothing", 404, "47"),
        ({}, "SELECT * FROM nowhere", 404, "60"),
        ({}, "SELECT nofunction(1)", 404, "46"),
        ({"database": "nowhere"}, "SELECT 1", 404, "81"),
        ({"nosuchsetting": "1"}, "SELECT 1", 404, "115"),
        ({"a b": "1"}, "SELECT 1", 404, "115"),
        ({"max_threads": "many"}, "SELECT 1", 400, "27"),
        ({}, "SELECT 1 FORMAT Nonsense", 404, "73"),
        ({"default_format": "dataframe"}, "SELECT 1", 404, "73"),
        ({}, "SELECT {a:UInt8}", 500, "456"),
        ({}, "SELECT throwIf(1)", 500, "395"),
        ({"max_execution_time": "0.3"}, "SELECT count() FROM numbers(1e18) WHERE rand() = 1", 408, "159"),
        ({"max_result_rows": "2"}, "SELECT number FROM numbers(5)", 500, "396"),
        ({}, "SELECT 1 INTO OUTFILE '/tmp/never'", 500, "358"),
        ({}, "SELECT * FROM `/etc/passwd`", 404, "60"),
        ({"client_protocol_version": "54460", "default_format": "Native"}, "SELECT 1", 501, "48"),
    ],
)
def test_errors_have_the_code_and_the_status_of_the_server(
    clickhouse_url: str, parameters: dict[str, str], body: str, status: int, code: str
) -> None:
    answer = post(clickhouse_url, body, **parameters)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code), answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert post(clickhouse_url, "SELECT 1").text == "1\n"


def test_settings_of_a_request_are_gone_with_it(clickhouse_url: str) -> None:
    look = "SELECT getSetting('max_block_size'), getSetting('max_result_rows')"
    before = post(clickhouse_url, look).text
    for _ in range(20):  # more often than there are slots
        assert post(clickhouse_url, look, max_block_size="77", max_result_rows="9").text == "77\t9\n"
        assert post(clickhouse_url, "SELECT 1", max_block_size="77", readonly="9nonsense").status_code == 200
        post(clickhouse_url, "SELECT 1 SETTINGS max_block_size = 5")
        post(clickhouse_url, "SET max_block_size = 5")
    assert post(clickhouse_url, look).text == before


@pytest.mark.parametrize(
    ("encoding", "unpack"),
    [
        ("gzip", lambda data: gzip.decompress(data)),
        ("deflate", lambda data: zlib.decompress(data)),
        ("lz4", lambda data: lz4.frame.decompress(data)),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    ],
)
@pytest.mark.parametrize("rows", [3, 300_000])
def test_answers_are_compressed_when_asked(
    clickhouse_url: str, encoding: str, unpack: Callable[[bytes], bytes], rows: int
) -> None:
    sql = f"SELECT number FROM numbers({rows})"
    headers = {"Accept-Encoding": encoding}
    with httpx.stream(
        "POST", clickhouse_url, params={"enable_http_compression": "1"}, content=sql, headers=headers
    ) as answer:
        assert answer.headers["Content-Encoding"] == encoding
        data = b"".join(answer.iter_raw())
    assert unpack(data) == "".join(f"{n}\n" for n in range(rows)).encode()
    assert "Content-Encoding" not in httpx.post(clickhouse_url, content=sql, headers=headers).headers


@pytest.mark.parametrize("rows", [3, 300_000])
def test_native_compressed_blocks_both_ways(clickhouse_url: str, clickhouse_database: str, rows: int) -> None:
    table = f"{clickhouse_database}.t"
    post(clickhouse_url, f"CREATE TABLE {table} (n UInt64) ENGINE = MergeTree ORDER BY n")
    data = "".join(f"{n}\n" for n in range(rows)).encode()
    packed = BlockEncoder().encode(data)
    written = post(clickhouse_url, packed, query=f"INSERT INTO {table} FORMAT TSV", decompress="1")
    assert summary(written)["written_rows"] == str(rows)
    answer = post(clickhouse_url, f"SELECT n FROM {table} ORDER BY n", compress="1")
    assert BlockDecoder().decode(answer.content) == data


def test_large_answers_are_streamed_and_whole(clickhouse_url: str) -> None:
    rows = 5_000_000
    lines, last = 0, b""
    with httpx.stream(
        "POST", clickhouse_url, content=f"SELECT number FROM numbers({rows})", timeout=60
    ) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        for piece in answer.iter_raw():
            lines += piece.count(b"\n")
            last = (last + piece)[-20:]
    assert lines == rows
    assert last.endswith(f"\n{rows - 1}\n".encode())


def test_a_large_json_answer_is_one_document(clickhouse_url: str) -> None:
    found = post(clickhouse_url, "SELECT number AS n FROM numbers(200000) FORMAT JSON").json()
    assert found["rows"] == len(found["data"]) == 200_000


def read_to_the_break(answer: httpx.Response) -> bytes:
    """Return the last bytes of an answer that must not come to its proper end."""
    seen = b""
    try:
        for piece in answer.iter_raw():
            seen = (seen + piece)[-2000:]
    except httpx.RemoteProtocolError:
        return seen
    raise AssertionError("the answer looks whole")


def test_an_error_in_the_middle_of_an_answer_breaks_it_off(clickhouse_url: str) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)"
    with httpx.stream("POST", clickhouse_url, content=sql, timeout=30) as answer:
        tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
        seen = read_to_the_break(answer)
    assert b"\r\n__exception__\r\n" + tag + b"\r\nCode: 395. " in seen
    assert seen.endswith(tag + b"\r\n__exception__\r\n")


@pytest.mark.parametrize("rows", [3, 300_000])
def test_wait_end_of_query_gives_the_true_summary_and_status(clickhouse_url: str, rows: int) -> None:
    good = post(clickhouse_url, f"SELECT number FROM numbers({rows})", wait_end_of_query="1")
    assert summary(good)["result_rows"] == str(rows)
    assert good.text.count("\n") == rows
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)"
    assert post(clickhouse_url, sql, wait_end_of_query="1").headers["X-ClickHouse-Exception-Code"] == "395"


def test_a_long_query_in_the_url_and_in_the_body(clickhouse_url: str) -> None:
    in_list = ",".join(str(n) for n in range(8_000))
    sql = f"SELECT count() FROM numbers(8000) WHERE number IN ({in_list})"
    assert httpx.get(clickhouse_url, params={"query": sql}).text == "8000\n"
    longer = ",".join(str(n) for n in range(100_000))
    sql = f"SELECT count() FROM numbers(100000) WHERE number IN ({longer})"
    assert post(clickhouse_url, sql, max_query_size="10000000").text == "100000\n"


def test_a_query_id_that_is_running_cannot_be_used_again(clickhouse_url: str) -> None:
    parameters = {"query_id": "twice", "query": "SELECT number FROM numbers(1e12)"}
    with httpx.stream("POST", clickhouse_url, params=parameters) as first:
        assert first.status_code == 200
        again = post(clickhouse_url, "SELECT 1", query_id="twice")
    assert again.headers["X-ClickHouse-Exception-Code"] == "216"


def test_kill_query_by_the_id_of_the_client(clickhouse_url: str) -> None:
    parameters = {"query_id": "to-be-killed", "query": "SELECT number FROM numbers(1e12)"}
    with httpx.stream("POST", clickhouse_url, params=parameters) as victim:
        killed = post(clickhouse_url, "KILL QUERY WHERE query_id = 'to-be-killed'")
        assert "numbers" in killed.text
        assert b"Code: 394. " in read_to_the_break(victim)


def test_formatting_and_the_syntax_tree_for_the_guard(clickhouse_url: str) -> None:
    headers = {"X-Penstock-Readonly": "1"}
    formatted = httpx.post(
        clickhouse_url,
        params={"param_q": "select 1"},
        content="SELECT formatQuery({q:String}) FORMAT TSVRaw",
        headers=headers,
    )
    assert formatted.text == "SELECT 1\n"
    tree = httpx.post(clickhouse_url, content="EXPLAIN AST SELECT sleep(1)", headers=headers)
    assert "Function sleep" in tree.text


def test_web_pages_of_others_are_not_served(clickhouse_url: str) -> None:
    assert (
        httpx.post(clickhouse_url, content="SELECT 1", headers={"Origin": "https://example.org"}).status_code
        == 403
    )
    own = clickhouse_url
    assert httpx.post(own, content="SELECT 1", headers={"Origin": own}).text == "1\n"


def test_unknown_users_are_refused_and_the_default_one_is_not(clickhouse_url: str) -> None:
    assert httpx.post(clickhouse_url, content="SELECT 1", auth=("default", "")).text == "1\n"
    assert post(clickhouse_url, "SELECT 1", user="default", password="").text == "1\n"
    stranger = httpx.post(clickhouse_url, content="SELECT 1", headers={"X-ClickHouse-User": "eve"})
    assert (stranger.status_code, stranger.headers["X-ClickHouse-Exception-Code"]) == (403, "516")


def test_external_tables_and_parameters_in_a_form(clickhouse_url: str) -> None:
    answer = httpx.post(
        clickhouse_url,
        params={"names_structure": "id UInt8, name String", "names_format": "CSV"},
        data={"query": "SELECT name FROM names WHERE id = {id:UInt8}", "param_id": "2"},
        files={"names": ("names.csv", b"1,a\n2,b\n")},
    )
    assert answer.text == "b\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(clickhouse_url: str, clickhouse_database: str) -> None:
    def curl(*arguments: str, data: bytes = b"") -> str:
        command = ["curl", "-sS", "--fail-with-body", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()

    table = f"{clickhouse_database}.t"
    curl(clickhouse_url, "-d", f"CREATE TABLE {table} (a UInt8) ENGINE = MergeTree ORDER BY a")
    curl(f"{clickhouse_url}/?query=INSERT+INTO+{table}+FORMAT+CSV", "--data-binary", "@-", data=b"1\n2\n")
    gzipped = ["-H", "Content-Encoding: gzip", "--data-binary", "@-"]
    curl(clickhouse_url, *gzipped, data=gzip.compress(f"INSERT INTO {table} VALUES (3)".encode()))
    assert curl(f"{clickhouse_url}/?query=SELECT+sum(a)+FROM+{table}") == "6\n"
    compressed = ["--compressed", "-u", "default:", "--data-binary", "@-"]
    assert curl(f"{clickhouse_url}/?enable_http_compression=1", *compressed, data=b"SELECT 1") == "1\n"
