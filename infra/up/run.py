"""``penstock up``: the parts under the supervisor, and what happens to them on the screen."""

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.embedded.supervisor import Event, Part, run
from infra.up import log_files, words
from infra.up.fleet_lines import Line
from infra.up.log_files import LogFiles
from infra.up.parts import parts
from infra.up.screen import Screen
from schemas.settings import Settings

# Where the terminal goes away, so do we.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Up:
    """One run: follows the supervisor's events, and says when everything is there."""

    def __init__(self, settings: Settings, screen: Screen, *, config: Path | None, verbose: bool) -> None:
        self._settings = settings
        self._screen = screen
        self._config = config
        self._verbose = verbose
        self._logs = LogFiles(settings.data_dir / "logs", self._show, everything=verbose)
        self._began = time.monotonic()
        self._began_at = time.time_ns() // 1000
        self._waiting_for: set[str] = set()
        self._all_ready = asyncio.Event()
        self._stopping = False

    async def run(self, *, demo: bool) -> None:
        """Run until told to stop.

        Raises:
            ConfigError: before anything starts: a port is in use, or another instance has the data directory.
            UnavailableError: a part does not come up.
        """
        stop, force = asyncio.Event(), asyncio.Event()
        self._listen_for_signals(stop, force)
        wanted = parts(self._settings, config=self._config, demo=demo)
        self._waiting_for = {part.name for part in wanted}
        watching = asyncio.create_task(self._watch())
        try:
            await self._supervise(wanted, stop, force)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._logs.close()
        self._say_last("stopped")

    def _say_last(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be what is gone
            self._screen.say(text)

    async def _supervise(self, wanted: Sequence[Part], stop: asyncio.Event, force: asyncio.Event) -> None:
        await run(
            wanted,
            data_dir=self._settings.data_dir,
            stop=stop,
            force=force,
            on_event=self._happened,
            on_line=self._said,
        )

    def _listen_for_signals(self, stop: asyncio.Event, force: asyncio.Event) -> None:
        def told() -> None:
            if stop.is_set():
                force.set()
                return
            self._stopping = True
            stop.set()
            self._say_last("stopping; again to force")

        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, told)

    def _happened(self, event: Event) -> None:
        match event.kind:
            case "starting":
                self._screen.part(event.part, "starting")
            case "ready":
                self._screen.part(event.part, "ready")
                self._waiting_for.discard(event.part)
                if not self._waiting_for:
                    self._all_ready.set()
            case "died":
                self._screen.say(f"{event.part} died: {event.detail}", style="red")
            case "restarting":
                self._screen.part(event.part, "restarting", f"in {event.delay_s:g} s")
            case "stopping" | "stopped":
                pass

    def _said(self, part: str, line: str) -> None:
        self._logs.take(part, line)
        how_far = log_files.progress(line)
        if how_far:
            self._screen.part(part, "starting", how_far)

    def _show(self, part: str, text: str) -> None:
        """Show a line as what a part is busy with until all are up; as a line that stays from then on.

        Parts that start side by side find each other away for a moment, and say so.
        """
        if self._stopping:
            return
        if self._verbose or self._all_ready.is_set():
            self._screen.say(f"{part} | {text}", style="yellow")
        elif part in self._waiting_for:
            self._screen.part(part, "starting", text)

    def _show_nodes(self, lines: Sequence[Line]) -> None:
        # While we stop, nodes fall silent one after another: what they did last is what is worth keeping.
        if not self._stopping:
            self._screen.nodes(lines)

    async def _watch(self) -> None:
        await self._all_ready.wait()
        # Imported now: the parts do not wait for it, and it is half a second.
        from infra.up import watch

        self._introduce()
        watching = asyncio.create_task(watch.nodes(self._settings, self._show_nodes))
        try:
            await watch.first_row(self._settings, self._began_at)
            self._screen.say(f"first rows in ClickHouse after {time.monotonic() - self._began:.1f} s")
            await watching
        finally:
            watching.cancel()

    def _introduce(self) -> None:
        say = self._screen.say
        say(
            f"\neverything is up after {time.monotonic() - self._began:.1f} s; Ctrl-C stops it\n",
            style="bold",
        )
        for what, where in words.places(self._settings):
            say(f"  {what:<9}{where}")
        say("\nTry in another terminal:\n")
        for command in words.queries(words.program(self._config)):
            say(f"  {command}")
        say("")
