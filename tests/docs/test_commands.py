"""Commands, targets and files that documents name are there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from infra.cli.main import COMMANDS, app, load

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def commands(program: str) -> list[str]:
    lines = [
        line.partition(" # ")[0].strip()
        for document in DOCUMENTS
        for block in BLOCK.findall(document.read_text("utf-8"))
        for line in block.splitlines()
    ]
    inline = [
        line
        for document in DOCUMENTS
        for line in re.findall(rf"`({program} [^`\n]+)`", document.read_text("utf-8"))
    ]
    return sorted({line for line in (*lines, *inline) if line.split()[:1] == [program]})


def parse(arguments: list[str]) -> None:
    """Parse the command line as the program would, and run nothing."""
    group: Any = typer.main.get_command(app)
    with group.make_context("penstock", arguments) as context:
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        while hasattr(command, "resolve_command") and (rest or not command.invoke_without_command):
            with command.make_context(name, list(rest), parent=context) as inner:
                name, command, rest = command.resolve_command(inner, [*inner._protected_args, *inner.args])
        command.make_context(name, list(rest), parent=context)


@pytest.mark.parametrize("line", commands("penstock"))
def test_command_parses(line: str) -> None:
    arguments = shlex.split(line)[1:]
    if arguments[0] != "bench" or arguments[1:] != ["NAME"]:
        parse(arguments)


@pytest.mark.parametrize(
    "line", ["penstock nonsense", "penstock version --nonsense", "penstock topics nonsense"]
)
def test_the_check_itself_rejects(line: str) -> None:
    with pytest.raises(Exception, match="nonsense"):
        parse(shlex.split(line)[1:])


@pytest.mark.parametrize("line", commands("make"))
def test_target_exists(line: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(line.split()[1:]) <= targets


def test_documents_name_commands() -> None:
    assert len(commands("penstock")) > 10
    assert len(commands("make")) >= 4


def test_every_command_says_what_the_list_says_it_is_for() -> None:
    assert [name for name in COMMANDS if not load(name).help] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    found = LINK.findall(document.read_text("utf-8"))
    assert [link for link in found if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["infra/compose.yaml", "infra/systemd"])
def test_files_that_the_readme_names_are_there(name: str) -> None:
    assert name in (ROOT / "README.md").read_text("utf-8")
    assert (ROOT / name).exists()


def test_tables_that_the_readme_names_are_made() -> None:
    section = (
        (ROOT / "README.md")
        .read_text("utf-8")
        .partition("Tables for people:")[2]
        .partition("\n\nThe same")[0]
    )
    named = set(re.findall(r"`(\w+)`", section))
    made = {
        name
        for file in (ROOT / "sinks/clickhouse/migrations").glob("*.sql")
        for name in re.findall(
            r"(?:TABLE|VIEW)(?: IF NOT EXISTS)? \$database\.(\w+)", file.read_text("utf-8")
        )
    }
    assert len(named) > 10
    assert named <= made
