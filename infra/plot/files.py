"""Pictures into files: PNG or SVG, by the end of the name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.errors import ConfigError, RefusedError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: Final = (".png", ".svg")
DPI: Final = 144


def check(file: Path) -> None:
    """Say what is wrong with the name of a picture, or with the machine, before anything is computed.

    Raises:
        ConfigError: it ends otherwise, its folder is not there, or matplotlib is not installed.
    """
    if file.suffix.lower() not in KINDS:
        raise ConfigError(f"--plot {file}: the name must end in {' or '.join(KINDS)}")
    if not file.parent.is_dir():
        raise ConfigError(f"--plot {file}: there is no folder {file.parent}")
    try:
        import matplotlib  # noqa: F401 - whether it is there
    except ImportError:
        raise ConfigError("--plot needs matplotlib: install penstock[plot]") from None


def save(figure: "Figure", file: Path) -> None:
    """Write a picture; the file has its name only when it is whole. Equal pictures are equal bytes.

    Raises:
        RefusedError: the disk does not take it.
    """
    import matplotlib as mpl

    part = file.with_name(file.name + ".part")
    kind = file.suffix.lower().lstrip(".")
    try:
        # Text in an SVG stays text, and its ids and date do not differ from run to run.
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "penstock"}):
            figure.savefig(part, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else {})
        os.replace(part, file)  # noqa: PTH105 - Path.replace says nothing more
    except OSError as exc:
        raise RefusedError(f"the picture {file} cannot be written: {exc}") from exc
    finally:
        part.unlink(missing_ok=True)
