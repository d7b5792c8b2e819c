import subprocess
import sys

import pytest

from infra.cli.main import COMMANDS, load
from tests.infra.cli.conftest import Run


def test_help_lists_every_command(penstock: Run) -> None:
    result = penstock("--help")
    assert result.status == 0
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in result.out
        assert summary in " ".join(result.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(penstock: Run, name: str) -> None:
    result = penstock(name, "--help")
    assert (result.status, result.err) == (0, "")
    assert f"Usage: penstock {name}" in result.out
    assert load(name).help


def test_nothing_at_all_is_help_and_wrong_usage(penstock: Run) -> None:
    result = penstock()
    assert result.status == 2
    assert "Usage: penstock" in result.out + result.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["version", "--nonsense"], ["--nonsense"]])
def test_wrong_usage_is_status_2(penstock: Run, arguments: list[str]) -> None:
    result = penstock(*arguments)
    assert result.status == 2
    assert "nonsense" in result.err


def test_wrong_settings_are_one_sentence_and_status_2(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__PARTITION", "3")
    result = penstock("config")
    assert result.status == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert "did you mean PENSTOCK_KAFKA__PARTITIONS?" in result.err


def test_what_is_away_is_one_sentence_and_status_1(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    result = penstock("topics", "list")
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert "Kafka at 127.0.0.1:1 (setting kafka.bootstrap_servers)" in result.err


def test_the_list_of_commands_imports_none_of_the_parts() -> None:
    code = (
        "import sys; from infra.cli.main import main; main(['--help']);"
        "slow = {'pydantic', 'rich', 'faust', 'aiokafka', 'chdb', 'httpx', 'fastapi'} & set(sys.modules);"
        "sys.exit(' '.join(slow) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
