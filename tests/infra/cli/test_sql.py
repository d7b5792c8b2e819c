"""``penstock sql`` against the API on the real store."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from infra.cli.asking.client import SqlClient
from infra.cli.asking.prompt import Prompt, run
from schemas.settings import ApiSettings, ClickHouseSettings, Settings
from tests.api.running import served, settings
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until
from tests.infra.cli.conftest import Run

ROOT = Path(__file__).parents[3]


@dataclass
class Running:
    """An API in a thread of its own."""

    settings: Settings
    url: str


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, clickhouse_url: str) -> Iterator[Running]:
    wanted = settings(
        tmp_path_factory.mktemp("sql"),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database="default"),
        api=ApiSettings(port=free_port(), sql_max_rows=50, sql_max_seconds=30),
    )
    ready: Future[asyncio.AbstractEventLoop] = Future()
    stop = asyncio.Event()

    async def live() -> None:
        async with served(wanted):
            ready.set_result(asyncio.get_running_loop())
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    loop = ready.result(60)
    yield Running(wanted, f"http://127.0.0.1:{wanted.api.port}")
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)


@pytest.fixture
def sql(penstock: Run, api: Running, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PENSTOCK_API__PORT", str(api.settings.api.port))
    return lambda *arguments: penstock("sql", *arguments)


@pytest.mark.integration
def test_a_table(sql: Run) -> None:
    found = sql("SELECT number AS n, 'x' AS s FROM numbers(3)")
    assert found.status == 0
    head, line, *rows, end = [text.split() for text in found.out.splitlines()]
    assert head == ["n", "s"]
    assert set("".join(line)) == {"─"}
    assert rows == [["0", "x"], ["1", "x"], ["2", "x"]]
    assert end == ["3", "rows"]


@pytest.mark.integration
def test_json_csv_and_other_formats(sql: Run) -> None:
    assert json.loads(sql("SELECT 1 AS a", "--json").out)["data"] == [{"a": 1}]
    assert sql("SELECT 1 AS a", "--csv").out == '"a"\n1\n'
    assert json.loads(sql("SELECT 1 AS a", "--format", "JSONEachRow").out) == {"a": 1}
    assert sql("SELECT 1", "--json", "--csv").status == 2
    assert sql("SELECT 1", "--format", "Nonsense").status == 1


@pytest.mark.integration
def test_more_rows_than_come_are_said(sql: Run) -> None:
    assert "there are more" in sql("SELECT number FROM numbers(51)").out
    assert "there are more" in sql("SELECT number FROM numbers(51)", "--csv").err
    assert "there are more" in sql("SELECT number FROM numbers(51)", "--max-rows", "2").out
    assert "there are more" not in sql("SELECT number FROM numbers(50)").out


@pytest.mark.integration
def test_parameters_and_files(sql: Run, tmp_path: Path) -> None:
    assert json.loads(sql("SELECT {a:String} AS a", "--param", "a=x=y", "--json").out)["data"] == [
        {"a": "x=y"}
    ]
    assert sql("SELECT 1", "--param", "a").status == 2
    (tmp_path / "q.sql").write_text("SELECT 7 AS seven;\n")
    assert json.loads(sql("--file", str(tmp_path / "q.sql"), "--json").out)["data"] == [{"seven": 7}]
    assert sql("--file", str(tmp_path / "none.sql")).status == 2


@pytest.mark.integration
def test_errors_are_one_clear_text(sql: Run) -> None:
    failed = sql("SELECT nothing")
    assert failed.status == 1
    assert "UNKNOWN_IDENTIFIER" in failed.err
    assert "DESCRIBE" in failed.err
    refused = sql("SELECT file('/etc/passwd')")
    assert refused.status == 1
    assert "the function file" in refused.err


def test_the_api_away_says_what_to_do(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_API__PORT", str(free_port()))
    away = penstock("sql", "SELECT 1")
    assert away.status == 1
    assert "penstock up" in away.err
    assert "api.port" in away.err


def converse(api: Running, text: str, history: Path) -> str:
    printed = io.StringIO()
    console = Console(file=printed, width=120, force_terminal=True, color_system=None, highlight=False)
    client = SqlClient(api.settings.api)
    with create_pipe_input() as typed:
        typed.send_text(text)
        run(Prompt(client, console), history, input_=typed, output=DummyOutput())
    client.close()
    return printed.getvalue()


@pytest.mark.integration
def test_a_conversation(api: Running, tmp_path: Path) -> None:
    history = tmp_path / "data" / "sql_history"
    printed = converse(
        api, "SELECT 1 +\r41 AS answer;\r\\x\rSELECT 5 AS five;\r\\huh\rSELECT nothing;\r\x04", history
    )
    assert "answer" in printed
    assert "42" in printed
    assert "rows one by one: on" in printed
    assert "── 1 ──" in printed
    assert r"\huh is not known" in printed
    assert "UNKNOWN_IDENTIFIER" in printed
    assert "SELECT 5 AS five;" in history.read_text()


@pytest.mark.integration
def test_quit_leaves(api: Running, tmp_path: Path) -> None:
    assert "never" not in converse(api, "quit\rSELECT 'never';\r", tmp_path / "history")


@pytest.mark.integration
def test_ctrl_c_ends_the_query_in_the_store(api: Running, clickhouse_url: str, tmp_path: Path) -> None:
    query = "SELECT max(cityHash64(number)) AS needle_of_the_prompt FROM numbers(1000000000000)"
    count = "SELECT count() - 1 FROM system.processes WHERE query LIKE '%needle_of_the_prompt%'"

    def runs(number: int) -> bool:
        return httpx.post(clickhouse_url, content=count, trust_env=False).text == f"{number}\n"

    environment = os.environ | {"PENSTOCK_API__PORT": str(api.settings.api.port)}
    command = [sys.executable, "-m", "infra.cli.main", "sql", query]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: runs(1), what="the query runs")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    wait_until(lambda: runs(0), deadline_s=15, what="the query ended")
