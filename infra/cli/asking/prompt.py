"""The prompt of ``penstock sql``: statements end with a semicolon, commands begin with a backslash."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import ThreadedCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import Output
from pygments.lexers.sql import SqlLexer
from rich.console import Console
from rich.text import Text

from infra.cli.asking.client import SqlClient
from infra.cli.asking.table import show
from infra.cli.asking.words import SqlCompleter, Words, read_words
from schemas.errors import PenstockError

HELP = r"""End a statement with ; and Enter. Tab completes, Up brings back, Ctrl-C ends a query, Ctrl-D
leaves.
  \d          tables            \d TABLE    its columns
  \f WORD     functions         \n          the nodes
  \x          rows one by one, on and off
  \q          leave             \?          this
"""
_QUERIES = {
    r"\d": "SELECT name AS table, total_rows AS rows, total_bytes, comment FROM system.tables "
    "WHERE database = currentDatabase() AND engine LIKE '%MergeTree%' OR "
    "database = currentDatabase() AND engine = 'View' ORDER BY name",
    r"\n": "SELECT * FROM nodes ORDER BY node_id",
}


@dataclass(slots=True)
class Prompt:
    """One conversation."""

    client: SqlClient
    console: Console
    vertical: bool = False

    def answer(self, text: str) -> bool:
        """Answer one input and return whether to go on."""
        text = text.strip()
        if text.rstrip(";").strip().lower() in {"", "exit", "quit", r"\q"}:
            return text.strip(";") == ""
        if text == r"\x":
            self.vertical = not self.vertical
            self.console.print(f"rows one by one: {'on' if self.vertical else 'off'}")
        elif text in {r"\?", "help", "help;", r"\h"}:
            self.console.print(HELP, highlight=False, markup=False)
        elif query := statement(text):
            self._ask(query)
        else:
            self.console.print(Text(rf"{text.split()[0]} is not known; \? lists what is", style="red"))
        return True

    def _ask(self, query: str) -> None:
        started = time.monotonic()
        try:
            rows = self.client.rows(query)
        except PenstockError as exc:
            self.console.print(Text(str(exc), style="red"))
        except KeyboardInterrupt:
            # The connection is closed by now, and with it the query ends.
            self.console.print(Text("ended", style="yellow"))
        else:
            show(self.console, rows, vertical=self.vertical)
            self.console.print(Text(f"{time.monotonic() - started:.3f} s", style="dim"))


def statement(text: str) -> str:
    """Return the statement that an input means; empty where a backslash means nothing."""
    if not text.startswith("\\"):
        return text.rstrip().rstrip(";")
    command, _, argument = text.rstrip("; ").partition(" ")
    quoted = argument.strip().replace("\\", "\\\\").replace("'", "\\'")
    if command == r"\d" and argument:
        return "DESCRIBE TABLE `" + argument.strip().replace("`", "") + "`"
    if command == r"\f":
        named = f"name ILIKE '%{quoted}%'"
        return f"SELECT name, is_aggregate, syntax FROM system.functions WHERE {named} ORDER BY name"
    return _QUERIES.get(command, "")


def is_whole(text: str) -> bool:
    """Tell whether Enter asks, or begins another line."""
    text = text.strip()
    return not text or text.endswith(";") or text.startswith("\\") or text.lower() in {"exit", "quit", "help"}


def run(
    prompt: Prompt,
    history: Path | None,
    *,
    input_: Input | None = None,
    output: Output | None = None,
) -> None:
    """Converse until the end of the input."""
    completer = SqlCompleter(_words(prompt))
    session: PromptSession[str] = PromptSession(
        "penstock> ",
        multiline=True,
        prompt_continuation="      ... ",
        history=_history(history),
        lexer=PygmentsLexer(SqlLexer),
        completer=ThreadedCompleter(completer),
        complete_while_typing=False,
        key_bindings=_keys(),
        input=input_,
        output=output,
    )
    prompt.console.print(Text(rf"{prompt.client.url}: \? helps, Ctrl-D leaves", style="dim"))
    _converse(session.prompt, prompt)


def _converse(read: Callable[[], str], prompt: Prompt) -> None:
    while True:
        try:
            if not prompt.answer(read()):
                return
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _words(prompt: Prompt) -> Words:
    try:
        return read_words(prompt.client)
    except PenstockError as exc:
        # The prompt is of use without completion, and the API may come back.
        prompt.console.print(Text(str(exc), style="yellow"))
        return Words()


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @Condition
    def whole() -> bool:
        from prompt_toolkit.application import get_app

        return is_whole(get_app().current_buffer.text)

    @keys.add("enter", filter=whole)
    def ask(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return keys
