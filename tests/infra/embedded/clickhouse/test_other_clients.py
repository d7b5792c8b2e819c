"""Clients of other languages as they are; `make test-clients`, as their packages come from registries."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.clients]

PROGRAMS = Path(__file__).with_name("clients")
NODE_CLIENT = "@clickhouse/client@1.23.1"


def run(*command: str | Path, cwd: Path) -> str:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stdout.decode() + ended.stderr.decode()
    return ended.stdout.decode()


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")
def test_clickhouse_client_for_node(clickhouse_url: str, clickhouse_database: str, tmp_path: Path) -> None:
    run("npm", "install", "--no-audit", "--no-fund", "--prefix", tmp_path, NODE_CLIENT, cwd=tmp_path)
    shutil.copy(PROGRAMS / "query.mjs", tmp_path)
    seen = json.loads(run("node", "query.mjs", clickhouse_url, clickhouse_database, cwd=tmp_path))
    assert seen == {
        "ping": True,
        "written": "2",
        "rows": [{"id": 2, "name": "ü"}],
        "streamed": 500_000,
        "temporary": [{"s": 5}],
        "error": ["60", "UNKNOWN_TABLE"],
        "aborted": "The user aborted a request.",
    }


@pytest.fixture(scope="module")
def jdbc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jdbc")
    for name in ("pom.xml", "Query.java"):
        shutil.copy(PROGRAMS / name, folder)
    run("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", cwd=folder)
    run("javac", "-cp", "lib/*", "Query.java", cwd=folder)
    return folder


@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
@pytest.mark.parametrize(
    "properties",
    [
        pytest.param([], id="native blocks, whose checksums it verifies"),
        pytest.param(["decompress", "true"], id="native blocks both ways"),
        pytest.param(["client.use_http_compression", "true", "decompress", "true"], id="HTTP compression"),
        pytest.param(["compress", "false"], id="plain"),
    ],
)
def test_clickhouse_jdbc(
    clickhouse_url: str, clickhouse_database: str, jdbc: Path, properties: list[str]
) -> None:
    address = f"jdbc:clickhouse://{urlsplit(clickhouse_url).netloc}/{clickhouse_database}"
    seen = run("java", "-cp", "lib/*:.", "Query", address, *properties, cwd=jdbc)
    assert seen == "1000 499500 n'999 500 n'7 2888890 true\n"
