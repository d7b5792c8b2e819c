"""``make compile``: the stages and what a replay does with every record, through mypyc, beside their sources.

Optional: the same code runs interpreted, in about one and a half times the time. Python prefers a compiled
module to its source, so one that is older is deleted by ``--prune``, which every make target runs first.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "processors")


def _of(package: str, names: str) -> tuple[str, ...]:
    return tuple(f"{package}/{name}.py" for name in names.split())


# Nothing here defines a NamedTuple of a state or of an event: their codecs read the annotations, of which a
# compiled class keeps no more than ``tuple``. From a class here none can inherit that is not here too.
MODULES = (
    # What a worker calls for every record, whatever the stage.
    *_of("schemas", "ids"),
    *_of("schemas/codec", "framing primitives"),
    *_of("processors", "stage"),
    # The node stage: every sample.
    *_of("processors/panes", "statistics histogram"),
    *_of("processors/node", "activity cpu_thermal idle_power inference_state judge pane sequence"),
    *_of("processors/node", "speed stage thermal_state wes"),
    # All patterns, and the windows of panes that they judge: a third of the time of a replay.
    *_of("processors/windows", "series serving window"),
    *(
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "processors/patterns").glob("*.py"))
        if path.stem not in ("__init__", "catalog", "state")
    ),
    # The other stages: few records each, but every watermark.
    *_of("processors/requests", "facts ledger pane stage"),
    *_of("processors/fleet", "lifecycle stage"),
    *_of("processors/rules/notify", "stage"),
    # What a replay does with every record around the stages. Not what reads the log file: a generator around
    # a library's runs slower compiled.
    *_of("processors", "chain"),
    *_of("processors/replay", "ahead digest facts hub lane merge share tally"),
)
_CONFIG = '[tool.mypy]\nstrict = true\nplugins = ["pydantic.mypy"]\n'


def compiled() -> bool:
    """Return whether every module that can be compiled is."""
    return all(any((ROOT / module).parent.glob(f"{Path(module).stem}.*.so")) for module in MODULES)


def prune() -> list[Path]:
    """Delete all compiled modules if a source is newer than one of them; return what was deleted.

    Any source of their packages counts: compiled code knows the places of the fields of events and states.
    """
    made = [library.stat().st_mtime for library in _libraries()]
    stale = made and any(source.stat().st_mtime > min(made) for source in _sources())
    return remove() if stale else []


def remove() -> list[Path]:
    """Delete every compiled module and return them."""
    found = list(_libraries())
    for library in found:
        library.unlink()
    return found


def build() -> int:
    """Compile in a copy, where mypyc may leave what it makes, and bring the libraries back."""
    remove()
    began_s = time.time()
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        for module in MODULES:
            _with_plain_dataclasses(copy / module)
        (copy / "pyproject.toml").write_text(_CONFIG, "utf-8")
        done = subprocess.run([Path(sys.executable).with_name("mypyc"), *MODULES], cwd=copy, check=False)
        for library in copy.rglob("*.so") if done.returncode == 0 else ():
            if "build" not in library.relative_to(copy).parts:
                made = shutil.copyfile(library, ROOT / library.relative_to(copy))
                # As old as the sources it was made from: what is edited meanwhile is newer.
                os.utime(made, (began_s, began_s))
    return done.returncode


def _with_plain_dataclasses(module: Path) -> None:
    """Have the dataclasses of a module made as Python makes them, by the functions that are compiled.

    mypyc cannot give its own classes slots, which ours have. What tells it so comes with mypyc alone, so it
    is no part of the sources.
    """
    text = module.read_text("utf-8")
    told = re.sub(r"^@dataclass", r"@mypyc_attr(native_class=False)\n@dataclass", text, flags=re.MULTILINE)
    if told != text:
        line = "from dataclasses import"
        module.write_text(told.replace(line, f"from mypy_extensions import mypyc_attr\n{line}", 1), "utf-8")


def _sources() -> Iterator[Path]:
    return (source for package in PACKAGES for source in (ROOT / package).rglob("*.py"))


def _libraries() -> Iterator[Path]:
    yield from ROOT.glob("*__mypyc.*.so")
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.so")


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
