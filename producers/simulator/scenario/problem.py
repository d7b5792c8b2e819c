"""What is wrong with a scenario file: all of it at once, each with its line."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.errors import ConfigError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. ``field`` is empty where it concerns the file."""

    line: int
    field: str
    message: str


class ScenarioError(ConfigError):
    """A scenario cannot be used; the text names file, line and field of every problem."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems: Sequence[Problem] = tuple(sorted(set(problems)))
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        for problem in self.problems:
            field = f"{problem.field}: " if problem.field else ""
            yield f"{self.file}:{problem.line}: {field}{problem.message}"


def one_of(name: str, known: Iterable[str], *, what: str = "") -> str:
    """Return what to say of a name that is not known: the nearest, or all of them where they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    if not names:
        return f"; there is no {what}" if what else ""
    if len(names) <= 12:
        return f"; there {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
    return f"; there are {len(names)}, such as {', '.join(names[:6])}"
