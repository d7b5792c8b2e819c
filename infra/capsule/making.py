"""A capsule with names, or without: then the one with names is there only while the other is made."""

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from processors.replay.capsule.create import Made
from processors.replay.capsule.redaction.redact import redact
from processors.replay.share import Report
from schemas.errors import RefusedError

SALT_BYTES = 32
# Writes a capsule with names.
Make = Callable[[Path], Made]


def without_names(make: Make, target: Path, *, jobs: int, report: Report) -> Made:
    """Write what ``make`` writes to ``target`` without names. The salt is forgotten.

    Raises:
        RefusedError: it would be judged otherwise without names, or the disk does not take it.
    """
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            plain = Path(folder) / "with-names"
            make(plain)
            return redact(plain, target, secrets.token_bytes(SALT_BYTES), jobs=jobs, report=report)
    except OSError as exc:
        raise RefusedError(f"the capsule {target} cannot be written: {exc.strerror or exc}") from exc
