"""Tables of Markdown, and parts of a file between two marks."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; a pipe within a cell is escaped."""
    lines = [_line(columns), _line(["---"] * len(columns))]
    return "\n".join([*lines, *map(_line, rows)]) + "\n"


def replace_part(document: str, name: str, text: str) -> str:
    """Return the document with ``text`` between ``<!-- name -->`` and ``<!-- /name -->``.

    Raises:
        ValueError: the document has no such marks.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no part {name} in the document")
    return f"{before}{begin}{text.rstrip()}\n{end}{after}"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
