"""What is compiled goes when a source has become newer: Python would run it in the source's place."""

import ast
import os
from pathlib import Path

import pytest

from infra import compile as compiling

PACKAGES = ("schemas", "processors", "producers", "sinks", "api", "infra", "tests")
NAMES = ("schemas/ids.so", "processors/stage.so", "ab12__mypyc.so")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiling, "ROOT", tmp_path)
    for name in ("schemas/ids.py", "schemas/events/alert.py", "processors/stage.py", *NAMES):
        path = tmp_path / name.replace(".so", ".cpython-311.so")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000, 1000 if path.suffix == ".py" else 2000))
    return tmp_path


def test_what_is_newer_than_every_source_stays(tree: Path) -> None:
    assert compiling.prune() == []
    assert len(list(tree.rglob("*.so"))) == len(NAMES)


@pytest.mark.parametrize("source", ["schemas/ids.py", "schemas/events/alert.py"])
def test_a_newer_source_makes_all_of_it_stale_compiled_itself_or_not(tree: Path, source: str) -> None:
    os.utime(tree / source, (3000, 3000))
    assert len(compiling.prune()) == len(NAMES)
    assert not list(tree.rglob("*.so"))


def test_every_module_there_is_to_compile_has_a_source() -> None:
    assert [module for module in compiling.MODULES if not (compiling.ROOT / module).is_file()] == []


def test_no_class_inherits_from_one_that_is_compiled_unless_it_is_too() -> None:
    """Python refuses that where it is compiled, and only there."""
    compiled = {name for module in compiling.MODULES for name in _native(compiling.ROOT / module)}
    assert {"Codec", "NodeStage"} & compiled == {"NodeStage"}
    sources = [path for package in PACKAGES for path in (compiling.ROOT / package).rglob("*.py")]
    others = [
        path for path in sources if path.relative_to(compiling.ROOT).as_posix() not in compiling.MODULES
    ]
    heirs = [
        f"{path.name}: {node.name}" for path in others for node in _classes(path) if _bases(node) & compiled
    ]
    assert heirs == []


def _classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]


def _native(path: Path) -> list[str]:
    """Return the classes that mypyc makes its own: no NamedTuple, no dataclass."""
    return [
        node.name
        for node in _classes(path)
        if "NamedTuple" not in _bases(node)
        and not any("dataclass" in ast.unparse(each) for each in node.decorator_list)
    ]


def _bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}
