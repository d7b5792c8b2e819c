"""``make compile``: the modules that run for every sample, through mypyc, beside their sources.

Optional: the same code runs interpreted, in about twice the time. Python prefers a compiled module to its
source, so one that is older is deleted by ``--prune``, which every make target runs first.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What the node stage calls for every sample. Nothing that defines a NamedTuple of a state: the codec of
# states reads their annotations, which a compiled class does not have.
MODULES = (
    "schemas/ids.py",
    "processors/stage.py",
    "processors/panes/statistics.py",
    "processors/panes/histogram.py",
    *(
        f"processors/node/{name}.py"
        for name in (
            "activity",
            "cpu_thermal",
            "idle_power",
            "inference_state",
            "judge",
            "pane",
            "sequence",
            "speed",
            "stage",
            "thermal_state",
            "wes",
        )
    ),
    # What a replay spends its time with besides: decoding, and windows of panes.
    "schemas/codec/primitives.py",
    *(f"processors/windows/{name}.py" for name in ("series", "serving", "window")),
)
_CONFIG = "[tool.mypy]\nstrict = true\n"


def compiled() -> bool:
    """Return whether every module that can be compiled is."""
    return all(any(_libraries(module)) for module in MODULES)


def prune() -> list[Path]:
    """Delete all compiled modules if one is older than its source; return what was deleted."""
    stale = [library for module in MODULES for library in _libraries(module) if _older(library, module)]
    return remove() if stale else []


def remove() -> list[Path]:
    """Delete every compiled module and return them."""
    found = [library for module in MODULES for library in _libraries(module)]
    found += ROOT.glob("*__mypyc.*.so")
    for library in found:
        library.unlink()
    return found


def build() -> int:
    """Compile in a copy, where mypyc may leave what it makes, and bring the libraries back."""
    remove()
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for package in ("schemas", "processors"):
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "pyproject.toml").write_text(_CONFIG, "utf-8")
        done = subprocess.run([Path(sys.executable).with_name("mypyc"), *MODULES], cwd=copy, check=False)
        for library in copy.rglob("*.so") if done.returncode == 0 else ():
            if "build" not in library.relative_to(copy).parts:
                shutil.copy2(library, ROOT / library.relative_to(copy))
    return done.returncode


def _libraries(module: str) -> Iterator[Path]:
    source = ROOT / module
    return source.parent.glob(f"{source.stem}.*.so")


def _older(library: Path, module: str) -> bool:
    return library.stat().st_mtime < (ROOT / module).stat().st_mtime


def main() -> int:
    """Compile, or with ``--prune`` or ``--remove`` delete what was compiled."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--prune", action="store_true", help="delete compiled modules that are out of date")
    what.add_argument("--remove", action="store_true", help="delete compiled modules")
    chosen = parser.parse_args()
    if chosen.prune or chosen.remove:
        gone = remove() if chosen.remove else prune()
        if gone:
            print(f"{len(gone)} compiled modules deleted; make compile makes them anew")
        return 0
    return build()


if __name__ == "__main__":
    sys.exit(main())
