"""A part under test: ``program.py JOURNAL NAME BEHAVIOUR``; writes what happens to it into the journal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

journal, name, behaviour = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def note(what: str) -> None:
    with journal.open("a") as file:
        file.write(f"{what} {name} {os.getpid()}\n")


def stop(_number: int, _frame: FrameType | None) -> None:
    note("stopped")
    sys.exit(0)


def ignore(_number: int, _frame: FrameType | None) -> None:
    note("ignored")


signal.signal(signal.SIGTERM, ignore if behaviour == "stubborn" else stop)
if behaviour == "forking":
    subprocess.Popen([sys.executable, __file__, str(journal), f"{name}-inner", "stubborn"])
note("started")
if behaviour.startswith("exit"):
    print("some line\npenstock: the reason")
    sys.exit(int(behaviour.removeprefix("exit")))
if behaviour == "crash-once" and journal.read_text().count(f"started {name} ") == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "long-line":
    print("x" * 300_000)
    print("end", flush=True)
while True:
    time.sleep(60)
