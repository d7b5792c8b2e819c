"""A supervisor to be killed: ``python -m tests.infra.embedded.supervisor.stack FOLDER [MODULE]``.

Two parts under test, the second with a child of its own, and if named a real part of Penstock.
"""

import sys
from pathlib import Path

from infra.embedded.supervisor import Event, Part, supervise
from tests.infra.embedded.supervisor.journal import Journal


def _tell(event: Event) -> None:
    print("event", event.kind, event.part, event.pid, flush=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    journal = Journal(folder / "journal")
    parts = [journal.part("a", "stubborn", stop_within_s=1.0), journal.part("b", "forking", after=("a",))]
    parts += [Part("real", (sys.executable, "-m", module)) for module in sys.argv[2:]]
    sys.exit(supervise(parts, folder, on_event=_tell))
