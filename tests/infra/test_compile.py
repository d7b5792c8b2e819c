"""What is compiled goes when a source has become newer: Python would run it in the source's place."""

import os
from pathlib import Path

import pytest

from infra import compile as compiling

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
