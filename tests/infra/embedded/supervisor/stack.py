"""A supervisor to be killed: ``python -m tests.infra.embedded.supervisor.stack FOLDER [MODULE]``.

Two parts under test, the second with a child of its own, and if named a real part of Penstock.
"""

import asyncio
import signal
import sys
from pathlib import Path

from infra.embedded.supervisor import Event, Part, run
from tests.infra.embedded.supervisor.journal import Journal


def _tell(event: Event) -> None:
    print("event", event.kind, event.part, event.pid, flush=True)


async def _until_told(parts: list[Part], folder: Path) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await run(parts, data_dir=folder, stop=stop, on_event=_tell)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    journal = Journal(folder / "journal")
    parts = [journal.part("a", "stubborn", stop_within_s=1.0), journal.part("b", "forking", after=("a",))]
    parts += [Part("real", (sys.executable, "-m", module)) for module in sys.argv[2:]]
    sys.exit(asyncio.run(_until_told(parts, folder)))
