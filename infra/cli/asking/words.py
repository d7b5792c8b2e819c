"""Words that the prompt completes: tables, columns, functions and the language."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from api.sql.verdict import is_function
from infra.cli.asking.client import SqlClient

_LANGUAGE = """
    SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET WITH AS JOIN LEFT INNER ASOF ON USING UNION ALL
    DISTINCT CASE WHEN THEN ELSE END AND OR NOT IN BETWEEN LIKE ILIKE IS NULL INTERVAL SECOND MINUTE HOUR DAY
    DESC ASC ARRAY PREWHERE QUALIFY OVER PARTITION FILL STEP DESCRIBE SHOW TABLES COLUMNS EXPLAIN
"""
KEYWORDS = tuple(_LANGUAGE.split())
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_AFTER_DOT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z0-9_]*)$")


@dataclass(frozen=True, slots=True)
class Words:
    """What there is to name."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    functions: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables, by name."""
        return tuple(self.columns)


def read_words(client: SqlClient) -> Words:
    """Ask the store what it has; raises as ``SqlClient.rows``."""
    columns: dict[str, list[str]] = {}
    asked = (
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position"
    )
    for table, name in client.rows(asked).rows:
        columns.setdefault(table, []).append(name)
    functions = client.rows("SELECT name FROM system.functions ORDER BY name").rows
    return Words(
        {table: tuple(names) for table, names in columns.items()},
        tuple(name for (name,) in functions if is_function(name)),
    )


class SqlCompleter(Completer):
    """Completes the word before the cursor; columns of the tables that the query names come first."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what the word may become."""
        before = document.text_before_cursor
        if dotted := _AFTER_DOT.search(before):
            columns = self.words.columns.get(dotted.group(1), ())
            yield from _matching({"column": columns}, dotted.group(2))
        elif word := _WORD.search(before):
            yield from _matching(self._known(document.text), word.group())

    def _known(self, text: str) -> Mapping[str, Iterable[str]]:
        named = [table for table in self.words.tables if re.search(rf"\b{table}\b", text)]
        columns = dict.fromkeys(column for table in named for column in self.words.columns[table])
        return {
            "column": columns,
            "table": self.words.tables,
            "": KEYWORDS,
            "function": self.words.functions,
        }


def _matching(known: Mapping[str, Iterable[str]], word: str) -> Iterable[Completion]:
    for kind, names in known.items():
        for name in names:
            if name.lower().startswith(word.lower()) and name != word:
                # Keywords as they are typed: small stays small.
                text = name.lower() if not kind and word.islower() else name
                yield Completion(text, -len(word), display_meta=kind)
