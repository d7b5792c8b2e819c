"""Guards for a layout whose import names are common words."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP = ("schemas", "producers", "processors", "sinks", "api", "infra")


@pytest.mark.parametrize("name", [*TOP, "tests"])
def test_no_other_distribution_ships_this_name(name: str) -> None:
    owners = set(importlib.metadata.packages_distributions().get(name, ()))
    assert owners <= {"penstock"}


@pytest.mark.parametrize("name", TOP)
def test_import_from_elsewhere_finds_this_repository(name: str, tmp_path: Path) -> None:
    code = f"import {name}; print({name}.__file__)"
    run = [sys.executable, "-P", "-c", code]
    out = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(out.strip()) == ROOT / name / "__init__.py"


def sources(*folders: str) -> list[Path]:
    return [file for folder in folders for file in (ROOT / folder).rglob("*.py")]


def test_every_folder_is_a_package() -> None:
    folders = {file.parent for file in sources(*TOP, "tests")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("word", ["utils", "common", "helpers", "misc"])
def test_every_module_is_named_for_what_it_holds(word: str) -> None:
    assert [str(file) for file in sources(*TOP) if file.stem == word] == []


def test_no_module_grows_over_all_bounds() -> None:
    lines = {str(file.relative_to(ROOT)): file.read_text("utf-8").count("\n") for file in sources(*TOP)}
    assert {name: count for name, count in lines.items() if count > 400} == {}
