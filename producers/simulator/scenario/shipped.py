"""The scenarios that come with Penstock, and how one is found by its name."""

from collections.abc import Mapping
from pathlib import Path

from producers.simulator.scenario.problem import one_of
from schemas.errors import ConfigError

FOLDER = Path(__file__).parents[1] / "scenarios"
# In a checkout: the labelled ones, by which detections are scored.
LABELLED = Path("tests") / "scenarios"
SUFFIX = ".yaml"


def scenarios(folder: Path = FOLDER) -> Mapping[str, Path]:
    """Return the files of a folder by their names, in their order; nothing where there is no such folder."""
    return {file.stem: file for file in sorted(folder.glob(f"*{SUFFIX}"))}


def find(name: str) -> Path:
    """Return the file of a scenario: a path, a shipped one's name, or in a checkout a labelled one's.

    Raises:
        ConfigError: there is none.
    """
    path = Path(name)
    if path.suffix in (SUFFIX, ".yml") or path.is_file():
        if not path.is_file():
            raise ConfigError(f"there is no file {name}")
        return path
    known = {**scenarios(LABELLED), **scenarios()}
    if name not in known:
        raise ConfigError(f"no scenario is called {name!r}{one_of(name, known)}")
    return known[name]
