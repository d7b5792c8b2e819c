"""A published package in a virtual environment of its own, in this user's cache, never in ours."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from schemas.errors import UnavailableError

_WHOLE = "installed"


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the registry that pip is set up with, at one version."""

    name: str
    version: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.name}=={self.version}"


def installed(package: Package, cache: Path | None = None) -> Path:
    """Return the Python of an environment that has the package; the first time it is installed.

    Raises:
        UnavailableError: it cannot be installed.
    """
    folder = (cache or user_cache_path("penstock") / "peers") / f"{package.name}-{package.version}"
    python = folder / "bin" / "python"
    if (folder / _WHOLE).is_file():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        (sys.executable, "-m", "venv", str(folder)),
        (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package.requirement),
    ):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            last = done.stderr.strip().rpartition("\n")[2]
            raise UnavailableError(f"{package.requirement} cannot be installed into {folder}: {last}")
    (folder / _WHOLE).touch()
    return python
